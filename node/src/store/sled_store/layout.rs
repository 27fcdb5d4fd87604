//! How trees, keys and values lie in sled's one ordered map.
//!
//! | sled key | sled value |
//! |---|---|
//! | tree, key | 0, value |
//! | tree, key | 1, pieces (u32), bytes (u64), xxh3-128 of the value |
//! | tree + 0x80, length of key (u32), key, piece (u32) | the piece |
//!
//! A value of more than [`PIECE_BYTES`] is cut into pieces. sled would put a
//! page that is too large for its log into a file of its own, without ever
//! syncing it, and leave such files behind; small pieces never get there. A leaf
//! page holds at most 16 entries before it splits and takes up to 3 more from
//! a neighbour when it merges: 20 pieces are well below a quarter of a segment.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_128;

use super::super::{Batch, Entry, StoreError, Tree};
use super::database::{Database, SEGMENT_BYTES};

/// The most that one entry of sled holds.
pub(super) const PIECE_BYTES: usize = SEGMENT_BYTES / 4 / 32;
const WHOLE: u8 = 0;
const IN_PIECES: u8 = 1;
const PIECES_BIT: u8 = 0x80;
/// Every key of every tree is below.
pub(super) const KEYS_END: [u8; 1] = [0xff];

/// A batch in sled's terms.
#[derive(Default)]
pub(super) struct Plan {
    /// By sled key.
    pub(super) changes: BTreeMap<Vec<u8>, Change>,
}

/// What happens to one entry of sled.
#[derive(Default)]
pub(super) struct Change {
    /// Bytes of key and value there before.
    pub(super) bytes_before: u64,
    /// The new value; none removes it.
    pub(super) value: Option<Vec<u8>>,
}

/// What the entry of a value cut into pieces says.
struct Pieces {
    count: u32,
    bytes: u64,
    hash: u128,
}

/// Translates a batch; reads what it replaces, so no other writer may come between.
pub(super) fn plan(database: &Database, batch: Batch) -> Result<Plan, StoreError> {
    let mut last_wins = BTreeMap::new();
    for (tree, key, value) in batch.changes {
        last_wins.insert((tree, key), value);
    }
    let mut plan = Plan::default();
    for ((tree, key), value) in last_wins {
        plan.remove_old(database, tree, &key)?;
        if let Some(value) = value {
            plan.put_new(tree, &key, value);
        }
    }
    Ok(plan)
}

/// The value at a key. The outer `None` says that its pieces changed meanwhile.
pub(super) fn get(
    database: &Database,
    tree: Tree,
    key: &[u8],
) -> Result<Option<Option<Vec<u8>>>, StoreError> {
    match database.get(&head_key(tree, key))? {
        Some(head) => Ok(value(database, tree, key, &head)?.map(Some)),
        None => Ok(Some(None)),
    }
}

/// A scan. `None` says that pieces changed meanwhile.
pub(super) fn scan(
    database: &Database,
    tree: Tree,
    from: &[u8],
    to: &[u8],
    items_max: usize,
) -> Result<Option<Vec<Entry>>, StoreError> {
    let mut entries = Vec::new();
    if from >= to {
        return Ok(Some(entries));
    }
    for found in database.range(head_key(tree, from), head_key(tree, to)).take(items_max) {
        let (sled_key, head) = found?;
        let key = sled_key.get(1..).unwrap_or_default();
        let Some(value) = value(database, tree, key, &head)? else { return Ok(None) };
        entries.push((key.to_vec(), value));
    }
    Ok(Some(entries))
}

/// The last entry below a key. The outer `None` says that its pieces changed meanwhile.
pub(super) fn last_before(
    database: &Database,
    tree: Tree,
    to: &[u8],
) -> Result<Option<Option<Entry>>, StoreError> {
    let Some(found) = database.range(head_key(tree, &[]), head_key(tree, to)).next_back() else {
        return Ok(Some(None));
    };
    let (sled_key, head) = found?;
    let key = sled_key.get(1..).unwrap_or_default();
    Ok(value(database, tree, key, &head)?.map(|value| Some((key.to_vec(), value))))
}

/// The error for pieces that do not fit together although nobody writes.
pub(super) fn torn(tree: Tree) -> StoreError {
    corrupt(tree, "the pieces of a value do not fit together")
}

