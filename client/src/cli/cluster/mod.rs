//! A cluster of real node processes on this machine.

mod connect;
pub(crate) mod control;
mod links;
mod plan;
mod process;
mod running;
mod state;
mod view;

pub(crate) use self::connect::{client, client_of, reach};
pub(crate) use self::links::LinkReport;
pub(crate) use self::plan::{Plan, free_base_port};
pub(crate) use self::process::NodeReport;
pub(crate) use self::running::LocalCluster;
pub(crate) use self::state::{ClusterState, NodeEntry};
pub(crate) use self::view::{Comparison, NodeView, compare_digests, views};
