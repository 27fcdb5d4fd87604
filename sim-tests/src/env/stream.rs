//! A turmoil connection that feels the faults of the wire.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use turmoil::net::TcpStream;

use super::wire::{Line, Wire};

/// What one read takes from the connection at most.
const READ_BYTES_MAX: usize = 16 << 10;

/// See the module.
pub(crate) struct SimStream {
    inner: TcpStream,
    wire: Wire,
    line: Arc<Line>,
    /// Arrived and not yet handed on.
    arrived: BytesMut,
    /// Until when what has arrived waits, because it was lost at first.
    late: Option<Pin<Box<Sleep>>>,
}

impl SimStream {
    pub(super) fn new(inner: TcpStream, wire: Wire) -> io::Result<Self> {
        let line = wire.open(inner.local_addr()?, inner.peer_addr()?);
        Ok(Self { inner, wire, line, arrived: BytesMut::new(), late: None })
    }

    fn check(&self) -> io::Result<()> {
        if self.line.is_broken() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }

    /// Fills `arrived`; it stays empty at the end of the stream.
    fn poll_arrive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut bytes = [0; READ_BYTES_MAX];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer))?;
        self.arrived.extend_from_slice(buffer.filled());
        if !self.arrived.is_empty() {
            self.late = self.wire.read(&self.line, self.arrived.len()).map(|wait| Box::pin(sleep(wait)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        self.line.wait(context.waker());
        if self.wire.is_held((self.line.to, self.line.from)) {
            return Poll::Pending;
        }
        if self.arrived.is_empty() {
            ready!(self.poll_arrive(context))?;
        }
        if let Some(late) = &mut self.late {
            ready!(late.as_mut().poll(context));
            self.late = None;
        }
        let count = self.arrived.len().min(buffer.remaining());
        buffer.put_slice(&self.arrived[..count]);
        self.arrived.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        self.line.wait(context.waker());
        let written = ready!(Pin::new(&mut self.inner).poll_write(context, bytes))?;
        self.wire.wrote(&self.line, written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.wire.close(&self.line);
    }
}
