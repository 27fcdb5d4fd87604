//! Seals values with AES-256-GCM before they reach a disk.
//!
//! A sealed value is: format 1 byte, start 4, counter 8, ciphertext, tag 16.
//! Start and counter are the nonce. Each start of the store draws a random salt,
//! keeps it in [`Tree::Meta`], synced before the first seal, and seals with a key
//! of its own derived from it. So no key meets a nonce twice, not after a crash,
//! not when a disk is cloned or an old copy is restored.
//! Format, tree and key are authenticated with the value: one that was changed,
//! or moved to another key, does not open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::env::{Rng, SharedRng};

use super::keys::{MetaKey, MetaValue, SealSalts, StoreKey};
use super::{Batch, Entry, Store, StoreError, Tree};

const FORMAT: u8 = 1;
const HEADER_BYTES: usize = 1 + NONCE_LEN;
const KEY_CONTEXT: &str = "sojourn 2026-11 key of one start at rest v1";

/// A store whose values are sealed, those of [`Tree::Meta`] excepted; keys are not.
pub struct SealedStore {
    inner: Arc<dyn Store>,
    /// By start.
    keys: Vec<LessSafeKey>,
    start: u32,
    counter: AtomicU64,
}

impl SealedStore {
    /// Seals what is written to `inner` from now on, under keys derived from `key`.
    ///
    /// `key` must be secret and this disk's alone: see [`Self::derive_key`].
    pub fn open(inner: Arc<dyn Store>, key: &[u8; 32], rng: &SharedRng) -> Result<Self, StoreError> {
        let mut salts = match inner.get(Tree::Meta, &MetaKey::SealSalts.encode())? {
            Some(value) => SealSalts::decode(&value)?,
            None => SealSalts::default(),
        };
        let start = u32::try_from(salts.0.len())
            .map_err(|_| StoreError::Unusable { detail: "the store was started too often".to_owned() })?;
        salts.0.push(rng.with(|rng| rng.random()));
        let mut batch = Batch::default();
        batch.put(Tree::Meta, MetaKey::SealSalts.encode(), salts.encode());
        inner.apply(batch)?;
        inner.sync()?;
        let keys = salts.0.iter().map(|salt| start_key(key, salt)).collect::<Result<_, _>>()?;
        Ok(Self { inner, keys, start, counter: AtomicU64::new(0) })
    }

    /// The key for [`Self::open`], from the cluster's key and the id of the disk.
    #[must_use]
    pub fn derive_key(cluster_key: &[u8; 32], store_id: &[u8; 16]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("sojourn 2026-11 key at rest v1");
        hasher.update(cluster_key).update(store_id);
        hasher.finalize().into()
    }

    fn seal(&self, tree: Tree, key: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
        let refused = || StoreError::Unusable { detail: "a value cannot be sealed".to_owned() };
        let nonce = nonce(self.start, self.counter.fetch_add(1, Ordering::Relaxed));
        let sealing_key = self.keys.last().ok_or_else(refused)?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + value.len() + AES_256_GCM.tag_len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let (_, text) = sealed.split_at_mut(HEADER_BYTES);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = sealing_key.seal_in_place_separate_tag(nonce, associated(tree, key), text);
        sealed.extend_from_slice(tag.map_err(|_| refused())?.as_ref());
        Ok(sealed)
    }

    fn unseal(&self, tree: Tree, key: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        if tree == Tree::Meta {
            return Ok(sealed);
        }
        let (header, text) =
            sealed.split_first_chunk_mut::<HEADER_BYTES>().ok_or_else(|| corrupt(tree, "it is too short"))?;
        let [FORMAT, nonce @ ..] = *header else { return Err(corrupt(tree, "its format is unknown")) };
        let [a, b, c, d, ..] = nonce;
        let start = u32::from_be_bytes([a, b, c, d]) as usize;
        let opening_key = self.keys.get(start).ok_or_else(|| corrupt(tree, "its start is unknown"))?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = opening_key.open_in_place(nonce, associated(tree, key), text);
        let length = opened.map_err(|_| corrupt(tree, "its seal is broken"))?.len();
        sealed.drain(..HEADER_BYTES);
        sealed.truncate(length);
        Ok(sealed)
    }

    fn unseal_entry(&self, tree: Tree, (key, sealed): Entry) -> Result<Entry, StoreError> {
        let value = self.unseal(tree, &key, sealed)?;
        Ok((key, value))
    }
}

impl Store for SealedStore {
    fn get(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(tree, key)?.map(|sealed| self.unseal(tree, key, sealed)).transpose()
    }

    fn apply(&self, mut batch: Batch) -> Result<(), StoreError> {
        for (tree, key, value) in &mut batch.changes {
            if let Some(value) = value.as_mut().filter(|_| *tree != Tree::Meta) {
                *value = self.seal(*tree, key, value)?;
            }
        }
        self.inner.apply(batch)
    }

    fn scan(&self, tree: Tree, from: &[u8], to: &[u8], items_max: usize) -> Result<Vec<Entry>, StoreError> {
        let entries = self.inner.scan(tree, from, to, items_max)?;
        entries.into_iter().map(|entry| self.unseal_entry(tree, entry)).collect()
    }

    fn last_before(&self, tree: Tree, to: &[u8]) -> Result<Option<Entry>, StoreError> {
        self.inner.last_before(tree, to)?.map(|entry| self.unseal_entry(tree, entry)).transpose()
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.inner.sync()
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.inner.disk_bytes()
    }
}

fn start_key(key: &[u8; 32], salt: &[u8; 16]) -> Result<LessSafeKey, StoreError> {
    let mut hasher = blake3::Hasher::new_derive_key(KEY_CONTEXT);
    hasher.update(key).update(salt);
    let refused = |_| StoreError::Unusable { detail: "the key at rest cannot be used".to_owned() };
    let key = UnboundKey::new(&AES_256_GCM, hasher.finalize().as_bytes()).map_err(refused)?;
    Ok(LessSafeKey::new(key))
}

fn nonce(start: u32, counter: u64) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    let (high, low) = nonce.split_at_mut(4);
    high.copy_from_slice(&start.to_be_bytes());
    low.copy_from_slice(&counter.to_be_bytes());
    nonce
}

fn associated(tree: Tree, key: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([&[FORMAT, tree as u8], key].concat())
}

fn corrupt(tree: Tree, detail: &str) -> StoreError {
    StoreError::Corrupt { place: format!("a sealed value of the tree {tree:?}"), detail: detail.to_owned() }
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
