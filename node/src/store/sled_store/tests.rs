use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::env::Environment;
use crate::store::StoreError;

fn config() -> StoreConfig {
    StoreConfig { compaction_bytes_min: 0, compaction_step_bytes: 8 << 10, ..StoreConfig::default() }
}

fn value(number: u32, version: u8) -> Vec<u8> {
    let length = if number.is_multiple_of(50) { 40_000 } else { 300 };
    vec![number as u8 ^ version; length]
}

fn put(store: &SledStore, model: &mut BTreeMap<Vec<u8>, Vec<u8>>, number: u32, version: u8) {
    let mut batch = Batch::default();
    batch.put(Tree::Records, number.to_be_bytes(), value(number, version));
    store.apply(batch).unwrap();
    model.insert(number.to_be_bytes().to_vec(), value(number, version));
}

fn remove(store: &SledStore, model: &mut BTreeMap<Vec<u8>, Vec<u8>>, number: u32) {
    let mut batch = Batch::default();
    batch.remove(Tree::Records, number.to_be_bytes());
    store.apply(batch).unwrap();
    model.remove(&number.to_be_bytes()[..]);
}

fn assert_same(store: &SledStore, model: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let found = store.scan(Tree::Records, b"", &[0xff; 5], usize::MAX).unwrap();
    assert_eq!(found.len(), model.len());
    assert!(found.into_iter().eq(model.clone()), "the data differs");
}

/// Every byte in the database, counted the long way.
fn count_live(store: &SledStore) -> u64 {
    let current = store.current.read();
    current
        .range(vec![], vec![0xff])
        .map(|entry| entry.unwrap())
        .map(|(k, v)| (k.len() + v.len()) as u64)
        .sum()
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn filled(directory: &Path) -> (Arc<SledStore>, BTreeMap<Vec<u8>, Vec<u8>>) {
    let store = SledStore::open(directory, config()).unwrap();
    let mut model = BTreeMap::new();
    for number in 0..500 {
        put(&store, &mut model, number, 1);
    }
    (store, model)
}

#[test]
fn one_directory_has_one_user() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path(), config()).unwrap();
    let error = SledStore::open(directory.path(), config()).err().unwrap();
    assert!(matches!(error, StoreError::Unusable { .. }) && error.to_string().contains("another process"));
    drop(store);
    SledStore::open(directory.path(), config()).unwrap();
}

#[test]
fn what_is_no_store_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("letter.txt"), "dear").unwrap();
    let error = SledStore::open(directory.path(), config()).err().unwrap();
    assert!(error.to_string().contains("letter.txt"), "{error}");

    let directory = tempfile::tempdir().unwrap();
    drop(SledStore::open(directory.path(), config()).unwrap());
    fs::write(directory.path().join("CURRENT"), "sojourn store format 99\ndb-00000001\n").unwrap();
    let error = SledStore::open(directory.path(), config()).err().unwrap();
    assert!(error.to_string().contains("format 99"), "{error}");

    fs::remove_file(directory.path().join("CURRENT")).unwrap();
    let error = SledStore::open(directory.path(), config()).err().unwrap();
    assert!(matches!(error, StoreError::Unusable { .. }), "data without CURRENT was taken for an empty disk");
    assert!(directory.path().join("db-00000001").exists());

    fs::write(directory.path().join("CURRENT"), "sojourn store format 1\ndb-00000002\n").unwrap();
    let error = SledStore::open(directory.path(), config()).err().unwrap();
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn large_values_leave_no_files_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = SledStore::open(directory.path(), config()).unwrap();
    for number in 0..200_u32 {
        let mut batch = Batch::default();
        batch.put(Tree::Log, number.to_be_bytes(), vec![number as u8; 70_000]);
        batch.put(Tree::Raft, b"snapshot", vec![number as u8; 1_000_000]);
        store.apply(batch).unwrap();
        assert_eq!(fs::read_dir(directory.path().join("db-00000001/blobs")).unwrap().count(), 0);
    }
    let before = count_live(&store);
    let mut batch = Batch::default();
    for number in 0..200_u32 {
        batch.remove(Tree::Log, number.to_be_bytes());
    }
    store.apply(batch).unwrap();
    assert!(before > 15_000_000 && count_live(&store) < 1_100_000, "pieces were left behind");
}

