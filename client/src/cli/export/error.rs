//! Why a file of an export cannot be used.

use std::io;

/// Why a file of an export cannot be used. It never holds what is in the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It begins with something else.
    #[error("it is no export of Sojourn")]
    Foreign,
    /// It is of another version of the format.
    #[error("it is of version {found} of the format; this program reads version {expected}")]
    Version {
        /// Its version.
        found: u16,
        /// The version that is read.
        expected: u16,
    },
    /// It was sealed under another key.
    #[error("it was sealed with another key file")]
    WrongKey,
    /// Its end is missing.
    #[error("it is cut: its end is missing")]
    Cut,
    /// A chunk was changed, moved or put in, or the header was.
    #[error("it is damaged: a part was changed, moved or put in")]
    Damaged,
    /// A part is larger than any that is written.
    #[error("it has a part of {actual} bytes; at most {limit} are read")]
    TooLong {
        /// The most that is read.
        limit: usize,
        /// What it says.
        actual: usize,
    },
    /// A key file holds something else.
    #[error("a key file holds 64 hexadecimal digits (32 bytes) and nothing else")]
    MalformedKey,
}
