//! What a state may show where certain writes are held.

use std::collections::BTreeSet;

use super::{Call, CallId, Oracle};
use crate::plan::{Action, BORN, NodeId, SessionId, value_of};
use crate::record::{Content, IdName, Shown};

/// A look at a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    pub(crate) session: SessionId,
    pub(crate) shown: &'a Shown,
    /// The id by which; a look into a node needs none.
    pub(crate) by: IdName,
    /// Who showed it, if that is known.
    pub(crate) node: Option<NodeId>,
    /// When at the latest, in microseconds.
    pub(crate) until_us: u64,
}

impl Oracle {
    /// Whether a replica that holds all of `required` may show this.
    ///
    /// # Errors
    /// Says what is missing or should not be there.
    pub(crate) fn check_look(&self, look: Look<'_>, required: &BTreeSet<CallId>) -> Result<(), String> {
        let Look { session, shown, .. } = look;
        if !self.is_planned(session) {
            return Ok(());
        }
        let required_of = |action: Action| {
            required.iter().find(|id| self.call(**id).is_some_and(|call| call.planned.action == action))
        };
        let by = look.node.map_or_else(|| "a node".to_owned(), |node| node.to_string());
        match shown {
            Shown::Live(content) => {
                if let Some((revoke, _)) = required_of(Action::Revoke) {
                    return Err(format!("{by} shows {session} live, but operation {revoke} revoked it"));
                }
                self.check_content(session, content, required).map_err(|what| format!("{by}: {what}"))
            }
            Shown::Revoked => {
                let mut revokes = self.effects(session).filter(|call| call.planned.action == Action::Revoke);
                match revokes.next() {
                    Some(_) => Ok(()),
                    None if self.may_be_logged_out(session) => Ok(()),
                    None => Err(format!("{by} shows {session} revoked, but nobody revoked it")),
                }
            }
            Shown::Absent => match required_of(Action::Create) {
                Some((create, _))
                    if !self.may_be_unknown(session, look.by, required)
                        && !self.may_be_expired(look, required) =>
                {
                    Err(format!("{by} has no {session}, which operation {create} created"))
                }
                _ => Ok(()),
            },
            // What has ended has no id any more.
            Shown::Rotated => match required_of(Action::Revoke) {
                Some((revoke, _)) => {
                    Err(format!("{by} takes {session} for rotated, but operation {revoke} revoked it"))
                }
                None => Ok(()),
            },
            Shown::Partial => Ok(()),
        }
    }

    fn check_content(
        &self,
        session: SessionId,
        content: &Content,
        required: &BTreeSet<CallId>,
    ) -> Result<(), String> {
        self.check_born(session, content)?;
        for (name, value) in content.attributes.iter().filter(|(name, _)| *name != BORN) {
            self.check_value(session, name, value, required)?;
        }
        self.check_missing(session, content, required)?;
        for member in &content.members {
            self.check_member(session, member, required)?;
        }
        self.check_principal(session, content.principal.as_deref(), required)?;
        let (least, most) = self.counter_range(session, required);
        if !(least..=most).contains(&content.counter) {
            let counter = content.counter;
            return Err(format!("counter of {session} is {counter}; it must be from {least} to {most}"));
        }
        Ok(())
    }

    /// A session without what it was created with is only a part of one.
    fn check_born(&self, session: SessionId, content: &Content) -> Result<(), String> {
        let born = content.attributes.get(BORN);
        match born.map(|born| self.creates(session).iter().any(|create| value_of(create.id.0) == *born)) {
            Some(true) => Ok(()),
            Some(false) => Err(format!("{session} was never created with what it shows")),
            None => Err(format!("{session} is shown without what it was created with")),
        }
    }