#[test]
fn compaction_keeps_what_is_written_meanwhile_and_shrinks_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut model) = filled(directory.path());
    for version in 2..12 {
        for number in 0..500 {
            put(&store, &mut model, number, version);
        }
    }
    for number in 100..500 {
        remove(&store, &mut model, number);
    }
    store.sync().unwrap();
    let before = store.usage().unwrap();
    let mut steps = 0_u32;
    loop {
        match store.upkeep().unwrap() {
            Progress::Working => {}
            Progress::Compacted => break,
            Progress::Idle => panic!("no compaction although {before:?}"),
        }
        // Behind, at and ahead of the point reached; large and small.
        let number = steps * 37 % 600;
        put(&store, &mut model, number, 20);
        remove(&store, &mut model, (number + 13) % 600);
        steps += 1;
    }
    assert!(steps > 10, "one step for all tests nothing");
    assert_same(&store, &model);
    let after = store.usage().unwrap();
    assert!(after.disk_bytes < before.disk_bytes / 2, "{before:?} {after:?}");
    assert_eq!((after.compactions, after.compacting), (1, false));
    assert_eq!(after.live_bytes.unwrap(), count_live(&store));
    drop(store);
    let store = SledStore::open(directory.path(), config()).unwrap();
    assert_same(&store, &model);
}

#[test]
fn compaction_goes_on_under_concurrent_writers() {
    let directory = tempfile::tempdir().unwrap();
    let (store, model) = filled(directory.path());
    let mut models: Vec<_> = (0..2).map(|_| BTreeMap::new()).collect();
    std::thread::scope(|scope| {
        let writers: Vec<_> = models
            .iter_mut()
            .zip([10_000_u32, 20_000])
            .map(|(model, base)| {
                let store = &store;
                scope.spawn(move || {
                    for i in 0..600 {
                        put(store, model, base + i * 7 % 300, i as u8);
                        if i % 3 == 0 {
                            remove(store, model, base + i * 5 % 300);
                        }
                        if i % 50 == 0 {
                            store.sync().unwrap();
                        }
                    }
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            store.compact().unwrap();
        }
    });
    let mut expected = model;
    models.into_iter().for_each(|model| expected.extend(model));
    assert_same(&store, &expected);
    drop(store);
    assert_same(&SledStore::open(directory.path(), config()).unwrap(), &expected);
}

#[test]
fn a_crash_at_any_step_of_a_compaction_leaves_a_good_store() {
    let directory = tempfile::tempdir().unwrap();
    let (store, model) = filled(directory.path());
    store.sync().unwrap();
    let check = |name: &str, alter: &dyn Fn(&Path)| {
        let crashed = tempfile::tempdir().unwrap();
        copy_directory(directory.path(), crashed.path());
        alter(crashed.path());
        let store = SledStore::open(crashed.path(), config()).unwrap();
        assert_same(&store, &model);
        let databases = fs::read_dir(crashed.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let databases = databases.filter(|name| name.to_string_lossy().starts_with("db-")).count();
        assert_eq!(databases, 1, "left behind after {name}");
    };
    let mut before_the_swap = tempfile::tempdir().unwrap();
    store.begin_copy(&mut store.writer.lock()).unwrap();
    let mut step = 0;
    while store.upkeep().unwrap() == Progress::Working {
        if step % 10 == 0 {
            check("a step", &|_| ());
        }
        step += 1;
        before_the_swap = tempfile::tempdir().unwrap();
        copy_directory(directory.path(), before_the_swap.path());
        check("writing the next CURRENT", &|crashed| {
            fs::write(crashed.join("CURRENT.next"), "sojourn store").unwrap();
        });
    }
    check("removing the old database", &|_| ());
    check("the rename", &|crashed| {
        copy_directory(&before_the_swap.path().join("db-00000001"), &crashed.join("db-00000001"));
    });
}

#[test]
fn live_bytes_are_counted_exactly_while_writing_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut model) = filled(directory.path());
    drop(store);
    let store = SledStore::open(directory.path(), config()).unwrap();
    assert_eq!(store.usage().unwrap().live_bytes, None);
    let mut number = 0;
    while store.usage().unwrap().live_bytes.is_none() {
        assert_eq!(store.upkeep().unwrap(), Progress::Working);
        put(&store, &mut model, number * 17 % 700, 9);
        remove(&store, &mut model, number * 23 % 700);
        number += 1;
    }
    assert_eq!(store.usage().unwrap().live_bytes.unwrap(), count_live(&store));
}

#[test]
fn compaction_is_due_when_the_disk_holds_too_much() {
    let config =
        StoreConfig { compaction_bytes_min: 1_000, compaction_ratio_max: 2.0, ..StoreConfig::default() };
    assert!(should_compact(2_001, 1_000, 0, &config));
    assert!(!should_compact(2_000, 1_000, 0, &config), "the ratio is not passed");
    assert!(!should_compact(999, 1, 0, &config), "the disk is too small to bother");
    assert!(!should_compact(3_000, 1_000, 2_500, &config), "little has changed since the last");
    assert!(should_compact(4_000, 1_000, 2_500, &config));
    assert!(should_compact(1_000, 0, 0, &config));
}

#[tokio::test]
async fn upkeep_runs_in_the_background_and_ends_with_the_store() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig { compaction_check_interval_ms: 100, ..config() };
    let store = SledStore::open(directory.path(), config).unwrap();
    let mut model = BTreeMap::new();
    for version in 0..40 {
        for number in 0..200 {
            put(&store, &mut model, number, version);
        }
    }
    store.start_upkeep(&Environment::real());
    let compacted = async {
        while store.usage().unwrap().compactions == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), compacted).await.unwrap();
    assert_same(&store, &model);
    let weak = Arc::downgrade(&store);
    drop(store);
    let closed = async {
        while weak.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), closed).await.unwrap();
}

