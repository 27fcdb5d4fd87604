//! A disk in memory for simulations: what is live and what is durable are kept
//! apart, and it fails when told to.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::{Batch, Entry, Store, StoreError, Tree};

type Contents = BTreeMap<(Tree, Vec<u8>), Vec<u8>>;

/// The disk of a simulated node: it outlives the node's crashes, and is the
/// handle by which a test breaks it. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

/// One opening of a [`SimDisk`]; the next opening or a crash ends it.
pub struct SimStore {
    disk: SimDisk,
    opening: u64,
}

/// How much of what was not synced a crash leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// Nothing.
    Clean,
    /// The oldest batches, as many as the seed says: maybe none, maybe all.
    Torn {
        /// Draws how many.
        seed: u64,
    },
}

#[derive(Default)]
struct State {
    live: Contents,
    durable: Contents,
    unsynced: Vec<Batch>,
    opening: u64,
    failed: Option<StoreError>,
    faults: Faults,
}

#[derive(Default)]
struct Faults {
    fail_next_sync: bool,
    reads_and_writes_fail: bool,
    bytes_max: Option<u64>,
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts using the disk; an earlier opening fails from now on.
    #[must_use]
    pub fn open(&self) -> SimStore {
        let mut state = self.state.lock();
        state.opening += 1;
        state.failed = None;
        SimStore { disk: self.clone(), opening: state.opening }
    }

    /// Cuts the power: unsynced batches are lost whole, the newest first.
    pub fn crash(&self, crash: Crash) {
        let mut state = self.state.lock();
        let unsynced = std::mem::take(&mut state.unsynced);
        let kept = match crash {
            Crash::Clean => 0,
            Crash::Torn { seed } => StdRng::seed_from_u64(seed).random_range(0..=unsynced.len()),
        };
        for batch in unsynced.into_iter().take(kept) {
            put_all(&mut state.durable, batch);
        }
        state.live = state.durable.clone();
        state.faults.fail_next_sync = false;
        state.opening += 1;
    }

    /// The next sync fails, and with it everything until the disk is opened again;
    /// a crash before forgets it.
    pub fn fail_next_sync(&self) {
        self.state.lock().faults.fail_next_sync = true;
    }

    /// Whether every read and write fails.
    pub fn set_failing(&self, failing: bool) {
        self.state.lock().faults.reads_and_writes_fail = failing;
    }

    /// Refuses batches that would make the disk larger than this; none lifts the limit.
    pub fn set_bytes_max(&self, bytes_max: Option<u64>) {
        self.state.lock().faults.bytes_max = bytes_max;
    }

    /// Flips one bit (counted from the first, modulo its length) of a value at rest.
    /// Says whether there was one to flip.
    pub fn flip_bit(&self, tree: Tree, key: &[u8], bit: usize) -> bool {
        let mut state = self.state.lock();
        let at = (tree, key.to_vec());
        let flipped = flip(&mut state.live, &at, bit);
        flip(&mut state.durable, &at, bit) || flipped
    }

