//! Principals and policies: what is said of a session outside of it.

mod cache;
mod levels;
mod login;
mod over;
mod policies;
mod policy_list;
mod principals;
mod records;
mod service;
mod standing;

pub(super) use levels::{reads_one, write_levels};
pub(super) use login::{Login, check_device};
pub(super) use records::Records;
pub(super) use service::Directory;
pub(super) use standing::{Facts, facts};
