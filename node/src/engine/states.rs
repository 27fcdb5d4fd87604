//! Full states from peers: transfers, repairs, fetches of partial records.

use std::sync::Arc;

use bytes::Bytes;

use super::error::EngineError;
use super::join::Joined;
use super::partition::PartitionState;
use super::plausible::{check_state, newest_hlc};
use super::{Cell, Core, Engine, no_partition};
use crate::session::{Key, Partition, Session, VersionVector};

/// What full states of a peer hold for certain, beyond themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Covered {
    /// What they hold for certain is not known.
    Unknown {
        /// What may be in them.
        seen: VersionVector,
    },
    /// Each has all that `whole` names of its own record, and nothing that `seen` does not name.
    EachRecord {
        /// What is in it.
        whole: VersionVector,
        /// What may be in it.
        seen: VersionVector,
    },
    /// They are the last of all records of the partition, which together hold all that this vector names.
    Partition {
        /// What is in them.
        whole: VersionVector,
        /// What may be in them.
        seen: VersionVector,
    },
}

impl Covered {
    fn each_record(&self) -> Option<&VersionVector> {
        match self {
            Self::Unknown { .. } => None,
            Self::EachRecord { whole, .. } | Self::Partition { whole, .. } => Some(whole),
        }
    }
}

/// What came of one state.
enum Taken {
    Merged,
    Refused,
    /// Stamped too far ahead of this node's clock.
    TooEarly,
}

impl Engine {
    /// Merges full states of one partition: a transfer, a repair, a fetch of
    /// partial records. A record that the own disk has lost is taken only from
    /// who is certain to hold all that was lost. An empty state stands for a record
    /// that the sender does not hold whole: it is partial here too, and fetched from others.
    ///
    /// # Errors
    /// [`super::StepError::InvalidArgument`] if a state is malformed, implausible or of another
    /// partition, [`EngineError::NotReady`] if one is stamped more than
    /// `clock_offset_max_ms` ahead of the wall clock and may be taken later.
    /// Either way the others are merged, and the vector is not joined.
    pub async fn merge_states(
        &self,
        partition: Partition,
        states: Vec<(Key, Bytes)>,
        covered: Covered,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let cell = core.cell(partition).ok_or_else(|| no_partition(partition))?;
        if let Covered::Unknown { seen } | Covered::Partition { seen, .. } = &covered
            && !planted!(TokenForgetsTransfers)
        {
            // Before the first record can be read here with what is in it.
            core.with(cell, |state| state.arriving(seen, core.env.clock.monotonic()));
        }
        let (mut refused, mut too_early) = (0usize, 0usize);
        for (key, state) in states {
            core.room().await?;
            if self.partition(&key) != partition {
                refused += 1;
                continue;
            }
            if state.is_empty() {
                core.lose(cell, key, &covered);
                continue;
            }
            match core.merge_state(cell, key, &state, &covered).await? {
                Taken::Merged => {}
                Taken::Refused => refused += 1,
                Taken::TooEarly => too_early += 1,
            }
        }
        if refused > 0 {
            let detail = format!("has {refused} malformed or foreign records");
            return Err(EngineError::invalid("states", detail));
        }
        if too_early > 0 {
            let detail = format!("{too_early} records are stamped too far ahead of this node's clock");
            return Err(EngineError::NotReady { detail });
        }
        if let Covered::Partition { mut whole, .. } = covered {
            // No one else may move the numbers of this node's own writes.
            whole.dots.remove(&core.origin());
            core.with(cell, |state| {
                state.vectors.join(&whole);
                state.touch_metadata();
            });
            cell.advanced.notify_waiters();
            core.jumped();
        }
        Ok(())
    }
}

impl Core {
    fn lose(&self, cell: &Cell, key: Key, covered: &Covered) {
        let Covered::Partition { whole, .. } = covered else { return };
        self.with(cell, |partition| partition.lose(key, whole));
        self.partials.push(key);
    }

    async fn merge_state(
        self: &Arc<Self>,
        cell: &Cell,
        key: Key,
        state: &Bytes,
        covered: &Covered,
    ) -> Result<Taken, EngineError> {
        let Ok(session) = Session::decode(state, &self.decode) else { return Ok(Taken::Refused) };
        let now_ms = self.env.clock.wall_ms();
        if planted!(TransferDropsRevocations) && session.body().is_none() {
            return Ok(Taken::Merged);
        }
        let mut loaded = None;
        loop {
            let now = self.env.clock.monotonic();
            let merge = |partition: &mut PartitionState| {
                if check_state(&session, self.own(partition)).is_err() {
                    return Err(Taken::Refused);
                }
                // Nothing is absorbed from a clock that is too far ahead, and it does not move this one.
                let offset_max_ms = self.config.clock_offset_max_ms;
                if self.clock.lock().observe(newest_hlc(&session), now_ms, offset_max_ms).is_err() {
                    return Err(Taken::TooEarly);
                }
                match self.joined(partition, key, session.clone(), loaded.as_ref(), now_ms) {
                    Ok(Joined::Cold { evictions }) => return Ok(Some(evictions)),
                    Ok(Joined::Late) => partition.forgo(key),
                    Ok(_) if !partition.may_restore(&key, covered.each_record(), now) => {}
                    Ok(Joined::New(change)) => {
                        self.put(partition, key, change);
                        partition.not_logged(key);
                        if let Covered::EachRecord { whole, seen } = covered
                            && !planted!(TokenForgetsRepairs)
                        {
                            partition.glimpsed(key, (whole, seen), now);
                        }
                    }
                    Ok(Joined::Same) if session.complete => partition.settle(&key),
                    Ok(Joined::Same) => {}
                    Err(_) => return Err(Taken::Refused),
                }
                Ok(None)
            };
            match self.with(cell, merge) {
                Ok(Some(evictions)) => loaded = Some(self.load(key, evictions).await?),
                Ok(None) => break,
                Err(left_out) => return Ok(left_out),
            }
        }
        self.make_room(cell);
        Ok(Taken::Merged)
    }
}
