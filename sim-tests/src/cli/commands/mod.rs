//! One file a command.

pub(crate) mod drill;
pub(crate) mod hash;
pub(crate) mod plants;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod scenarios;
pub(crate) mod shrink;
