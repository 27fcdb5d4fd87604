//! Full states from peers: transfers, repairs, fetches of partial records.

use std::sync::Arc;

use bytes::Bytes;

use super::error::EngineError;
use super::join::Joined;
use super::partition::PartitionState;
use super::plausible::{check_state, newest_hlc};
use super::{Cell, Core, Engine, no_partition};
use crate::session::{Key, Partition, Session, VersionVector};

/// What came of one state.
enum Taken {
    Merged,
    Refused,
    /// Stamped too far ahead of this node's clock.
    TooEarly,
}

impl Engine {
    /// Merges full states of one partition: a transfer, a repair, a fetch of
    /// partial records. `vector` is what they cover if they are all of the sender's records.
    ///
    /// # Errors
    /// [`EngineError::InvalidArgument`] if a state is malformed, implausible or of another
    /// partition, [`EngineError::NotReady`] if one is stamped more than
    /// `clock_offset_max_ms` ahead of the wall clock and may be taken later.
    /// Either way the others are merged, and the vector is not joined.
    pub async fn merge_states(
        &self,
        partition: Partition,
        states: Vec<(Key, Bytes)>,
        vector: Option<VersionVector>,
    ) -> Result<(), EngineError> {
        let core = &self.core;
        let cell = core.cell(partition).ok_or_else(|| no_partition(partition))?;
        let (mut refused, mut too_early) = (0usize, 0usize);
        for (key, state) in states {
            core.room().await?;
            if self.partition(&key) != partition {
                refused += 1;
                continue;
            }
            match core.merge_state(cell, key, &state).await? {
                Taken::Merged => {}
                Taken::Refused => refused += 1,
                Taken::TooEarly => too_early += 1,
            }
        }
        if refused > 0 {
            let detail = format!("has {refused} malformed or foreign records");
            return Err(EngineError::InvalidArgument { field: "states".into(), detail });
        }
        if too_early > 0 {
            let detail = format!("{too_early} records are stamped too far ahead of this node's clock");
            return Err(EngineError::NotReady { detail });
        }
        if let Some(mut vector) = vector {
            // No one else may move the numbers of this node's own writes.
            vector.dots.remove(&core.origin());
            core.with(cell, |state| {
                state.vectors.join(&vector);
                state.touch_metadata();
            });
            cell.advanced.notify_waiters();
        }
        Ok(())
    }
}

impl Core {
    async fn merge_state(
        self: &Arc<Self>,
        cell: &Cell,
        key: Key,
        state: &Bytes,
    ) -> Result<Taken, EngineError> {
        let Ok(session) = Session::decode(state, &self.decode) else { return Ok(Taken::Refused) };
        let now_ms = self.env.clock.wall_ms();
        if self.is_over(&session, now_ms) {
            return Ok(Taken::Merged);
        }
        if planted!(TransferDropsRevocations) && session.body().is_none() {
            return Ok(Taken::Merged);
        }
        let mut loaded = None;
        loop {
            let merge = |partition: &mut PartitionState| {
                if check_state(&session, self.own(partition)).is_err() {
                    return Err(Taken::Refused);
                }
                // Nothing is absorbed from a clock that is too far ahead, and it does not move this one.
                let offset_max_ms = self.config.clock_offset_max_ms;
                if self.clock.lock().observe(newest_hlc(&session), now_ms, offset_max_ms).is_err() {
                    return Err(Taken::TooEarly);
                }
                match self.joined(partition, key, session.clone(), loaded.as_ref()) {
                    Ok(Joined::Cold { evictions }) => return Ok(Some(evictions)),
                    Ok(Joined::New(change)) => self.put(partition, key, change),
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
