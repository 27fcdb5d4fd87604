//! One file a command.

pub(crate) mod archive;
pub(crate) mod completions;
pub(crate) mod explain;
mod feed;
pub(crate) mod layout;
mod levels;
pub(crate) mod link;
pub(crate) mod members;
pub(crate) mod namespace;
pub(crate) mod node;
pub(crate) mod policy;
pub(crate) mod principal;
mod receipt;
pub(crate) mod session;
mod session_view;
pub(crate) mod status;
pub(crate) mod up;
mod up_table;
pub(crate) mod watch;
