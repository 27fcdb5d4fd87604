//! Who belongs to the cluster. Raft holds this and nothing else.
//!
//! The rest of the node sees only a watched [`Membership`], which it may read at
//! any time: nothing here ever blocks a session, with or without a leader.
//!
//! [`Members::start`] founds a cluster, joins one or comes back to it. What Raft
//! agrees on is [`ClusterState`], changed by its pure `apply`; the leader brings
//! Raft's own members in line with it in small idempotent steps (`reconcile`).

mod change;
mod config;
mod core;
mod disk;
mod elections;
mod error;
mod identity;
mod join;
mod log_store;
mod members;
mod network;
mod peers;
mod publish;
mod raft_types;
mod reconcile;
mod service;
mod start;
mod state;
mod state_machine;
mod view;
mod voters;

pub use change::{Candidate, Change, ChangeOutcome, Refusal};
pub use config::{LocalNode, MembershipConfig, WEIGHT_MAX};
pub use disk::Disk;
pub use error::MembershipError;
pub use identity::DiskIdentity;
pub use members::Members;
pub use service::MembershipRpc;
pub use state::{ClusterState, Serving};
pub use view::{Membership, MembershipWatch, Node, NodeState};
pub use voters::desired_voters;

#[cfg(test)]
mod tests;
