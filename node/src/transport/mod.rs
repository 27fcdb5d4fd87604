//! Authenticated channels between nodes.

use tonic::transport::Channel;

pub use crate::security::PeerIdentity;

/// Who must answer at the other end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerExpectation {
    /// One certain node.
    Node {
        /// Its name.
        name: String,
        /// Its region.
        region: String,
    },
    /// Any node of this cluster, for joining through a seed.
    AnyNode,
}

/// Opens channels to other nodes.
pub trait PeerChannels: Send + Sync {
    /// A channel to `host:port` that connects on first use.
    fn channel(&self, address: &str, expect: PeerExpectation) -> Channel;
}
