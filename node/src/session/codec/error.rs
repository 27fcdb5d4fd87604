//! Why bytes are not a session.

/// Bytes that cannot be decoded. It never repeats any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end too early.
    #[error("session record ends too early")]
    Truncated,
    /// They are more than this node accepts.
    #[error("session record has {actual} {what}; at most {limit} are allowed")]
    TooLarge {
        /// What is counted.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// How many there are, at least.
        actual: usize,
    },
    /// They were written by another version.
    #[error("session record has version {found}; this node reads version {expected}")]
    Version {
        /// The version found.
        found: u8,
        /// The version that is understood.
        expected: u8,
    },
    /// They break a rule of the format. Bytes that another encoding of the same state would have, too.
    #[error("session record is malformed: {0}")]
    Malformed(&'static str),
}
