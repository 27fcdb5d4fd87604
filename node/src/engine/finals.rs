//! How sessions were just before they ended, for those who keep records of them.
//!
//! A revocation drops the content, and the sweep drops the record. What they drop
//! is remembered here for a while, in memory, the oldest forgotten first.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::session::{Key, Partition};

/// What one state takes beside its bytes.
const ENTRY_BYTES: usize = 128;

/// See the module.
#[derive(Debug)]
pub(super) struct Finals {
    kept: Mutex<Kept>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    by_key: BTreeMap<Key, Final>,
    /// Oldest first.
    order: VecDeque<(Key, u64)>,
    added: u64,
    bytes: usize,
    forgotten_ms: u64,
}

#[derive(Debug)]
struct Final {
    state: Bytes,
    /// When it expired, if it was removed unrevoked.
    expired_ms: Option<u64>,
    number: u64,
}

impl Finals {
    /// Remembers about `bytes_max`; of what expired up to `forgotten_ms` nothing is known.
    pub(super) fn new(bytes_max: usize, forgotten_ms: u64) -> Self {
        Self { kept: Mutex::new(Kept { forgotten_ms, ..Kept::default() }), bytes_max }
    }

    /// Takes note of an end; `expired_ms` if the record is removed because its time is over.
    pub(super) fn remember(&self, key: Key, state: Bytes, expired_ms: Option<u64>) {
        let mut kept = self.kept.lock();
        kept.added += 1;
        let number = kept.added;
        kept.bytes += state.len() + ENTRY_BYTES;
        kept.order.push_back((key, number));
        if let Some(before) = kept.by_key.insert(key, Final { state, expired_ms, number }) {
            kept.bytes -= before.state.len() + ENTRY_BYTES;
        }
        while kept.bytes > self.bytes_max && kept.forget_one() {}
    }

    /// A session's state before its end, if it is still known.
    pub(super) fn get(&self, key: &Key) -> Option<Bytes> {
        self.kept.lock().by_key.get(key).map(|end| end.state.clone())
    }

    /// Removed records of a partition with the time at which they expired.
    pub(super) fn expired(&self, partition: Partition, partition_count: u32) -> Vec<(Key, u64)> {
        let kept = self.kept.lock();
        let ends = kept.by_key.iter().filter(|(key, _)| key.partition(partition_count) == partition);
        ends.filter_map(|(key, end)| Some((*key, end.expired_ms?))).collect()
    }

    /// Records that expired up to then may have been removed and forgotten.
    pub(super) fn forgotten_ms(&self) -> u64 {
        self.kept.lock().forgotten_ms
    }
}

impl Kept {
    fn forget_one(&mut self) -> bool {
        let Some((key, number)) = self.order.pop_front() else { return false };
        if self.by_key.get(&key).is_some_and(|end| end.number == number)
            && let Some(end) = self.by_key.remove(&key)
        {
            self.bytes -= end.state.len() + ENTRY_BYTES;
            self.forgotten_ms = self.forgotten_ms.max(end.expired_ms.unwrap_or_default());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_said_to_be() {
        let finals = Finals::new(3 * (ENTRY_BYTES + 10), 5);
        let state = Bytes::from_static(&[7; 10]);
        for number in 1..=3 {
            finals.remember(Key([number; 16]), state.clone(), Some(u64::from(number) * 100));
        }
        assert_eq!(finals.forgotten_ms(), 5);
        finals.remember(Key([4; 16]), state.clone(), None);
        assert_eq!((finals.get(&Key([1; 16])), finals.get(&Key([4; 16]))), (None, Some(state.clone())));
        assert_eq!(finals.forgotten_ms(), 100);
        let mut expired = finals.expired(Partition(0), 1);
        expired.sort_by_key(|(_, at_ms)| *at_ms);
        assert_eq!(expired, [(Key([2; 16]), 200), (Key([3; 16]), 300)]);
    }

    #[test]
    fn the_same_session_again_takes_no_more_room() {
        let finals = Finals::new(2 * (ENTRY_BYTES + 10), 0);
        for _ in 0..100 {
            finals.remember(Key([1; 16]), Bytes::from_static(&[7; 10]), None);
        }
        assert_eq!(finals.kept.lock().bytes, ENTRY_BYTES + 10);
        assert!(finals.kept.lock().order.len() <= 100);
        finals.remember(Key([2; 16]), Bytes::from_static(&[7; 10]), None);
        assert!(finals.get(&Key([1; 16])).is_some());
    }
}
