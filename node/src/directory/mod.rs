//! PURE. What concerns more than one session: principals and policies.
//!
//! Each is a record of the global partition, which every node holds: a session
//! state by its build, so that one merge, one log and one repair serve it too.

pub mod ends;
pub mod entry;
pub mod period;
pub mod policy;
pub mod principal;
#[cfg(test)]
mod testing;

pub use ends::{Ends, ends};
pub use entry::Entry;
pub use policy::{OnSessionsMax, Policy};
pub use principal::{Ended, Principal};
