//! Connections to nodes: bytes, TLS above them, gRPC above that.

mod channel;
mod connector;
mod identity;
mod tls;

pub(crate) use channel::Dialer;
pub use connector::{Connection, Connector, TcpConnector};
