//! PURE. What a session is, as a CRDT: one `merge`, no clock, no I/O.
//!
//! See ARCHITECTURE.md for the model and `laws` for what is proven of it.

pub mod dot;
pub mod key;
pub mod stamp;

pub use dot::{Dot, Origin, ReplicaId, VersionVector};
pub use key::{Key, Partition};
pub use stamp::Stamp;
