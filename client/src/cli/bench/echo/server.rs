//! The bare echo server: tonic, TLS and nothing else.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic::{Request, Response, Status, Streaming};

use super::codec::{ANSWER_BYTES_MAX, Raw, STREAM_PATH, UNARY_PATH, answer_bytes};
use crate::cli::bench::tls::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES};
use crate::cli::host;

/// Serves until it is dropped.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
) -> Result<(), tonic::transport::Error> {
    let (sender, incoming) = mpsc::channel(16);
    let accepting = host::spawn(accept(listener, tls.into(), sender));
    let echo = Echo { canned: Bytes::from(vec![0x5a; ANSWER_BYTES_MAX]) };
    let outcome = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(echo)
        .serve_with_incoming(ReceiverStream::new(incoming))
        .await;
    accepting.abort();
    outcome
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, sender: mpsc::Sender<io::Result<Secure>>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without it only the latency would differ; the bench measures on.
        let _ = stream.set_nodelay(true);
        if let Ok(stream) = tls.accept(stream).await
            && sender.send(Ok(Secure(stream))).await.is_err()
        {
            return;
        }
    }
}

/// Answers with as many bytes as it is asked for.
#[derive(Clone)]
struct Echo {
    canned: Bytes,
}

impl Echo {
    fn answer(&self, request: &Bytes) -> Bytes {
        self.canned.slice(..answer_bytes(request))
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "sojourn.bench.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let echo = self.clone();
        Box::pin(async move {
            let mut grpc = Grpc::new(Raw);
            Ok(match request.uri().path() {
                UNARY_PATH => grpc.unary(echo, request).await,
                STREAM_PATH => grpc.streaming(echo, request).await,
                _ => Status::unimplemented("an echo has two calls").into_http(),
            })
        })
    }
}

impl UnaryService<Bytes> for Echo {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        ready(Ok(Response::new(self.answer(request.get_ref()))))
    }
}

impl StreamingService<Bytes> for Echo {
    type Response = Bytes;
    type ResponseStream = BoxStream<'static, Result<Bytes, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let echo = self.clone();
        let answers = request.into_inner().map(move |request| Ok(echo.answer(&request?)));
        ready(Ok(Response::new(answers.boxed())))
    }
}

/// A connection of which tonic need not know more.
struct Secure(TlsStream<TcpStream>);

impl Connected for Secure {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Secure {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Secure {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}
