//! Attribute values.

use std::fmt;

use bytes::Bytes;
use sojourn_proto::session::v1;

/// A typed attribute value. `Debug` shows its kind and length only.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Raw bytes, kept as they are.
    Data(Bytes),
    /// UTF-8 text.
    Text(String),
    /// A JSON document; the node refuses one that does not parse.
    Json(String),
}

impl Value {
    /// A JSON document from its text.
    #[must_use]
    pub fn json(document: impl Into<String>) -> Self {
        Self::Json(document.into())
    }

    /// The text, if this is text or JSON.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Json(text) => Some(text),
            Self::Data(_) => None,
        }
    }

    /// The bytes of whatever it is.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Data(bytes) => bytes,
            Self::Text(text) | Self::Json(text) => text.as_bytes(),
        }
    }

    pub(crate) fn into_wire(self) -> v1::Value {
        use v1::value::Kind;
        let kind = match self {
            Self::Data(bytes) => Kind::Data(bytes),
            Self::Text(text) => Kind::Text(text),
            Self::Json(text) => Kind::Json(text),
        };
        v1::Value { kind: Some(kind) }
    }

    /// A kind that this version does not know reads as empty data.
    pub(crate) fn from_wire(value: v1::Value) -> Self {
        use v1::value::Kind;
        match value.kind {
            Some(Kind::Data(bytes)) => Self::Data(bytes),
            Some(Kind::Text(text)) => Self::Text(text),
            Some(Kind::Json(text)) => Self::Json(text),
            None => Self::Data(Bytes::new()),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Data(_) => "Data",
            Self::Text(_) => "Text",
            Self::Json(_) => "Json",
        };
        write!(f, "{kind}({} bytes)", self.as_bytes().len())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Bytes> for Value {
    fn from(bytes: Bytes) -> Self {
        Self::Data(bytes)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Data(bytes.into())
    }
}
