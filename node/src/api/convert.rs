//! Between the messages of the interface and the node's own types.

mod read;
mod write;

pub(super) use read::{auth, session, value};
pub(super) use write::{changes, expectations};
