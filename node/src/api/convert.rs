//! Between the messages of the interface and the node's own types.

mod read;
mod write;

pub(super) use read::session;
pub(super) use write::changes;
