//! gRPC over mutual TLS over the network seam.
//!
//! One port serves everything. Who the caller is comes from its certificate
//! ([`crate::security::identity`]); what it may call is decided in [`guard`].

mod channels;
mod guard;
mod incoming;
mod limits;
mod server;

pub use channels::{PeerChannels, PeerExpectation, PeerRoutes, TlsChannels};
pub use incoming::PeerConnection;
pub use limits::TransportLimits;
pub use server::{TransportError, serve};

pub use crate::security::PeerIdentity;
