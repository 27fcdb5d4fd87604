//! Which of a session's ids may be accepted, and which may be refused.

use std::collections::BTreeSet;

use super::{Call, CallId, Oracle};
use crate::full_level::may_send_elsewhere;
use crate::plan::{Action, Level, SessionId};
use crate::record::IdName;

/// An id that a node has judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdLook {
    pub(crate) session: SessionId,
    pub(crate) id: IdName,
    /// When at the earliest and at the latest, in microseconds.
    pub(crate) span_us: (u64, u64),
}

/// So many replaced ids are remembered by the product.
const REPLACED_MAX: usize = 8;

impl Oracle {
    /// The rotations of a session that may have been made.
    fn rotations(&self, session: SessionId) -> impl Iterator<Item = (&Call, u64)> {
        self.effects(session).filter_map(|call| Some((call, grace_us(call)?)))
    }

    /// Whether a replica that holds `required` may never have heard of an id, or have forgotten it.
    pub(super) fn may_be_unknown(&self, session: SessionId, id: IdName, required: &BTreeSet<CallId>) -> bool {
        let IdName::Of(operation) = id else { return false };
        let is_held = [false, true].iter().any(|again| required.contains(&(operation, *again)));
        !is_held || self.rotations(session).count() >= REPLACED_MAX
    }

    /// Whether a replica that holds `required` may accept an id.
    ///
    /// # Errors
    /// Says what has replaced it.
    pub(crate) fn check_accepted(&self, look: IdLook, required: &BTreeSet<CallId>) -> Result<(), String> {
        let IdLook { session, id, .. } = look;
        let held = self.rotations(session).filter(|(call, _)| required.contains(&call.id));
        for (rotation, grace_us) in held {
            let is_over = if grace_us == 0 {
                self.is_beaten(id, rotation)
            } else {
                self.comes_before(id, rotation) && self.is_grace_over(look)
            };
            if is_over {
                let operation = rotation.id.0;
                return Err(format!("{id} of {session} is accepted, which operation {operation} replaced"));
            }
        }
        Ok(())
    }

    /// Whether an id may be the session's where `required` is held.
    ///
    /// # Errors
    /// Says what has replaced it, or that nobody gave it.
    pub(crate) fn check_current(
        &self,
        session: SessionId,
        id: IdName,
        required: &BTreeSet<CallId>,
    ) -> Result<(), String> {
        if let IdName::Of(given) = id
            && self.rotations(session).all(|(call, _)| call.id.0 != given)
        {
            return Err(format!("{session} has an id that no operation gave it"));
        }
        let mut held = self.rotations(session).filter(|(call, _)| required.contains(&call.id));
        let has_replaced = |(rotation, grace_us): &(&Call, u64)| {
            self.comes_before(id, rotation) || *grace_us == 0 && self.is_beaten(id, rotation)
        };
        match held.find(has_replaced) {
            Some((rotation, _)) => {
                Err(format!("{session} has {id}, which operation {} replaced", rotation.id.0))
            }
            None => Ok(()),
        }
    }

    /// Whether an id may be refused because another one took its place.
    ///
    /// # Errors
    /// Says that none did, or that its grace is not over.
    pub(crate) fn check_refused(&self, look: IdLook) -> Result<(), String> {
        let IdLook { session, id, span_us: (_, until_us) } = look;
        self.check_rotated(session, id)?;
        let may_end = |(call, grace_us): (&Call, u64)| {
            grace_us == 0 || until_us + self.tolerance_us() >= call.invoked_us + grace_us
        };
        let given_by = |call: &Call| IdName::Of(call.id.0) == id;
        let mut rivals =
            self.rotations(session).filter(|(call, _)| given_by(call) || self.may_replace(call, id));
        if rivals.any(may_end) || self.nodes().has_any_clock_trouble(until_us) {
            return Ok(());
        }
        Err(format!("{id} of {session} is refused before its grace is over"))
    }

    /// Whether another id may have taken the place of this one.
    ///
    /// # Errors
    /// Says that none did.
    pub(crate) fn check_rotated(&self, session: SessionId, id: IdName) -> Result<(), String> {
        if self.rotations(session).any(|(call, _)| self.may_replace(call, id)) {
            return Ok(());
        }
        Err(format!("{id} of {session} is taken for replaced, which it never was"))
    }

    /// Whether a rotation without grace, where it is known, leaves an id nothing: it came
    /// after it, or the id has seen no rotation without grace that may come out above it.
    fn is_beaten(&self, id: IdName, rotation: &Call) -> bool {
        let line = self.line(id);
        if line.contains(&rotation.id.0) {
            return false;
        }
        let is_cut = |operation: &&usize| self.planned_grace_us(**operation) == Some(0);
        match line.iter().find(is_cut) {
            None => true,
            Some(cut) => self.line(rotation.shows).contains(cut) && self.is_made_once(*cut),
        }
    }

    /// Whether a rotation came after an id for certain, so that it is not the session's
    /// where the rotation is known.
    fn comes_before(&self, id: IdName, rotation: &Call) -> bool {
        match id {
            IdName::First => true,
            IdName::Of(operation) => {
                self.line(rotation.shows).contains(&operation) && self.is_made_once(operation)
            }
        }
    }

    /// Whether a rotation may take the place of an id: it is not certain that it came before.
    fn may_replace(&self, rotation: &Call, id: IdName) -> bool {
        let operation = rotation.id.0;
        IdName::Of(operation) != id && !(self.line(id).contains(&operation) && self.is_made_once(operation))
    }

    /// Whether all graces that a replaced id was ever left are over.
    fn is_grace_over(&self, look: IdLook) -> bool {
        let IdLook { session, id, span_us: (from_us, until_us) } = look;
        let leaves = |call: &Call| call.shows == id || IdName::Of(call.id.0) == id;
        let mut leaving = self.rotations(session).filter(|(call, _)| leaves(call));
        let is_over = |(call, grace_us): (&Call, u64)| {
            let end_us = call.made().map(|(_, made_us)| made_us + grace_us + self.tolerance_us());
            end_us.is_some_and(|end_us| end_us < from_us) && self.is_made_once(call.id.0)
        };
        !self.nodes().has_any_clock_trouble(until_us) && leaving.all(is_over)
    }

    /// The rotations by which an id came about, the last one first.
    fn line(&self, id: IdName) -> Vec<usize> {
        let mut line = Vec::new();
        let mut next = id;
        while let IdName::Of(operation) = next {
            if line.contains(&operation) {
                break;
            }
            line.push(operation);
            next = self.call((operation, false)).map_or(IdName::First, |call| call.shows);
        }
        line
    }

    fn planned_grace_us(&self, operation: usize) -> Option<u64> {
        self.call((operation, false)).and_then(grace_us)
    }

    /// Whether a rotation cannot have been made a second time, by a replica that did not know of the first.
    fn is_made_once(&self, operation: usize) -> bool {
        let client = self.plan().operations.get(operation).map(|planned| planned.client);
        let elsewhere = self.plan().level == Level::Full && client.is_some_and(may_send_elsewhere);
        !elsewhere && self.effects_max(operation) == 1
    }
}

/// Of a rotation.
fn grace_us(call: &Call) -> Option<u64> {
    match call.planned.action {
        Action::Rotate { grace_ms } => Some(1_000 * u64::from(grace_ms)),
        _ => None,
    }
}
