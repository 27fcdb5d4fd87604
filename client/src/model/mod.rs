//! The words of the interface: ids, values, sessions, changes, tokens.

mod auth;
mod changes;
mod id;
mod level;
#[cfg(feature = "web")]
mod overlay;
mod receipt;
mod session;
mod token;
mod value;

pub use auth::Auth;
pub use changes::Changes;
pub use id::SessionId;
pub use level::{Consistency, Durability};
pub use receipt::{Receipt, RegionReceipt};
pub use session::{Created, LoggedOut, Read, Revoked, Rotated, Session, Touched, Updated};
pub use token::{CausalToken, TokenError};
pub use value::Value;

#[cfg(test)]
mod tests;
