//! The cluster key, and what is derived from it.

use std::path::Path;

const SESSION_KEY_CONTEXT: &str = "sojourn 2026-11 session key hash v1";
const AT_REST_CONTEXT: &str = "sojourn 2026-11 store sealing v1";

/// 32 secret bytes that all nodes of a cluster share. Zeroed when dropped.
pub struct ClusterKey {
    bytes: [u8; 32],
}

/// Why a cluster key file cannot be used. Never holds what the file contains.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read the cluster key file {path}: {detail}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// The file holds something else.
    #[error("the cluster key file {path} must hold 64 hexadecimal digits (32 bytes) and nothing else")]
    Malformed {
        /// The file.
        path: String,
    },
}

impl ClusterKey {
    /// Reads a key file: 64 hexadecimal digits, white space around them is ignored.
    ///
    /// # Errors
    /// If it cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let shown = || path.display().to_string();
        let mut text = std::fs::read_to_string(path)
            .map_err(|error| KeyError::Unreadable { path: shown(), detail: error.to_string() })?;
        let key = Self::parse(text.trim());
        wipe_text(&mut text);
        key.ok_or_else(|| KeyError::Malformed { path: shown() })
    }

    /// From 64 hexadecimal digits.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Some(Self { bytes })
    }

    /// The secret of [`crate::session::Key::derive`].
    #[must_use]
    pub fn session_secret(&self) -> [u8; 32] {
        blake3::derive_key(SESSION_KEY_CONTEXT, &self.bytes)
    }

    /// The key that seals values at rest.
    #[must_use]
    pub fn at_rest_key(&self) -> [u8; 32] {
        blake3::derive_key(AT_REST_CONTEXT, &self.bytes)
    }
}

impl Drop for ClusterKey {
    fn drop(&mut self) {
        self.bytes.fill(0);
        // Keeps the compiler from leaving the write out as dead.
        std::hint::black_box(&self.bytes);
    }
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterKey(..)")
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn wipe_text(text: &mut String) {
    let length = text.len();
    text.clear();
    text.extend(std::iter::repeat_n('0', length));
    std::hint::black_box(text.as_str());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cluster.key");
        std::fs::write(&path, format!("{}\n", "0f".repeat(32))).unwrap();
        assert_eq!(ClusterKey::read(&path).unwrap().bytes, [15; 32]);
    }

    #[test]
    fn other_files_are_refused_without_showing_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cluster.key");
        for text in ["", "secret-but-short", &"0g".repeat(32), &"0f".repeat(33)] {
            std::fs::write(&path, text).unwrap();
            let message = ClusterKey::read(&path).unwrap_err().to_string();
            assert!(message.contains("64 hexadecimal digits"), "{message}");
            assert!(text.is_empty() || !message.contains(text));
        }
        assert!(matches!(ClusterKey::read(&dir.path().join("none")), Err(KeyError::Unreadable { .. })));
    }

    #[test]
    fn derived_keys_differ_and_debug_shows_nothing() {
        let key = ClusterKey::parse(&"0f".repeat(32)).unwrap();
        assert_ne!(key.session_secret(), key.at_rest_key());
        assert_eq!(format!("{key:?}"), "ClusterKey(..)");
    }
}
