//! The record's table of origins: each is written once, then named by its index.

use std::collections::BTreeSet;

use super::DecodeError;
use super::read::Reader;
use super::write::Writer;
use crate::session::{Origin, ReplicaId, Root, Session, VersionVector};

/// The creator first, the others ascending.
#[derive(Debug)]
pub(crate) struct Origins {
    table: Vec<Origin>,
    used: Vec<bool>,
}

impl Origins {
    pub(super) fn of(session: &Session) -> Self {
        let creator = session.birth.created.origin;
        let mut others = BTreeSet::new();
        collect(session, &mut |origin| {
            if origin != creator {
                others.insert(origin);
            }
        });
        Self { table: std::iter::once(creator).chain(others).collect(), used: Vec::new() }
    }

    /// The index of an origin that was collected.
    pub(super) fn index(&self, origin: Origin) -> u64 {
        if self.table.first() == Some(&origin) {
            return 0;
        }
        let others = self.table.get(1..).unwrap_or_default();
        let place = match others.binary_search(&origin) {
            Ok(place) | Err(place) => place,
        };
        place as u64 + 1
    }

    pub(super) fn write(&self, out: &mut Writer) {
        for (i, origin) in self.table.iter().enumerate() {
            let more = u64::from(i + 1 < self.table.len());
            out.varint(u64::from(origin.replica.0) << 1 | more);
            out.varint(u64::from(origin.incarnation));
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut table: Vec<Origin> = Vec::with_capacity(4);
        loop {
            reader.item()?;
            let head = reader.varint()?;
            let replica = u16::try_from(head >> 1).ok();
            let incarnation = u32::try_from(reader.varint()?).ok();
            let (Some(replica), Some(incarnation)) = (replica, incarnation) else {
                return Err(DecodeError::Malformed("an origin out of range"));
            };
            let origin = Origin { replica: ReplicaId(replica), incarnation };
            let ordered = table.len() < 2 || table.last() < Some(&origin);
            if !ordered || table.first() == Some(&origin) {
                return Err(DecodeError::Malformed("origins out of order"));
            }
            table.push(origin);
            if head & 1 == 0 {
                let used = vec![false; table.len()];
                return Ok(Self { table, used });
            }
        }
    }

    pub(crate) fn creator(&self) -> Origin {
        self.table.first().copied().unwrap_or_default()
    }

    /// The origin at an index.
    pub(crate) fn get(&mut self, index: u64) -> Result<Origin, DecodeError> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let origin = self.table.get(index).ok_or(DecodeError::Malformed("an unknown origin"))?;
        self.used[index] = true;
        Ok(*origin)
    }

    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        let unused = self.used.iter().skip(1).any(|used| !used);
        if unused { Err(DecodeError::Malformed("an origin that nothing names")) } else { Ok(()) }
    }
}

fn collect(session: &Session, found: &mut impl FnMut(Origin)) {
    let body = match &session.root {
        Root::Revoked(revocation) => return found(revocation.stamp.origin),
        Root::Live(body) => body,
    };
    body.lapsed.iter().for_each(|lapsed| found(lapsed.origin));
    let vector = |vector: &VersionVector, found: &mut dyn FnMut(Origin)| {
        vector.dots.keys().for_each(|&origin| found(origin));
    };
    for write in body.ids.writes() {
        found(write.dot.origin);
        vector(&write.seen, found);
        if let Some(cut) = write.value.as_ref().and_then(|rotation| rotation.cut) {
            found(cut.origin);
        }
    }
    body.replays.marks().iter().for_each(|mark| found(mark.dot.origin));
    for write in body.auth.writes() {
        found(write.dot.origin);
        vector(&write.seen, found);
        if let Some(auth) = &write.value {
            vector(&auth.epoch_seen, found);
        }
    }
    for write in body.attributes.values().flat_map(|register| register.writes()) {
        found(write.dot.origin);
        vector(&write.seen, found);
    }
    for share in body.counters.values().flat_map(|counter| counter.shares()) {
        found(share.origin);
    }
    for presence in body.sets.values().flat_map(|members| members.values()) {
        vector(&presence.clocks().0, found);
    }
}