impl Plan {
    /// What to write, by sled key.
    pub(super) fn writes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.changes.iter().map(|(key, change)| (key.as_slice(), change.value.as_deref()))
    }

    fn remove_old(&mut self, database: &Database, tree: Tree, key: &[u8]) -> Result<(), StoreError> {
        let head_key = head_key(tree, key);
        let Some(head) = database.get(&head_key)? else { return Ok(()) };
        if let Some(pieces) = Pieces::decode(tree, &head)? {
            for piece in 0..pieces.count {
                let piece_key = piece_key(tree, key, piece);
                let bytes_before = entry_bytes(&piece_key, pieces.piece_bytes(piece));
                self.changes.insert(piece_key, Change { bytes_before, value: None });
            }
        }
        let bytes_before = entry_bytes(&head_key, head.len());
        self.changes.insert(head_key, Change { bytes_before, value: None });
        Ok(())
    }

    fn put_new(&mut self, tree: Tree, key: &[u8], mut value: Vec<u8>) {
        let head_key = head_key(tree, key);
        if value.len() < PIECE_BYTES {
            value.insert(0, WHOLE);
            self.changes.entry(head_key).or_default().value = Some(value);
            return;
        }
        let mut count = 0;
        for piece in value.chunks(PIECE_BYTES) {
            let piece_key = piece_key(tree, key, count);
            self.changes.entry(piece_key).or_default().value = Some(piece.to_vec());
            count += 1;
        }
        let pieces = Pieces { count, bytes: value.len() as u64, hash: xxh3_128(&value) };
        self.changes.entry(head_key).or_default().value = Some(pieces.encode());
    }
}

impl Change {
    /// Bytes of key and value there afterwards.
    pub(super) fn bytes_after(&self, key: &[u8]) -> u64 {
        self.value.as_ref().map_or(0, |value| entry_bytes(key, value.len()))
    }
}

/// Bytes of live data in an entry of sled.
pub(super) fn entry_bytes(key: &[u8], value_bytes: usize) -> u64 {
    (key.len() + value_bytes) as u64
}

impl Pieces {
    fn encode(&self) -> Vec<u8> {
        let mut head = vec![IN_PIECES];
        head.extend_from_slice(&self.count.to_be_bytes());
        head.extend_from_slice(&self.bytes.to_be_bytes());
        head.extend_from_slice(&self.hash.to_be_bytes());
        head
    }

    /// None for a value that is whole.
    fn decode(tree: Tree, head: &[u8]) -> Result<Option<Self>, StoreError> {
        let unknown = || corrupt(tree, "an entry of unknown form");
        match head.split_first() {
            Some((&WHOLE, _)) => Ok(None),
            Some((&IN_PIECES, rest)) => {
                let (count, rest) = rest.split_first_chunk().ok_or_else(unknown)?;
                let (bytes, rest) = rest.split_first_chunk().ok_or_else(unknown)?;
                let hash = rest.try_into().map_err(|_| unknown())?;
                Ok(Some(Self {
                    count: u32::from_be_bytes(*count),
                    bytes: u64::from_be_bytes(*bytes),
                    hash: u128::from_be_bytes(hash),
                }))
            }
            _ => Err(unknown()),
        }
    }

    fn piece_bytes(&self, piece: u32) -> usize {
        let before = u64::from(piece) * PIECE_BYTES as u64;
        self.bytes.saturating_sub(before).min(PIECE_BYTES as u64) as usize
    }
}

fn value(database: &Database, tree: Tree, key: &[u8], head: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(pieces) = Pieces::decode(tree, head)? else {
        return Ok(Some(head.get(1..).unwrap_or_default().to_vec()));
    };
    let mut value = Vec::new();
    for found in database.range(piece_key(tree, key, 0), piece_key(tree, key, pieces.count)) {
        value.extend_from_slice(&found?.1);
    }
    let fits = value.len() as u64 == pieces.bytes && xxh3_128(&value) == pieces.hash;
    Ok(fits.then_some(value))
}

fn head_key(tree: Tree, key: &[u8]) -> Vec<u8> {
    [&[tree as u8], key].concat()
}

fn piece_key(tree: Tree, key: &[u8], piece: u32) -> Vec<u8> {
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    [&[tree as u8 | PIECES_BIT], &length.to_be_bytes()[..], key, &piece.to_be_bytes()].concat()
}

fn corrupt(tree: Tree, detail: &str) -> StoreError {
    StoreError::Corrupt { place: format!("the tree {tree:?}"), detail: detail.to_owned() }
}
