//! Every key and value header of the store, on one page.
//!
//! | tree | key | value |
//! |---|---|---|
//! | Meta | [`MetaKey`], one byte | its own type below: version, content |
//! | Log | [`BlockKey`]: block number, 8 bytes | version, block of the engine |
//! | Records | [`RecordKey`]: partition 2, key 16 | version, encoded session |
//! | Partitions | [`PartitionKey`]: partition 2 | version, state of the engine |
//! | Raft | [`RaftKey`]: kind 1, for the log its index 8 | version, openraft's own type |
//!
//! Numbers are big-endian, so that byte order is their order. Every value
//! begins with a version of its own ([`frame`], [`unframe`]): a reader refuses
//! one that it does not know, in place of misreading it.

use crate::session::{Key, Partition, ReplicaId};

use super::{Batch, Store, StoreError, Tree};

/// The version of everything on this page; it goes into [`FormatVersion`].
pub const FORMAT_VERSION: u32 = 1;

/// The version byte of every value so far.
pub const VALUE_VERSION: u8 = 1;

/// A half-open range of encoded keys, for [`super::Store::scan`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key.
    pub from: Vec<u8>,
    /// The first key behind.
    pub to: Vec<u8>,
}

/// Puts the version before a value.
#[must_use]
pub fn frame(payload: &[u8]) -> Vec<u8> {
    [&[VALUE_VERSION], payload].concat()
}

/// Takes the version off a value; `place` says in an error where it was found.
pub fn unframe<'a>(place: &str, value: &'a [u8]) -> Result<&'a [u8], StoreError> {
    match value.split_first() {
        Some((&VALUE_VERSION, payload)) => Ok(payload),
        Some((version, _)) => {
            Err(corrupt(place, format!("value version {version}, allowed is {VALUE_VERSION}")))
        }
        None => Err(corrupt(place, "empty value".to_owned())),
    }
}

/// A key of one tree.
pub trait StoreKey: Sized {
    /// The tree it belongs to.
    const TREE: Tree;

    /// Its bytes.
    fn encode(&self) -> Vec<u8>;

    /// From its bytes; `Corrupt` if they are no such key.
    fn decode(bytes: &[u8]) -> Result<Self, StoreError>;
}

/// Keys of [`Tree::Meta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum MetaKey {
    /// [`FormatVersion`].
    FormatVersion = 1,
    /// [`StoreId`].
    StoreId = 2,
    /// [`Incarnation`].
    Incarnation = 3,
    /// [`LatestStart`].
    LatestStart = 4,
    /// [`ClusterId`].
    ClusterId = 5,
    /// [`ReplicaId`].
    ReplicaId = 6,
    /// [`NodeName`].
    NodeName = 7,
    /// [`SealSalts`].
    SealSalts = 8,
}

impl StoreKey for MetaKey {
    const TREE: Tree = Tree::Meta;

    fn encode(&self) -> Vec<u8> {
        vec![*self as u8]
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        use MetaKey as K;
        let known = [
            K::FormatVersion,
            K::StoreId,
            K::Incarnation,
            K::LatestStart,
            K::ClusterId,
            K::ReplicaId,
            K::NodeName,
            K::SealSalts,
        ];
        known.into_iter().find(|key| bytes == [*key as u8]).ok_or_else(|| no_key(Self::TREE))
    }
}

/// Key of [`Tree::Log`]: the number of a block, growing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockKey(pub u64);

impl BlockKey {
    /// The length of its encoding.
    pub const BYTES: usize = 8;

    /// The blocks from one number up to, not including, another.
    #[must_use]
    pub fn range(from: u64, to: u64) -> KeyRange {
        KeyRange { from: Self(from).encode(), to: Self(to).encode() }
    }

    /// Behind every block, for [`super::Store::last_before`].
    #[must_use]
    pub fn end() -> Vec<u8> {
        behind(Self(u64::MAX).encode())
    }
}

impl StoreKey for BlockKey {
    const TREE: Tree = Tree::Log;

    fn encode(&self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        bytes.try_into().map(|bytes| Self(u64::from_be_bytes(bytes))).map_err(|_| no_key(Self::TREE))
    }
}

/// Key of [`Tree::Records`]: a session within its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    /// The partition.
    pub partition: Partition,
    /// The session.
    pub key: Key,
}

impl RecordKey {
    /// The length of its encoding.
    pub const BYTES: usize = 18;

    /// All records of a partition, or those after a key.
    #[must_use]
    pub fn range(partition: Partition, after: Option<Key>) -> KeyRange {
        let from = match after {
            Some(key) => behind(Self { partition, key }.encode()),
            None => partition.0.to_be_bytes().to_vec(),
        };
        KeyRange { from, to: behind(Self { partition, key: Key([0xff; 16]) }.encode()) }
    }
}

impl StoreKey for RecordKey {
    const TREE: Tree = Tree::Records;

    fn encode(&self) -> Vec<u8> {
        [&self.partition.0.to_be_bytes()[..], &self.key.0].concat()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let (partition, key) = bytes.split_first_chunk().ok_or_else(|| no_key(Self::TREE))?;
        let key = key.try_into().map_err(|_| no_key(Self::TREE))?;
        Ok(Self { partition: Partition(u16::from_be_bytes(*partition)), key: Key(key) })
    }
}

/// Key of [`Tree::Partitions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionKey(pub Partition);

impl PartitionKey {
    /// Every partition.
    #[must_use]
    pub fn range() -> KeyRange {
        KeyRange { from: Vec::new(), to: behind(Self(Partition(u16::MAX)).encode()) }
    }
}

impl StoreKey for PartitionKey {
    const TREE: Tree = Tree::Partitions;

