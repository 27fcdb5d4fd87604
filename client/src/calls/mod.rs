//! The calls: each is a builder that is sent by `.await`.

mod batch_get;
mod create;
mod end_all_sessions;
mod end_session;
mod get;
mod receipt;
mod revoke;
mod rotate;
mod set_policy;
mod touch;
mod update;
mod wait;
mod write;

pub use batch_get::BatchGetCall;
pub use create::CreateCall;
pub use end_all_sessions::EndAllSessionsCall;
pub use end_session::EndSessionCall;
pub use get::GetCall;
pub use receipt::{PrincipalReceiptCall, ReceiptCall};
pub use revoke::RevokeCall;
pub use rotate::RotateCall;
pub use set_policy::SetPolicyCall;
pub use touch::TouchCall;
pub use update::UpdateCall;

use crate::error::Error;

fn unexpected<T>(call: &str) -> Result<T, Error> {
    Err(Error::protocol(format!("the answer to {call} has another type")))
}
