//! Attribute values and names.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// The name of an attribute, counter or set.
pub type Name = Arc<str>;

/// How an attribute's bytes are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// Raw bytes.
    Data,
    /// UTF-8 text.
    Text,
    /// A JSON document.
    Json,
}

/// An attribute value. Its bytes were checked against its kind where they came in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value {
    /// How to read the bytes.
    pub kind: ValueKind,
    /// The value itself.
    pub bytes: Bytes,
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values are the user's secrets: only their kind and length may reach a log.
        write!(f, "Value({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}
