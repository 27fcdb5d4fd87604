//! What every [`Store`] keeps to, run on all of them.

mod kill;
mod model;

use std::sync::Arc;

use super::{Batch, Crash, SealedStore, SimDisk, SledStore, Store, StoreConfig, Tree};
use crate::env::SharedRng;

/// A disk that can be opened again and again; the one before must be dropped.
trait Disk {
    fn open(&self) -> Arc<dyn Store>;
}

struct SledDisk(tempfile::TempDir);

impl SledDisk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

impl Disk for SledDisk {
    fn open(&self) -> Arc<dyn Store> {
        SledStore::open(self.0.path(), StoreConfig::default()).unwrap()
    }
}

impl Disk for SimDisk {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(SimDisk::open(self))
    }
}

struct Sealed<D>(D, SharedRng);

impl<D: Disk> Sealed<D> {
    fn new(disk: D) -> Self {
        Self(disk, SharedRng::from_seed(1))
    }
}

impl<D: Disk> Disk for Sealed<D> {
    fn open(&self) -> Arc<dyn Store> {
        Arc::new(SealedStore::open(self.0.open(), &[7; 32], &self.1).unwrap())
    }
}

fn put(store: &dyn Store, tree: Tree, key: &[u8], value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(tree, key, value);
    store.apply(batch).unwrap();
}

/// Larger than anything a store keeps in one piece.
fn large(byte: u8) -> Vec<u8> {
    (0..100_000_u32).map(|i| byte ^ (i % 251) as u8).collect()
}

fn what_was_put_is_read(disk: &dyn Disk) {
    let store = disk.open();
    assert_eq!(store.get(Tree::Records, b"a").unwrap(), None);
    put(&*store, Tree::Records, b"a", b"1");
    put(&*store, Tree::Log, b"a", b"");
    put(&*store, Tree::Records, b"", &large(1));
    assert_eq!(store.get(Tree::Records, b"a").unwrap().unwrap(), b"1");
    assert_eq!(store.get(Tree::Log, b"a").unwrap().unwrap(), b"");
    assert_eq!(store.get(Tree::Records, b"").unwrap().unwrap(), large(1));
    assert_eq!(store.get(Tree::Raft, b"a").unwrap(), None);
}

fn overwriting_and_removing(disk: &dyn Disk) {
    let store = disk.open();
    for value in [b"1".to_vec(), large(2), large(3)[..40_000].to_vec(), b"4".to_vec(), large(5)] {
        put(&*store, Tree::Records, b"k", &value);
        assert_eq!(store.get(Tree::Records, b"k").unwrap().unwrap(), value);
    }
    let mut batch = Batch::default();
    batch.remove(Tree::Records, b"k");
    batch.remove(Tree::Records, b"never there");
    store.apply(batch).unwrap();
    assert_eq!(store.get(Tree::Records, b"k").unwrap(), None);
    assert_eq!(store.scan(Tree::Records, b"", b"\xff", 9).unwrap(), vec![]);
}

fn the_last_change_of_a_batch_wins(disk: &dyn Disk) {
    let store = disk.open();
    let mut batch = Batch::default();
    batch.put(Tree::Log, b"a", large(1));
    batch.put(Tree::Log, b"a", b"2".as_slice());
    batch.put(Tree::Log, b"b", b"1".as_slice());
    batch.remove(Tree::Log, b"b");
    batch.remove(Tree::Log, b"c");
    batch.put(Tree::Log, b"c", b"3".as_slice());
    store.apply(batch).unwrap();
    let expected = vec![(b"a".to_vec(), b"2".to_vec()), (b"c".to_vec(), b"3".to_vec())];
    assert_eq!(store.scan(Tree::Log, b"", b"z", 9).unwrap(), expected);
}

fn scans_keep_order_and_bounds(disk: &dyn Disk) {
    let store = disk.open();
    for number in [300_u16, 1, 255, 256, 2] {
        put(&*store, Tree::Log, &number.to_be_bytes(), &number.to_be_bytes());
    }
    put(&*store, Tree::Meta, b"m", b"");
    put(&*store, Tree::Records, b"", b"first of its tree");
    let scan = |from: u16, to: u16, items_max| {
        let found = store.scan(Tree::Log, &from.to_be_bytes(), &to.to_be_bytes(), items_max).unwrap();
        found.into_iter().map(|(key, _)| u16::from_be_bytes(key.try_into().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(scan(0, u16::MAX, 9), [1, 2, 255, 256, 300]);
    assert_eq!(scan(2, 300, 9), [2, 255, 256]);
    assert_eq!(scan(2, 300, 2), [2, 255]);
    assert!(scan(2, 300, 0).is_empty());
    assert!(scan(300, 2, 9).is_empty());
    assert!(scan(2, 2, 9).is_empty());
}

fn last_before_stays_in_its_tree(disk: &dyn Disk) {
    let store = disk.open();
    put(&*store, Tree::Meta, b"m", b"");
    put(&*store, Tree::Records, b"b", &large(2));
    put(&*store, Tree::Records, b"d", b"4");
    let last = |to: &[u8]| store.last_before(Tree::Records, to).unwrap();
    assert_eq!(last(b"z"), Some((b"d".to_vec(), b"4".to_vec())));
    assert_eq!(last(b"d"), Some((b"b".to_vec(), large(2))));
    assert_eq!(last(b"b"), None);
    assert_eq!(last(b""), None);
    assert_eq!(store.last_before(Tree::Raft, b"z").unwrap(), None);
}

fn what_was_synced_is_there_after_reopening(disk: &dyn Disk) {
    let store = disk.open();
    put(&*store, Tree::Records, b"a", b"1");
    put(&*store, Tree::Raft, b"b", &large(2));
    put(&*store, Tree::Meta, b"c", b"3");
    store.sync().unwrap();
    drop(store);
    let store = disk.open();
    assert_eq!(store.get(Tree::Records, b"a").unwrap().unwrap(), b"1");
    assert_eq!(store.get(Tree::Raft, b"b").unwrap().unwrap(), large(2));
    assert_eq!(store.get(Tree::Meta, b"c").unwrap().unwrap(), b"3");
    assert!(store.disk_bytes().unwrap() > 100_000);
}

/// Readers see a large value as one of those that were written, never a mixture.
fn readers_see_whole_values(disk: &dyn Disk) {
    let store = disk.open();
    put(&*store, Tree::Records, b"k", &large(0));
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for byte in 1..60 {
                let value = large(byte);
                put(&*store, Tree::Records, b"k", &value[..value.len() - usize::from(byte) * 1_000]);
            }
        });
        while !writer.is_finished() {
            let value = store.get(Tree::Records, b"k").unwrap().unwrap();
            assert!(large(value[0]).starts_with(&value));
        }
    });
}

