//! A TCP proxy whose two directions are links.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::link::{Link, LinkMode};
use super::shape::Lane;
use crate::cli::host;

/// Bytes read at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks under way in one direction of a connection; a sender beyond that
/// waits, as with a full TCP window. 256 × 16 KiB carry 800 mbit at 40 ms.
const CHUNKS_MAX: usize = 256;

/// A listening proxy; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    accept: JoinHandle<()>,
}

impl Proxy {
    /// Listens at a free local port and forwards each connection to `target`:
    /// what the caller sends goes over `there`, what comes back over `back`.
    pub(crate) async fn start(target: String, there: Arc<Link>, back: Arc<Link>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let accept = host::spawn(accept(listener, target, there, back));
        Ok(Self { address, accept })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

async fn accept(listener: TcpListener, target: String, there: Arc<Link>, back: Arc<Link>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                connections.spawn(connection(stream, target.clone(), there.clone(), back.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(caller: TcpStream, target: String, there: Arc<Link>, back: Arc<Link>) {
    // Breaking is sending a reset, so nothing may linger; a shut connection
    // has been delivered before it is dropped.
    if there.mode() == LinkMode::Reset || back.mode() == LinkMode::Reset {
        let _ = caller.set_zero_linger();
        return;
    }
    let Ok(callee) = TcpStream::connect(&target).await else { return };
    let _ = caller.set_nodelay(true).and_then(|()| callee.set_nodelay(true));
    let (mut from_caller, mut to_caller) = caller.into_split();
    let (mut from_callee, mut to_callee) = callee.into_split();
    tokio::select! {
        _ = async {
            tokio::join!(
                pump(&mut from_caller, &mut to_callee, &there),
                pump(&mut from_callee, &mut to_caller, &back),
            )
        } => {}
        () = there.broken() => {}
        () = back.broken() => {}
    }
}

/// Carries bytes in one direction until the sender closes it.
async fn pump(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), link: &Link) {
    let (sender, receiver) = mpsc::channel(CHUNKS_MAX);
    tokio::join!(fill(from, sender, link), drain(receiver, to, link));
}

async fn fill(from: &mut (impl AsyncRead + Unpin), chunks: mpsc::Sender<(Vec<u8>, Instant)>, link: &Link) {
    let mut lane = Lane::default();
    let mut buffer = vec![0; CHUNK_BYTES];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let due = link.schedule(&mut lane, read);
        if chunks.send((buffer[..read].to_vec(), due)).await.is_err() {
            return;
        }
    }
}

async fn drain(
    mut chunks: mpsc::Receiver<(Vec<u8>, Instant)>,
    to: &mut (impl AsyncWrite + Unpin),
    link: &Link,
) {
    while let Some((bytes, due)) = chunks.recv().await {
        link.deliver(due).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests;
