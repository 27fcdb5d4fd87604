//! The key file.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rand::Rng;

use super::error::FileError;
use crate::cli::host;

/// 32 secret bytes.
pub(crate) struct ExportKey(pub(super) [u8; 32]);

impl ExportKey {
    /// Makes a key file that only its owner may read.
    pub(crate) fn create(path: &Path) -> Result<(), FileError> {
        let bytes = random();
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(format!("{text}\n").as_bytes())?;
        Ok(file.sync_all()?)
    }

    /// Reads a key file.
    pub(crate) fn read(path: &Path) -> Result<Self, FileError> {
        let text = std::fs::read_to_string(path)?;
        let digits = text.trim().as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() {
            return Err(FileError::MalformedKey);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let digits =
                std::str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|it| it.is_ascii_hexdigit()));
            let read = digits.and_then(|pair| u8::from_str_radix(pair, 16).ok());
            *byte = read.ok_or(FileError::MalformedKey)?;
        }
        Ok(Self(bytes))
    }
}

pub(super) fn random() -> [u8; 32] {
    host::random().random()
}
