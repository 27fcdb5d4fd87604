//! What was synced outlives the process, however that ends.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::store::{Batch, SledStore, Store, StoreConfig, Tree};

const DIRECTORY: &str = "SOJOURN_TEST_STORE_DIRECTORY";

/// The child: not a test, but started as one.
#[test]
#[ignore = "the killed child of the test below"]
fn child_that_writes_until_it_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let store = SledStore::open(directory, StoreConfig::default()).unwrap();
    for number in 0_u64.. {
        let mut batch = Batch::default();
        batch.put(Tree::Log, number.to_be_bytes(), vec![number as u8; 50_000]);
        batch.put(Tree::Partitions, b"last", number.to_be_bytes());
        store.apply(batch).unwrap();
        store.sync().unwrap();
        println!("synced {number}");
    }
}

#[test]
fn a_killed_process_loses_nothing_synced_and_no_part_of_a_batch() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let synced = run_and_kill(directory.path(), round * 20);
        let store = SledStore::open(directory.path(), StoreConfig::default()).unwrap();
        let last = store.get(Tree::Partitions, b"last").unwrap().unwrap();
        let newest = store.last_before(Tree::Log, &[0xff; 9]).unwrap().unwrap().0;
        assert!(last <= newest, "a part of a batch is missing");
        let last = u64::from_be_bytes(last.try_into().unwrap());
        // A later round writes the same blocks again, so older ones may be there beyond it.
        assert!(last >= synced, "synced up to {synced}, found {last}");
        for number in 0..=last {
            let value = store.get(Tree::Log, &number.to_be_bytes()).unwrap();
            assert_eq!(value.unwrap(), vec![number as u8; 50_000]);
        }
    }
}

/// Returns the number that the child last reported as synced.
fn run_and_kill(directory: &std::path::Path, lines: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--nocapture", "--test-threads=1", "child_that_writes_until_it_is_killed"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let reports = BufReader::new(child.stdout.take().unwrap()).lines();
    let numbers = reports.filter_map(|line| line.unwrap().strip_prefix("synced ")?.parse().ok());
    let last = numbers.take(lines).last();
    child.kill().unwrap();
    child.wait().unwrap();
    last.expect("the child wrote nothing")
}
