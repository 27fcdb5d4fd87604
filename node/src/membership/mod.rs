//! Who belongs to the cluster. Raft holds this and nothing else.
//!
//! The rest of the node sees only a watched [`Membership`].

mod view;

pub use view::{Membership, MembershipWatch, Node, NodeState};
