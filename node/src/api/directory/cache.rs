//! What a record says, kept for as long as the record stays the same.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::session::Key;

/// Records that are kept read; beyond that all are forgotten at once.
const ENTRIES_MAX: usize = 4_096;

/// Remembers what was read from a record.
pub(super) struct Cache<T>(Mutex<HashMap<Key, (Bytes, Arc<T>)>>);

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Cache<T> {
    /// What `read` makes of a record. The same bytes are the same memory: the cache
    /// holds on to them, so that no other record can take their place.
    pub(super) fn get<E>(
        &self,
        key: Key,
        state: &Bytes,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let is_same = |held: &Bytes| held.as_ptr() == state.as_ptr() && held.len() == state.len();
        if let Some((_, known)) = self.0.lock().get(&key).filter(|(held, _)| is_same(held)) {
            return Ok(known.clone());
        }
        let known = Arc::new(read()?);
        let mut entries = self.0.lock();
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        entries.insert(key, (state.clone(), known.clone()));
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_once_until_it_changes() {
        let cache = Cache::default();
        let key = Key([1; 16]);
        let read =
            |state: &Bytes, value: u8| cache.get(key, state, || Ok::<_, ()>(value)).map(|known| *known);
        let (one, other) = (Bytes::from(vec![1, 2]), Bytes::from(vec![1, 2]));
        assert_eq!((read(&one, 1), read(&one.clone(), 2), read(&other, 3)), (Ok(1), Ok(1), Ok(3)));
        assert_eq!(cache.get(key, &one, || Err::<u8, _>("malformed")), Err("malformed"));
    }

    #[test]
    fn it_is_bounded() {
        let cache = Cache::default();
        for number in 0..2 * ENTRIES_MAX as u64 {
            let mut key = Key([0; 16]);
            key.0[..8].copy_from_slice(&number.to_be_bytes());
            cache.get(key, &Bytes::from(vec![0; 8]), || Ok::<_, ()>(number)).unwrap();
            assert!(cache.0.lock().len() <= ENTRIES_MAX);
        }
    }
}