#[test]
#[ignore = "a measurement; run it alone"]
fn measure() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let store = SledStore::open(directory.path(), StoreConfig::default()).unwrap();
    let block: Vec<u8> = (0..65_536_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut times = Vec::new();
    let clock = crate::env::SystemClock::new();
    let now = || crate::env::Clock::monotonic(&clock);
    for number in 0..1_000_u64 {
        let before = now();
        let mut batch = Batch::default();
        batch.put(Tree::Log, number.to_be_bytes(), block.clone());
        store.apply(batch).unwrap();
        let applied = now();
        store.sync().unwrap();
        times.push((now() - before, applied - before));
    }
    times.sort();
    println!("64 KiB block: total {:?} p99 {:?}; apply {:?}", times[500].0, times[990].0, times[500].1);
    println!("{:?}", store.usage().unwrap());
    let mut batch = Batch::default();
    for number in 0..1_000_u64 {
        batch.remove(Tree::Log, number.to_be_bytes());
    }
    store.apply(batch).unwrap();
    let before = now();
    for chunk in 0..200_u64 {
        let mut batch = Batch::default();
        for i in 0..500 {
            let key = (chunk * 500 + i).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            batch.put(Tree::Records, [key.to_be_bytes(), key.to_le_bytes()].concat(), &block[..512]);
        }
        store.apply(batch).unwrap();
    }
    store.sync().unwrap();
    println!("100 000 records of 512 B: {:?}", now() - before);
    while store.usage().unwrap().live_bytes.is_none() {
        store.upkeep().unwrap();
    }
    println!("{:?}", store.usage().unwrap());
    let before = now();
    store.compact().unwrap();
    println!("compacted in {:?}: {:?}", now() - before, store.usage().unwrap());
}
