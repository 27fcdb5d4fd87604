//! TCP on turmoil's network.

use std::io;

use async_trait::async_trait;
use sojourn_node::env::{Connection, Listener, Network};
use turmoil::net::{TcpListener, TcpStream};

use super::stream::SimStream;
use super::wire::Wire;

/// The network of the simulated host it is used on.
#[derive(Clone)]
pub(crate) struct SimNetwork {
    pub(crate) wire: Wire,
    /// The name of the host.
    pub(crate) host: String,
}

struct SimListener {
    inner: TcpListener,
    wire: Wire,
}

impl SimNetwork {
    pub(super) async fn dial(&self, authority: &str) -> io::Result<SimStream> {
        let peer = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        self.wire.admit(turmoil::lookup(self.host.as_str()), turmoil::lookup(peer)).await;
        SimStream::new(TcpStream::connect(authority).await?, self.wire.clone())
    }
}

#[async_trait]
impl Listener for SimListener {
    async fn accept(&mut self) -> io::Result<(Box<dyn Connection>, String)> {
        let (stream, peer) = self.inner.accept().await?;
        Ok((Box::new(SimStream::new(stream, self.wire.clone())?), peer.to_string()))
    }

    fn local_address(&self) -> io::Result<String> {
        Ok(self.inner.local_addr()?.to_string())
    }
}

#[async_trait]
impl Network for SimNetwork {
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        let inner = TcpListener::bind(address).await?;
        Ok(Box::new(SimListener { inner, wire: self.wire.clone() }))
    }

    async fn connect(&self, address: &str) -> io::Result<Box<dyn Connection>> {
        Ok(Box::new(self.dial(address).await?))
    }
}
