use std::collections::BTreeSet;

use super::*;
use crate::store::{Crash, SimDisk};

const SECRET: &[u8] = b"nobody may read this";

fn open(disk: &SimDisk, key: u8, seed: u64) -> SealedStore {
    SealedStore::open(Arc::new(disk.open()), &[key; 32], &SharedRng::from_seed(seed)).unwrap()
}

fn put(store: &dyn Store, tree: Tree, key: &[u8], value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(tree, key, value);
    store.apply(batch).unwrap();
}

/// The bytes on the disk.
fn raw(disk: &SimDisk, key: &[u8]) -> Vec<u8> {
    disk.open().get(Tree::Records, key).unwrap().unwrap()
}

#[test]
fn only_meta_can_be_read_on_the_disk() {
    let disk = SimDisk::new();
    let store = open(&disk, 1, 1);
    for tree in [Tree::Meta, Tree::Log, Tree::Records, Tree::Partitions, Tree::Raft] {
        put(&store, tree, b"k", SECRET);
    }
    let plain = disk.open();
    for tree in [Tree::Log, Tree::Records, Tree::Partitions, Tree::Raft] {
        let sealed = plain.get(tree, b"k").unwrap().unwrap();
        assert!(!sealed.windows(SECRET.len()).any(|window| window == SECRET), "{tree:?}");
        assert_eq!(sealed.len(), SECRET.len() + HEADER_BYTES + 16);
    }
    assert_eq!(plain.get(Tree::Meta, b"k").unwrap().unwrap(), SECRET);
}

#[test]
fn any_changed_bit_is_noticed() {
    let disk = SimDisk::new();
    put(&open(&disk, 1, 1), Tree::Records, b"k", SECRET);
    for bit in 0..raw(&disk, b"k").len() * 8 {
        disk.flip_bit(Tree::Records, b"k", bit);
        let error = open(&disk, 1, 1).get(Tree::Records, b"k").unwrap_err();
        assert!(matches!(error, StoreError::Corrupt { .. }), "bit {bit}: {error}");
        disk.flip_bit(Tree::Records, b"k", bit);
    }
    assert_eq!(open(&disk, 1, 1).get(Tree::Records, b"k").unwrap().unwrap(), SECRET);
}

#[test]
fn a_moved_cut_or_foreign_value_does_not_open() {
    let disk = SimDisk::new();
    put(&open(&disk, 1, 1), Tree::Records, b"k", SECRET);
    let sealed = raw(&disk, b"k");
    let plain = disk.open();
    put(&plain, Tree::Records, b"other", &sealed);
    put(&plain, Tree::Log, b"k", &sealed);
    put(&plain, Tree::Records, b"cut", &sealed[..sealed.len() - 1]);
    put(&plain, Tree::Records, b"empty", b"");
    let store = open(&disk, 1, 1);
    let refused = |tree, key: &[u8]| matches!(store.get(tree, key), Err(StoreError::Corrupt { .. }));
    assert!(refused(Tree::Records, b"other") && refused(Tree::Log, b"k"));
    assert!(refused(Tree::Records, b"cut") && refused(Tree::Records, b"empty"));
    assert!(store.scan(Tree::Records, b"", b"z", 9).is_err() && store.last_before(Tree::Log, b"z").is_err());
    assert_eq!(store.get(Tree::Records, b"k").unwrap().unwrap(), SECRET);
    assert!(open(&disk, 2, 1).get(Tree::Records, b"k").is_err(), "opened with another key");
}

#[test]
fn no_nonce_comes_twice_not_even_after_crashes() {
    let disk = SimDisk::new();
    let mut nonces = BTreeSet::new();
    for _ in 0..5 {
        let store = open(&disk, 1, 1);
        for number in 0..10_u8 {
            put(&store, Tree::Records, &[number], SECRET);
            let sealed = store.inner.get(Tree::Records, &[number]).unwrap().unwrap();
            assert!(nonces.insert(sealed[..HEADER_BYTES].to_vec()), "start {:?}", store.start);
        }
        disk.crash(Crash::Clean);
    }
}

#[test]
fn a_cloned_disk_seals_with_another_key() {
    let (disk, clone) = (SimDisk::new(), SimDisk::new());
    put(&open(&disk, 1, 1), Tree::Records, b"k", SECRET);
    put(&open(&clone, 1, 2), Tree::Records, b"k", SECRET);
    let (sealed, other) = (raw(&disk, b"k"), raw(&clone, b"k"));
    assert_eq!(sealed[..HEADER_BYTES], other[..HEADER_BYTES], "the nonces were to be the same");
    assert_ne!(sealed, other);
}

#[test]
fn keys_at_rest_differ_by_cluster_and_disk() {
    let keys =
        [(1, 1), (1, 2), (2, 1)].map(|(cluster, disk)| SealedStore::derive_key(&[cluster; 32], &[disk; 16]));
    assert_eq!(BTreeSet::from(keys).len(), 3);
}
