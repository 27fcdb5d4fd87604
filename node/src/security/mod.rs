//! Who is calling, what it may do, and the keys of the cluster.

pub mod identity;
pub mod keys;
pub mod tls;

pub use identity::{IdentityError, PeerIdentity};
pub use keys::ClusterKey;
pub use tls::{NodeTls, TlsError, TlsFiles};
