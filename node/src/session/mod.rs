//! PURE. What a session is, as a CRDT: one `merge`, no clock, no I/O.
//!
//! See ARCHITECTURE.md for the model and `laws` for what is proven of it.

pub mod auth;
pub mod birth;
pub mod body;
pub mod codec;
pub mod counter;
pub mod dot;
pub mod epoch;
pub mod hlc;
pub mod key;
#[cfg(test)]
mod laws;
pub mod limits;
pub mod presence;
pub mod register;
pub mod rename;
pub mod replays;
pub mod revocation;
pub mod rotation;
pub mod secret;
pub mod stamp;
pub mod state;
pub mod value;
pub mod view;

pub use auth::AuthBlock;
pub use birth::Birth;
pub use body::Body;
pub use codec::{DecodeError, DecodeLimits};
pub use counter::Counter;
pub use dot::{Dot, Origin, ReplicaId, VersionVector};
pub use epoch::PrincipalEpoch;
pub use hlc::Hlc;
pub use key::{Key, Partition};
pub use limits::SessionLimits;
pub use presence::{Members, Presence};
pub use register::{Register, Write};
pub use replays::{Replay, Replays};
pub use revocation::Revocation;
pub use rotation::{IdVerdict, Replaced, Rotation};
pub use secret::SecretHash;
pub use stamp::Stamp;
pub use state::{Liveness, Root, Session};
pub use value::{Name, Value, ValueKind};
pub use view::SessionView;
