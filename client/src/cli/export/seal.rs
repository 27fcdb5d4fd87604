//! Seals the chunks of a file so that none can be changed, moved, left out or put in.
//!
//! AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár, 2015):
//! the nonce is the chunk's number and whether it is the last, under a key that the
//! file's salt makes its own. The header is authenticated with each chunk.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::error::FileError;
use super::key::ExportKey;

const SEAL_CONTEXT: &[u8] = b"sojourn 2026-11 export file seal v1";
const CHECK_CONTEXT: &[u8] = b"sojourn 2026-11 export file key check v1";

/// The bytes by which a sealed chunk is longer.
pub(super) const TAG_BYTES: usize = 16;

/// The seal of one file.
pub(super) struct Seal {
    key: LessSafeKey,
    header: [u8; 32],
    next: u32,
}

/// What a key file and a salt amount to, without leading back to either.
pub(super) fn key_check(key: &ExportKey, salt: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&derived(key, CHECK_CONTEXT, salt)[..16]);
    half
}

fn derived(key: &ExportKey, context: &[u8], salt: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    hasher.update(context).update(&[0]).update(salt);
    hasher.finalize().into()
}

impl Seal {
    pub(super) fn new(key: &ExportKey, salt: &[u8], header: &[u8]) -> Result<Self, FileError> {
        let key = UnboundKey::new(&AES_256_GCM, &derived(key, SEAL_CONTEXT, salt));
        let key = LessSafeKey::new(key.map_err(|_| FileError::WrongKey)?);
        Ok(Self { key, header: blake3::hash(header).into(), next: 0 })
    }

    /// Seals the next chunk.
    pub(super) fn seal(&mut self, mut chunk: Vec<u8>, is_last: bool) -> Result<Vec<u8>, FileError> {
        let nonce = self.nonce(is_last);
        let sealed = self.key.seal_in_place_append_tag(nonce, Aad::from(self.header), &mut chunk);
        sealed.map_err(|_| FileError::Damaged)?;
        self.advance()?;
        Ok(chunk)
    }

    /// Opens the next chunk.
    pub(super) fn open(&mut self, mut sealed: Vec<u8>, is_last: bool) -> Result<Vec<u8>, FileError> {
        // What opens as a chunk that others follow, though nothing follows, is sound: the rest is missing.
        let is_cut = is_last && {
            let mut copy = sealed.clone();
            self.key.open_in_place(self.nonce(false), Aad::from(self.header), &mut copy).is_ok()
        };
        let opened = self.key.open_in_place(self.nonce(is_last), Aad::from(self.header), &mut sealed);
        let Ok(opened) = opened else {
            return Err(if is_cut { FileError::Cut } else { FileError::Damaged });
        };
        let length = opened.len();
        sealed.truncate(length);
        self.advance()?;
        Ok(sealed)
    }

    fn nonce(&self, is_last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[NONCE_LEN - 5..NONCE_LEN - 1].copy_from_slice(&self.next.to_be_bytes());
        nonce[NONCE_LEN - 1] = u8::from(is_last);
        Nonce::assume_unique_for_key(nonce)
    }

    fn advance(&mut self) -> Result<(), FileError> {
        let too_long = FileError::TooLong { limit: u32::MAX as usize, actual: usize::MAX };
        self.next = self.next.checked_add(1).ok_or(too_long)?;
        Ok(())
    }
}
