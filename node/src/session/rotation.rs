//! Which of a session's ids is the current one.
//!
//! A [`Register`] of rotations: of those made at the same time exactly one wins, on every
//! replica the same one.

use std::fmt;

use super::register::{Register, Write};
use super::secret::SecretHash;
use super::{Dot, Stamp};

/// Replaced ids that are remembered, the newest first. Older ones pass for ids that never were.
pub const REPLACED_MAX: usize = 8;

/// How long an id that a rotation replaced may still be accepted at most, in milliseconds.
pub const GRACE_MS_MAX: u64 = 600_000;

/// One rotation.
#[derive(Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The new id.
    pub secret: SecretHash,
    /// The last rotation without grace that this one comes after, or is: a login or
    /// step-up. What comes after a login beats all that had not seen it. Its stamp, unless a clock
    /// that was wrong gave an earlier one a higher stamp: then it is just above that one.
    pub cut: Option<Stamp>,
    /// Until when this id is accepted though another rotation made at the same time won,
    /// in milliseconds since the Unix epoch; 0 for a rotation without grace.
    pub grace_ends_ms: u64,
    /// Ids before it, the newest first, at most [`REPLACED_MAX`].
    pub replaced: Vec<Replaced>,
}

/// An id that was replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// The id.
    pub secret: SecretHash,
    /// Until when it is accepted, in milliseconds since the Unix epoch; 0: not any more.
    pub accepted_until_ms: u64,
}

/// What an id that is shown is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdVerdict {
    /// It is the session's id.
    Current,
    /// It was replaced a moment ago and is accepted until its grace ends.
    Alias,
    /// It was replaced.
    Replaced,
    /// It is not known here: it never was, or is forgotten, or its rotation has not come yet.
    Unknown,
}

impl Write<Rotation> {
    /// Decides between rotations made at the same time.
    fn rank(&self) -> (Option<Stamp>, Stamp) {
        (self.cut().filter(|_| !planted!(LaterRoutineBeatsLogin)), self.stamp())
    }

    fn cut(&self) -> Option<Stamp> {
        self.value.as_ref().and_then(|rotation| rotation.cut)
    }

    /// Whether it left no grace, as a login does.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.value.as_ref().is_some_and(|rotation| rotation.grace_ends_ms == 0)
    }
}

impl Register<Rotation> {
    /// The rotation that holds; none if there was none.
    #[must_use]
    pub fn current(&self) -> Option<&Write<Rotation>> {
        self.writes().iter().max_by_key(|write| write.rank())
    }

    /// The session's id.
    #[must_use]
    pub fn current_secret(&self) -> SecretHash {
        self.current().and_then(|write| write.value.as_ref()).map_or(SecretHash::FIRST, |it| it.secret)
    }

    /// Judges an id that is shown at `now_ms`, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn judge(&self, shown: &SecretHash, now_ms: u64) -> IdVerdict {
        if *shown == self.current_secret() {
            return IdVerdict::Current;
        }
        match self.accepted_until_ms(shown) {
            None => IdVerdict::Unknown,
            Some(until_ms) if now_ms < until_ms => IdVerdict::Alias,
            Some(_) if planted!(ReplacedIdIsAccepted) => IdVerdict::Alias,
            Some(_) => IdVerdict::Replaced,
        }
    }

    /// The register after a rotation that has seen all of this one, and the fragment to send.
    #[must_use]
    pub fn rotate(&self, dot: Dot, stamp: Stamp, secret: SecretHash, grace_ms: u64, now_ms: u64) -> Self {
        let grace_ends_ms = if grace_ms == 0 { 0 } else { now_ms.saturating_add(grace_ms) };
        let cut = self.current().and_then(Write::cut);
        let cut = if grace_ms == 0 { Some(above(cut, stamp)) } else { cut };
        let mut replaced = vec![Replaced { secret: self.current_secret(), accepted_until_ms: grace_ends_ms }];
        for earlier in self.known() {
            if replaced.len() < REPLACED_MAX && replaced.iter().all(|it| it.secret != earlier) {
                let until_ms = self.accepted_until_ms(&earlier).unwrap_or_default();
                let is_accepted = (grace_ms > 0 || planted!(GraceOutlivesLogin)) && now_ms < until_ms;
                let accepted_until_ms = if is_accepted { until_ms } else { 0 };
                replaced.push(Replaced { secret: earlier, accepted_until_ms });
            }
        }
        self.write(dot, stamp.hlc, Some(Rotation { secret, cut, grace_ends_ms, replaced }))
    }

    /// Until when a replaced id is accepted; none if it is not known. What did not see the
    /// winner's last rotation without grace accepts nothing.
    fn accepted_until_ms(&self, shown: &SecretHash) -> Option<u64> {
        let winner = self.current()?;
        let mut until_ms = (*shown == SecretHash::FIRST).then_some(0);
        for (write, rotation) in self.writes().iter().filter_map(|it| Some((it, it.value.as_ref()?))) {
            let counts = write.cut() == winner.cut();
            let own = (rotation.secret == *shown).then_some(rotation.grace_ends_ms);
            let listed = rotation.replaced.iter().filter(|it| it.secret == *shown);
            for told_ms in listed.map(|it| it.accepted_until_ms).chain(own) {
                until_ms = until_ms.max(Some(if counts { told_ms } else { 0 }));
            }
        }
        until_ms
    }

    /// All ids that are known, the likeliest to be shown first.
    fn known(&self) -> Vec<SecretHash> {
        let mut writes: Vec<_> = self.writes().iter().collect();
        writes.sort_by_key(|write| std::cmp::Reverse(write.rank()));
        let rotations: Vec<_> = writes.into_iter().filter_map(|write| write.value.as_ref()).collect();
        let own = rotations.iter().map(|rotation| rotation.secret);
        own.chain(rotations.iter().flat_map(|it| it.replaced.iter().map(|it| it.secret))).collect()
    }
}

/// The cut of a rotation without grace: a routine one that has seen the earlier cut alone inherits
/// that, and must not outrank this one.
fn above(earlier: Option<Stamp>, stamp: Stamp) -> Stamp {
    match earlier {
        Some(cut) if cut >= stamp => Stamp { hlc: cut.hlc.saturating_add(1), ..stamp },
        _ => stamp,
    }
}

impl fmt::Debug for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation").field("cut", &self.cut).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
