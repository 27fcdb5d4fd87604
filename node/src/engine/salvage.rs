//! Scans that go on behind corrupt values.
//!
//! A store refuses a scan that meets a value it cannot vouch for, without naming
//! its key. The key is then searched for, one byte after the other by bisection.

use crate::store::{Store, StoreError, Tree};

/// A key, and its value unless that is corrupt.
pub(super) type Salvaged = (Vec<u8>, Option<Vec<u8>>);

/// The values from `from` up to, not including, `to`: at most `items_max` sound
/// ones, and the corrupt ones before the last of them. All keys have `key_bytes` bytes.
pub(super) fn scan(
    store: &dyn Store,
    tree: Tree,
    (from, to): (&[u8], &[u8]),
    key_bytes: usize,
    items_max: usize,
) -> Result<Vec<Salvaged>, StoreError> {
    match store.scan(tree, from, to, items_max) {
        Err(StoreError::Corrupt { .. }) => {}
        entries => return Ok(entries?.into_iter().map(|(key, value)| (key, Some(value))).collect()),
    }
    let mut found = Vec::new();
    let mut from = from.to_vec();
    let mut sound = 0;
    while sound < items_max {
        let (key, value) = match store.scan(tree, &from, to, 1) {
            Ok(first) => match first.into_iter().next() {
                Some((key, value)) => (key, Some(value)),
                None => break,
            },
            Err(StoreError::Corrupt { .. }) => (first_key(store, tree, &from, key_bytes)?, None),
            Err(error) => return Err(error),
        };
        sound += usize::from(value.is_some());
        from = behind(&key);
        found.push((key, value));
    }
    Ok(found)
}

/// The first key from `from` on, whose value is corrupt.
fn first_key(store: &dyn Store, tree: Tree, from: &[u8], key_bytes: usize) -> Result<Vec<u8>, StoreError> {
    let mut key = vec![u8::MAX; key_bytes];
    for position in 0..key_bytes {
        let (mut low, mut high) = (0, u8::MAX);
        while low < high {
            let middle = low + (high - low) / 2;
            key[position] = middle;
            if is_up_to(store, tree, from, &key)? {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        key[position] = low;
    }
    Ok(key)
}

fn is_up_to(store: &dyn Store, tree: Tree, from: &[u8], key: &[u8]) -> Result<bool, StoreError> {
    let to = behind(key);
    if to.as_slice() <= from {
        return Ok(false);
    }
    match store.scan(tree, from, &to, 1) {
        Ok(_) => Ok(false),
        Err(StoreError::Corrupt { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// The least key above another.
fn behind(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::env::SharedRng;
    use crate::store::{Batch, SealedStore, SimDisk};

    #[test]
    fn corrupt_values_are_found_and_passed() {
        let disk = SimDisk::new();
        let store = SealedStore::open(Arc::new(disk.open()), &[1; 32], &SharedRng::from_seed(1)).unwrap();
        let keys: Vec<Vec<u8>> = (0u32..40).map(|n| (n * 0x0107_1f03).to_be_bytes().to_vec()).collect();
        let mut batch = Batch::default();
        for key in &keys {
            batch.put(Tree::Records, key.clone(), key.clone());
        }
        store.apply(batch).unwrap();
        let corrupt = [0, 1, 17, 39];
        for at in corrupt {
            assert!(disk.flip_bit(Tree::Records, &keys[at], 200));
        }
        let range: (&[u8], &[u8]) = (&[], &[u8::MAX; 5]);
        let found = scan(&store, Tree::Records, range, 4, 100).unwrap();
        let expected: Vec<Salvaged> = (keys.iter().enumerate())
            .map(|(at, key)| (key.clone(), (!corrupt.contains(&at)).then(|| key.clone())))
            .collect();
        assert!(found == expected);
        assert_eq!(scan(&store, Tree::Records, range, 4, 5).unwrap(), expected[..7]);
    }
}
