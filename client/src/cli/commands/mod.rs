//! One file a command.

pub(crate) mod completions;
pub(crate) mod layout;
pub(crate) mod link;
pub(crate) mod members;
pub(crate) mod node;
pub(crate) mod session;
mod session_view;
pub(crate) mod status;
pub(crate) mod up;
mod up_table;
