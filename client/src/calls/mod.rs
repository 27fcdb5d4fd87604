//! The calls: each is a builder that is sent by `.await`.

mod batch_get;
mod create;
mod get;
mod revoke;
mod touch;
mod update;
mod write;

pub use batch_get::BatchGetCall;
pub use create::CreateCall;
pub use get::GetCall;
pub use revoke::RevokeCall;
pub use touch::TouchCall;
pub use update::UpdateCall;

use crate::error::Error;

fn unexpected<T>(call: &str) -> Result<T, Error> {
    Err(Error::protocol(format!("the answer to {call} has another type")))
}