    fn check_value(
        &self,
        session: SessionId,
        name: &str,
        value: &str,
        required: &BTreeSet<CallId>,
    ) -> Result<(), String> {
        let operation = value.strip_prefix('v').and_then(|number| number.parse().ok());
        let of_name = |call: &Call| {
            touched(call).is_some_and(|field| matches!(field, Field::Attribute(_)) && field.is(name))
        };
        let writers = self.effects(session).filter(|call| Some(call.id.0) == operation);
        let mut writers =
            writers.filter(|call| of_name(call) && matches!(call.planned.action, Action::Set { .. }));
        let Some(writer) = writers.next() else {
            return Err(format!("{name} of {session} is {value}, which nobody wrote"));
        };
        if self.is_superseded(writer, required, of_name) {
            return Err(format!("{name} of {session} is {value}, which a later write has replaced"));
        }
        Ok(())
    }

    /// Whatever must be there and is not may have been removed.
    fn check_missing(
        &self,
        session: SessionId,
        content: &Content,
        required: &BTreeSet<CallId>,
    ) -> Result<(), String> {
        for id in required {
            let Some(write) = self.call(*id).filter(|call| call.planned.session == session) else { continue };
            let Some(field) = touched(write).filter(|_| adds(write.planned.action)) else { continue };
            let is_there = match field {
                Field::Attribute(_) => content.attributes.keys().any(|name| field.is(name)),
                Field::Member(_) => content.members.iter().any(|name| field.is(name)),
                Field::Login => content.principal.is_some(),
            };
            let is_removal = |call: &Call| {
                touched(call) == Some(field) && !adds(call.planned.action) && self.may_follow(call, write)
            };
            if !is_there && !self.effects(session).any(is_removal) {
                return Err(format!("{session} does not show what operation {} wrote", id.0));
            }
        }
        Ok(())
    }

    fn check_member(
        &self,
        session: SessionId,
        member: &str,
        required: &BTreeSet<CallId>,
    ) -> Result<(), String> {
        let of_member = |call: &Call| {
            touched(call).is_some_and(|field| matches!(field, Field::Member(_)) && field.is(member))
        };
        let is_removal = |call: &Call| of_member(call) && !adds(call.planned.action);
        let mut additions = self.effects(session).filter(|call| of_member(call) && adds(call.planned.action));
        // An addition that no removal had seen wins.
        if additions.any(|addition| !self.is_superseded(addition, required, is_removal)) {
            return Ok(());
        }
        Err(format!("{member} is in the set of {session}, but was never added or was removed after"))
    }

    fn check_principal(
        &self,
        session: SessionId,
        principal: Option<&str>,
        required: &BTreeSet<CallId>,
    ) -> Result<(), String> {
        let Some(principal) = principal else { return Ok(()) };
        let is_login = |call: &Call| touched(call) == Some(Field::Login);
        let is_this = |call: &&Call| match call.planned.action {
            Action::Login { principal: number } => format!("p{number}") == principal,
            _ => false,
        };
        let mut logins = self.effects(session).filter(is_this);
        if logins.any(|login| !self.is_superseded(login, required, is_login)) {
            return Ok(());
        }
        Err(format!("{session} is logged in as {principal}, which nobody did or a later login replaced"))
    }
}

/// A part of a session that writes compete for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Attribute(u8),
    Member(u8),
    Login,
}

impl Field {
    fn is(self, name: &str) -> bool {
        match self {
            Self::Attribute(number) => name == format!("a{number}"),
            Self::Member(number) => name == format!("m{number}"),
            Self::Login => false,
        }
    }
}

fn touched(call: &Call) -> Option<Field> {
    match call.planned.action {
        Action::Set { field } | Action::Remove { field } => Some(Field::Attribute(field)),
        Action::AddMember { member } | Action::RemoveMember { member } => Some(Field::Member(member)),
        Action::Login { .. } => Some(Field::Login),
        _ => None,
    }
}

fn adds(action: Action) -> bool {
    matches!(action, Action::Set { .. } | Action::AddMember { .. } | Action::Login { .. })
}