    /// Another disk with what this one holds now, all of it durable: a backup, or a clone.
    #[must_use]
    pub fn copy(&self) -> Self {
        let live = self.state.lock().live.clone();
        let state = State { durable: live.clone(), live, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A copy of this disk in which one tree is as it stands on another disk.
    #[must_use]
    pub fn copy_with(&self, tree: Tree, other: &Self) -> Self {
        let copy = self.copy();
        let theirs = other.state.lock().live.clone();
        {
            let mut state = copy.state.lock();
            state.live.retain(|(of, _), _| *of != tree);
            state.live.extend(theirs.into_iter().filter(|((of, _), _)| *of == tree));
            state.durable = state.live.clone();
        }
        copy
    }

    /// The keys of a tree that have a value now, in order.
    #[must_use]
    pub fn keys(&self, tree: Tree) -> Vec<Vec<u8>> {
        let state = self.state.lock();
        let of_tree = state.live.range((tree, Vec::new())..).take_while(|((of, _), _)| *of == tree);
        of_tree.map(|((_, key), _)| key.clone()).collect()
    }

    /// What the disk holds now, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        bytes(&self.state.lock().live)
    }

    /// Batches applied since the last sync.
    #[must_use]
    pub fn unsynced_batches(&self) -> usize {
        self.state.lock().unsynced.len()
    }
}

impl SimStore {
    fn with<T>(
        &self,
        doing: &'static str,
        use_disk: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut state = self.disk.state.lock();
        if state.opening != self.opening {
            return Err(refused(doing, "the disk was taken away"));
        }
        if state.faults.reads_and_writes_fail {
            return Err(refused(doing, "simulated I/O error"));
        }
        use_disk(&mut state)
    }
}

impl Store for SimStore {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.with("reading", |state| Ok(state.live.get(&(tree, key.to_vec())).cloned()))
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        self.with("writing", |state| {
            state.check_not_failed()?;
            state.check_space(&batch)?;
            put_all(&mut state.live, batch.clone());
            state.unsynced.push(batch);
            Ok(())
        })
    }

    fn scan(&self, tree: Tree, from: &[u8], to: &[u8], items_max: usize) -> Result<Vec<Entry>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let range = (tree, from.to_vec())..(tree, to.to_vec());
        self.with("scanning", |state| {
            let entries = state.live.range(range).take(items_max);
            Ok(entries.map(|((_, key), value)| (key.clone(), value.clone())).collect())
        })
    }

    fn last_before(&self, tree: Tree, to: &[u8]) -> Result<Option<Entry>, StoreError> {
        let range = (Bound::Included((tree, Vec::new())), Bound::Excluded((tree, to.to_vec())));
        if to.is_empty() {
            return Ok(None);
        }
        self.with("scanning", |state| {
            let last = state.live.range(range).next_back();
            Ok(last.map(|((_, key), value)| (key.clone(), value.clone())))
        })
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.with("syncing", |state| {
            state.check_not_failed()?;
            if std::mem::take(&mut state.faults.fail_next_sync) {
                let error = refused("syncing", "simulated sync failure");
                state.failed = Some(error.clone());
                return Err(error);
            }
            for batch in std::mem::take(&mut state.unsynced) {
                put_all(&mut state.durable, batch);
            }
            Ok(())
        })
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.with("measuring", |state| Ok(bytes(&state.live)))
    }
}

impl State {
    fn check_not_failed(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn check_space(&self, batch: &Batch) -> Result<(), StoreError> {
        let Some(bytes_max) = self.faults.bytes_max else { return Ok(()) };
        let added: u64 = batch
            .changes
            .iter()
            .map(|(_, key, value)| match value {
                Some(value) => (key.len() + value.len()) as u64,
                None => 0,
            })
            .sum();
        if added > 0 && bytes(&self.live) + added > bytes_max {
            return Err(refused("writing", "no space left on the simulated disk"));
        }
        Ok(())
    }
}

fn put_all(contents: &mut Contents, batch: Batch) {
    for (tree, key, value) in batch.changes {
        match value {
            Some(value) => contents.insert((tree, key), value),
            None => contents.remove(&(tree, key)),
        };
    }
}

fn flip(contents: &mut Contents, at: &(Tree, Vec<u8>), bit: usize) -> bool {
    let Some(value) = contents.get_mut(at) else { return false };
    let bits = value.len() * 8;
    let Some(bit) = bit.checked_rem(bits) else { return false };
    value.get_mut(bit / 8).map(|byte| *byte ^= 1 << (bit % 8)).is_some()
}

fn bytes(contents: &Contents) -> u64 {
    contents.iter().map(|((_, key), value)| (key.len() + value.len()) as u64).sum()
}

fn refused(doing: &'static str, detail: &str) -> StoreError {
    StoreError::Io { doing, detail: detail.to_owned() }
}
