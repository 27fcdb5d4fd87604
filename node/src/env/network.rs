//! Connections, below TLS.

use std::io;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// A byte stream between two hosts.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection for T {}

/// Takes connections at one address.
#[async_trait]
pub trait Listener: Send + 'static {
    /// The next connection and who it is from, for logs only.
    async fn accept(&mut self) -> io::Result<(Box<dyn Connection>, String)>;

    /// The address that was bound, as `host:port`.
    fn local_address(&self) -> io::Result<String>;
}

/// A host's network.
#[async_trait]
pub trait Network: Send + Sync + 'static {
    /// Binds `host:port`.
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>>;

    /// Connects to `host:port`.
    async fn connect(&self, address: &str) -> io::Result<Box<dyn Connection>>;
}

/// TCP of the operating system.
#[derive(Debug)]
pub struct TcpNetwork;

#[async_trait]
impl Listener for TcpListener {
    async fn accept(&mut self) -> io::Result<(Box<dyn Connection>, String)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        stream.set_nodelay(true)?;
        Ok((Box::new(stream), peer.to_string()))
    }

    fn local_address(&self) -> io::Result<String> {
        Ok(self.local_addr()?.to_string())
    }
}

#[async_trait]
impl Network for TcpNetwork {
    async fn listen(&self, address: &str) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(TcpListener::bind(address).await?))
    }

    async fn connect(&self, address: &str) -> io::Result<Box<dyn Connection>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
