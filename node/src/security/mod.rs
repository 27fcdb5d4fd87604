//! Who a caller is.

use std::sync::Arc;

/// A verified caller. On the server it is a request extension.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PeerIdentity {
    /// A node of the cluster.
    Node(NodeIdentity),
    /// An application or an operator.
    Client {
        /// The name in its certificate.
        name: Arc<str>,
    },
}

/// A node as its certificate names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeIdentity {
    /// Its name, unique in the cluster.
    pub name: Arc<str>,
    /// Its region.
    pub region: Arc<str>,
}
