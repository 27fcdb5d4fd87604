//! What tests of nodes stand on.

mod authority;
pub(crate) mod nodes;

pub(crate) use authority::Authority;
