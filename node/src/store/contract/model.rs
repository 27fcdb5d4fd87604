//! A store against an ordered map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::Disk;
use crate::store::{Batch, Tree};

#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<(Tree, Vec<u8>, Option<Vec<u8>>)>),
    Reopen,
}

fn tree() -> impl Strategy<Value = Tree> {
    prop_oneof![Just(Tree::Meta), Just(Tree::Records), Just(Tree::Raft)]
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xff)], 0..3)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    // Around the sizes at which values are cut, too.
    let length = prop_oneof![4 => 0..20_usize, 1 => 16_000..17_000_usize, 1 => 32_000..70_000_usize];
    (any::<u8>(), length).prop_map(|(byte, length)| (0..length).map(|i| byte.wrapping_add(i as u8)).collect())
}

fn step() -> impl Strategy<Value = Step> {
    let change = (tree(), key(), proptest::option::weighted(0.7, value()));
    prop_oneof![
        8 => proptest::collection::vec(change, 0..8).prop_map(Step::Apply),
        1 => Just(Step::Reopen),
    ]
}

/// Runs random histories on both, comparing everything that can be read.
pub(super) fn it_behaves_like_a_map<D: Disk>(disk: impl Fn() -> D) {
    let mut runner = TestRunner::new(Config { cases: 16, failure_persistence: None, ..Config::default() });
    let histories = (proptest::collection::vec(step(), 0..12), key(), key(), 0..9_usize);
    runner
        .run(&histories, |(steps, from, to, items_max)| {
            check(&disk(), steps, &from, &to, items_max);
            Ok(())
        })
        .unwrap();
}

fn check(disk: &dyn Disk, steps: Vec<Step>, from: &[u8], to: &[u8], items_max: usize) {
    let mut model = BTreeMap::new();
    let mut store = disk.open();
    for step in steps {
        match step {
            Step::Apply(changes) => {
                store.apply(Batch { changes: changes.clone() }).unwrap();
                for (tree, key, value) in changes {
                    match value {
                        Some(value) => model.insert((tree, key), value),
                        None => model.remove(&(tree, key)),
                    };
                }
            }
            Step::Reopen => {
                store.sync().unwrap();
                drop(store);
                store = disk.open();
            }
        }
    }
    for tree in [Tree::Records, Tree::Raft] {
        let of_tree =
            || model.iter().filter(|((of, _), _)| *of == tree).map(|((_, key), value)| (key, value));
        let entry = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        let all: Vec<_> = of_tree().map(entry).collect();
        assert_eq!(store.scan(tree, b"", &[0xff; 4], usize::MAX).unwrap(), all);
        let within = of_tree().filter(|(key, _)| key.as_slice() >= from && key.as_slice() < to);
        let within: Vec<_> = within.take(items_max).map(entry).collect();
        assert_eq!(store.scan(tree, from, to, items_max).unwrap(), within);
        let last = of_tree().filter(|(key, _)| key.as_slice() < to).last().map(entry);
        assert_eq!(store.last_before(tree, to).unwrap(), last);
        assert_eq!(store.get(tree, to).unwrap(), model.get(&(tree, to.to_vec())).cloned());
    }
}