macro_rules! contract {
    ($($name:ident => $disk:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn what_was_put_is_read() {
                super::what_was_put_is_read(&$disk);
            }

            #[test]
            fn overwriting_and_removing() {
                super::overwriting_and_removing(&$disk);
            }

            #[test]
            fn the_last_change_of_a_batch_wins() {
                super::the_last_change_of_a_batch_wins(&$disk);
            }

            #[test]
            fn scans_keep_order_and_bounds() {
                super::scans_keep_order_and_bounds(&$disk);
            }

            #[test]
            fn last_before_stays_in_its_tree() {
                super::last_before_stays_in_its_tree(&$disk);
            }

            #[test]
            fn what_was_synced_is_there_after_reopening() {
                super::what_was_synced_is_there_after_reopening(&$disk);
            }

            #[test]
            fn readers_see_whole_values() {
                super::readers_see_whole_values(&$disk);
            }

            #[test]
            fn it_behaves_like_a_map() {
                super::model::it_behaves_like_a_map(|| $disk);
            }
        }
    )*};
}

contract! {
    sled_store => SledDisk::new();
    sealed_sled_store => Sealed::new(SledDisk::new());
    sim_store => SimDisk::new();
    sealed_sim_store => Sealed::new(SimDisk::new());
}

#[test]
fn a_simulated_crash_loses_unsynced_batches_whole() {
    for seed in 0..20 {
        let disk = SimDisk::new();
        let store = Disk::open(&disk);
        put(&*store, Tree::Log, b"synced", b"");
        store.sync().unwrap();
        for number in 0..9_u8 {
            let mut batch = Batch::default();
            batch.put(Tree::Log, [number], b"".as_slice());
            batch.put(Tree::Records, [number], b"".as_slice());
            store.apply(batch).unwrap();
        }
        disk.crash(if seed == 0 { Crash::Clean } else { Crash::Torn { seed } });
        assert!(store.get(Tree::Log, b"synced").is_err(), "the crashed node still has its disk");
        let store = Disk::open(&disk);
        assert!(store.get(Tree::Log, b"synced").unwrap().is_some());
        let kept = store.scan(Tree::Records, b"", b"\xff", 99).unwrap();
        assert_eq!(store.scan(Tree::Log, b"", b"a", 99).unwrap(), kept);
        let expected: Vec<_> = (0..kept.len() as u8).map(|number| (vec![number], vec![])).collect();
        assert_eq!(kept, expected, "not the oldest ones were kept");
        assert!(seed > 0 || kept.is_empty());
    }
}

#[test]
fn simulated_faults_strike_once_asked_for() {
    let disk = SimDisk::new();
    let store = Disk::open(&disk);
    put(&*store, Tree::Log, b"a", b"1");
    disk.fail_next_sync();
    assert!(store.sync().is_err());
    assert!(store.sync().is_err(), "a sync after a failed one proves nothing");
    assert!(store.apply(Batch::default()).is_err());
    disk.crash(Crash::Clean);
    let store = Disk::open(&disk);
    assert_eq!(store.get(Tree::Log, b"a").unwrap(), None);

    disk.set_failing(true);
    assert!(store.get(Tree::Log, b"a").is_err() && store.apply(Batch::default()).is_err());
    disk.set_failing(false);

    disk.set_bytes_max(Some(10));
    put(&*store, Tree::Log, b"a", b"123456789");
    let mut batch = Batch::default();
    batch.put(Tree::Log, b"b", b"".as_slice());
    assert!(store.apply(batch.clone()).is_err());
    disk.set_bytes_max(None);
    store.apply(batch).unwrap();

    assert!(disk.flip_bit(Tree::Log, b"a", 0) && !disk.flip_bit(Tree::Log, b"none", 0));
    assert_eq!(store.get(Tree::Log, b"a").unwrap().unwrap(), b"023456789");
}