    fn encode(&self) -> Vec<u8> {
        self.0.0.to_be_bytes().to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let number = bytes.try_into().map_err(|_| no_key(Self::TREE))?;
        Ok(Self(Partition(u16::from_be_bytes(number))))
    }
}

/// Keys of [`Tree::Raft`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RaftKey {
    /// The last vote.
    Vote,
    /// The last committed log id.
    Committed,
    /// The last purged log id.
    LastPurged,
    /// The applied state and its log id.
    StateMachine,
    /// The last snapshot.
    Snapshot,
    /// One entry of the log, by its index.
    Log(u64),
}

const RAFT_LOG: u8 = 16;

impl RaftKey {
    /// The log's entries from one index up to, not including, another.
    #[must_use]
    pub fn log_range(from: u64, to: u64) -> KeyRange {
        KeyRange { from: Self::Log(from).encode(), to: Self::Log(to).encode() }
    }

    /// Behind every entry of the log.
    #[must_use]
    pub fn log_end() -> Vec<u8> {
        behind(Self::Log(u64::MAX).encode())
    }
}

impl StoreKey for RaftKey {
    const TREE: Tree = Tree::Raft;

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Vote => vec![1],
            Self::Committed => vec![2],
            Self::LastPurged => vec![3],
            Self::StateMachine => vec![4],
            Self::Snapshot => vec![5],
            Self::Log(index) => [&[RAFT_LOG], &index.to_be_bytes()[..]].concat(),
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        match bytes {
            [1] => Ok(Self::Vote),
            [2] => Ok(Self::Committed),
            [3] => Ok(Self::LastPurged),
            [4] => Ok(Self::StateMachine),
            [5] => Ok(Self::Snapshot),
            [RAFT_LOG, index @ ..] => {
                let index = index.try_into().map_err(|_| no_key(Self::TREE))?;
                Ok(Self::Log(u64::from_be_bytes(index)))
            }
            _ => Err(no_key(Self::TREE)),
        }
    }
}

/// A value of [`Tree::Meta`].
pub trait MetaValue: Sized {
    /// Its key.
    const KEY: MetaKey;

    /// Its bytes, version included.
    fn encode(&self) -> Vec<u8>;

    /// From its bytes; `Corrupt` if they are no such value.
    fn decode(bytes: &[u8]) -> Result<Self, StoreError>;

    /// As it is in the store; none if it was never written.
    ///
    /// # Errors
    /// The store fails, or holds no such value there.
    fn get(store: &dyn Store) -> Result<Option<Self>, StoreError> {
        store.get(Tree::Meta, &Self::KEY.encode())?.map(|value| Self::decode(&value)).transpose()
    }

    /// Has a batch write it.
    fn put(&self, batch: &mut Batch) {
        batch.put(Tree::Meta, Self::KEY.encode(), self.encode());
    }
}

/// The version of the encodings in this store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatVersion(pub u32);

/// 16 random bytes, drawn when the store was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreId(pub [u8; 16]);

/// The number of this start of the node, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incarnation(pub u32);

/// The latest wall clock at which the store was opened, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatestStart(pub u64);

/// The cluster that this store belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterId(pub String);

/// The name of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeName(pub String);

/// A random salt for each start, in order: `sealed` derives its keys from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealSalts(pub Vec<[u8; 16]>);

/// Fixed-size values: a number or bytes.
macro_rules! meta_value {
    ($type:ty, $key:ident, $encode:expr, $decode:expr) => {
        impl MetaValue for $type {
            const KEY: MetaKey = MetaKey::$key;

            fn encode(&self) -> Vec<u8> {
                let encode: fn(&Self) -> Vec<u8> = $encode;
                frame(&encode(self))
            }

            fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
                let decode: fn(&[u8]) -> Option<Self> = $decode;
                let place = concat!("the node's ", stringify!($key));
                decode(unframe(place, bytes)?).ok_or_else(|| corrupt(place, "not such a value".to_owned()))
            }
        }
    };
}

meta_value!(FormatVersion, FormatVersion, |it| it.0.to_be_bytes().to_vec(), |bytes| {
    Some(Self(u32::from_be_bytes(bytes.try_into().ok()?)))
});
meta_value!(StoreId, StoreId, |it| it.0.to_vec(), |bytes| Some(Self(bytes.try_into().ok()?)));
meta_value!(Incarnation, Incarnation, |it| it.0.to_be_bytes().to_vec(), |bytes| {
    Some(Self(u32::from_be_bytes(bytes.try_into().ok()?)))
});
meta_value!(LatestStart, LatestStart, |it| it.0.to_be_bytes().to_vec(), |bytes| {
    Some(Self(u64::from_be_bytes(bytes.try_into().ok()?)))
});
meta_value!(ClusterId, ClusterId, |it| it.0.clone().into_bytes(), |bytes| {
    Some(Self(String::from_utf8(bytes.to_vec()).ok()?))
});
meta_value!(ReplicaId, ReplicaId, |it| it.0.to_be_bytes().to_vec(), |bytes| {
    Some(Self(u16::from_be_bytes(bytes.try_into().ok()?)))
});
meta_value!(NodeName, NodeName, |it| it.0.clone().into_bytes(), |bytes| {
    Some(Self(String::from_utf8(bytes.to_vec()).ok()?))
});
meta_value!(SealSalts, SealSalts, |it| it.0.concat(), |bytes| {
    let (salts, rest) = bytes.as_chunks();
    rest.is_empty().then(|| Self(salts.to_vec()))
});

/// The first byte string behind a key.
fn behind(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

fn no_key(tree: Tree) -> StoreError {
    corrupt(&format!("the tree {tree:?}"), "not a key of this tree".to_owned())
}

fn corrupt(place: &str, detail: String) -> StoreError {
    StoreError::Corrupt { place: place.to_owned(), detail }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
