//! Many calls on one stream.

mod outgoing;
mod state;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use outgoing::Outgoing;
pub(crate) use stream::{Failure, Limits, Pipeline};
