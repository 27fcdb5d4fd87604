//! PURE. What a remote fragment or state may say, given who sent it and what is here.
//!
//! A dot is used once, by its origin alone. A peer that names dots which their
//! origin has not yet used would make later writes look as if they had been
//! seen, and so lose them. Origins of other nodes cannot be judged here.

use crate::session::{Dot, Origin, Root, Session};

/// Why a fragment or state cannot be what its sender was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Implausible {
    /// It names a write of this node that was never made.
    #[error("it names a write that this node has not made")]
    OfThisNode,
    /// It names a later write of its own origin.
    #[error("it names a later write of its own origin")]
    LaterThanItself,
    /// It changes this node's share of a counter.
    #[error("it changes what this node added to a counter")]
    ShareOfThisNode,
}

/// What this node itself has written in the partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) origin: Origin,
    pub(super) seq: u64,
}

/// Checks the fragment of an entry that another node wrote.
pub(super) fn check_fragment(fragment: &Session, entry: Dot, own: Own) -> Result<(), Implausible> {
    check_state(fragment, own)?;
    let later = |dot: Dot| dot.origin == entry.origin && dot.seq > entry.seq;
    if any_dot(fragment, later) {
        return Err(Implausible::LaterThanItself);
    }
    // An import brings whole states, with the shares of all who ever added.
    if fragment.complete {
        return Ok(());
    }
    // Any other fragment carries the share of its origin alone.
    let counters = fragment.body().into_iter().flat_map(|body| body.counters.values());
    if counters.flat_map(|counter| counter.shares()).any(|share| share.origin == own.origin) {
        return Err(Implausible::ShareOfThisNode);
    }
    Ok(())
}

/// Checks a full state.
pub(super) fn check_state(state: &Session, own: Own) -> Result<(), Implausible> {
    let invented = |dot: Dot| dot.origin == own.origin && dot.seq > own.seq;
    if any_dot(state, invented) { Err(Implausible::OfThisNode) } else { Ok(()) }
}

/// The newest time in a fragment or state, as a stamp.
pub(super) fn newest_hlc(session: &Session) -> u64 {
    let body = match &session.root {
        Root::Revoked(revocation) => return revocation.stamp.hlc.max(session.birth.created.hlc),
        Root::Live(body) => body,
    };
    let attributes = body.attributes.values().flat_map(|register| register.writes()).map(|write| write.hlc);
    let logins = body.auth.writes().iter().map(|write| write.hlc);
    let seen = crate::session::hlc::from_wall_ms(body.last_seen_ms);
    let lapsed = body.lapsed.map_or(0, |lapsed| lapsed.hlc);
    let rotations = body.ids.writes().iter().flat_map(|write| {
        let cut = write.value.as_ref().and_then(|rotation| rotation.cut);
        [write.hlc, cut.map_or(0, |cut| cut.hlc)]
    });
    let replays = body.replays.marks().iter().map(|mark| mark.hlc);
    attributes
        .chain(logins)
        .chain(rotations)
        .chain(replays)
        .fold(session.birth.created.hlc.max(seen).max(lapsed), u64::max)
}

/// True if any dot of this partition that it names is such. The principal epochs
/// in a login name dots of another partition.
fn any_dot(session: &Session, is_such: impl Fn(Dot) -> bool) -> bool {
    let body = match &session.root {
        Root::Revoked(revocation) => return is_such(revocation.dot()),
        Root::Live(body) => body,
    };
    let any_of = |vector: &crate::session::VersionVector| {
        vector.dots.iter().any(|(&origin, &seq)| is_such(Dot { origin, seq }))
    };
    let attributes = body.attributes.values().flat_map(|register| register.writes());
    let mut members = body.sets.values().flat_map(|members| members.values());
    attributes.map(|write| (write.dot, &write.seen)).any(|(dot, seen)| is_such(dot) || any_of(seen))
        || body.ids.writes().iter().any(|write| is_such(write.dot) || any_of(&write.seen))
        || body.replays.marks().iter().any(|mark| is_such(mark.dot))
        || body.auth.writes().iter().any(|write| is_such(write.dot) || any_of(&write.seen))
        || members.any(|presence| any_of(&presence.clocks().0))
}
