//! Many calls on one stream.

mod outgoing;
mod stream;

pub(crate) use outgoing::Outgoing;
pub(crate) use stream::{Failure, Limits, Pipeline};
