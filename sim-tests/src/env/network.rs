//! TCP on turmoil's network.

use std::io;

use async_trait::async_trait;
use sojourn_node::env::{Connection, Listener, Network};
use turmoil::net::{TcpListener, TcpStream};

/// The network of the simulated host it is used on.
#[derive(Debug)]
pub struct SimNetwork;

struct SimListener(TcpListener);

#[async_trait]
impl Listener for SimListener {
    async fn accept(&mut self) -> io::Result<(Box<dyn Connection>, String)> {
        let (stream, peer) = self.0.accept().await?;
        Ok((Box::new(stream), peer.to_string()))
    }

    fn local_address(&self) -> io::Result<String> {
        Ok(self.0.local_addr()?.to_string())
    }
}

#[async_trait]
impl Network for SimNetwork {
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(SimListener(TcpListener::bind(address).await?)))
    }

    async fn connect(&self, address: &str) -> io::Result<Box<dyn Connection>> {
        Ok(Box::new(TcpStream::connect(address).await?))
    }
}
