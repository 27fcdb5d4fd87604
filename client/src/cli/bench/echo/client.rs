//! Callers of the bare echo.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Streaming};

use super::codec::{Raw, STREAM_PATH, UNARY_PATH, request};
use crate::cli::bench::load::{Operation, Target};
use crate::cli::error::CliError;
use crate::cli::host;

/// As many as the client library has for each node.
const STREAMS: usize = 2;
/// Requests that one stream may hold; more than there are callers at work.
const QUEUE_MAX: usize = 1 << 17;

/// How many bytes go each way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// There.
    pub(crate) request: usize,
    /// And back.
    pub(crate) answer: usize,
}

/// One unary call for each operation.
pub(crate) struct Unary {
    channel: Channel,
    request: Bytes,
    answer_bytes: usize,
}

impl Unary {
    /// Over this connection.
    pub(crate) fn new(channel: Channel, size: Size) -> Self {
        Self { channel, request: request(size.request, size.answer), answer_bytes: size.answer }
    }
}

impl Target for Unary {
    async fn call(&self, _: Operation) -> Result<(), String> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(|error| error.to_string())?;
        let request = Request::new(self.request.clone());
        let answer = grpc.unary(request, PathAndQuery::from_static(UNARY_PATH), Raw).await;
        let bytes = answer.map_err(|status| status.to_string())?.get_ref().len();
        if bytes == self.answer_bytes { Ok(()) } else { Err(format!("the echo answered {bytes} bytes")) }
    }
}

/// One message on a long-lived stream for each operation.
pub(crate) struct Stream {
    lanes: Vec<Lane>,
    next: AtomicUsize,
    request: Bytes,
}

/// Answers come in the order of the requests.
struct Lane {
    requests: mpsc::Sender<Bytes>,
    waiting: Arc<Mutex<VecDeque<oneshot::Sender<()>>>>,
}

impl Stream {
    /// Opens the streams.
    pub(crate) async fn open(channel: &Channel, size: Size) -> Result<Self, CliError> {
        let mut lanes = Vec::new();
        for _ in 0..STREAMS {
            lanes.push(Lane::open(channel, size.answer).await?);
        }
        Ok(Self { lanes, next: AtomicUsize::new(0), request: request(size.request, size.answer) })
    }
}

impl Target for Stream {
    async fn call(&self, _: Operation) -> Result<(), String> {
        let lane = &self.lanes[self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len()];
        let (sender, answered) = oneshot::channel();
        {
            let mut waiting = lane.waiting.lock();
            lane.requests.try_send(self.request.clone()).map_err(|error| error.to_string())?;
            waiting.push_back(sender);
        }
        answered.await.map_err(|_| "the stream of the echo ended".to_owned())
    }
}

impl Lane {
    async fn open(channel: &Channel, answer_bytes: usize) -> Result<Self, CliError> {
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let failed = |error: String| CliError::Failed(format!("the bare echo failed: {error}"));
        let mut grpc = Grpc::new(channel.clone());
        grpc.ready().await.map_err(|error| failed(error.to_string()))?;
        let path = PathAndQuery::from_static(STREAM_PATH);
        let opened = grpc.streaming(Request::new(ReceiverStream::new(queue)), path, Raw).await;
        let answers = opened.map_err(|status| failed(status.to_string()))?.into_inner();
        let waiting = Arc::new(Mutex::new(VecDeque::new()));
        host::spawn(deliver(answers, answer_bytes, waiting.clone()));
        Ok(Self { requests, waiting })
    }
}

/// Wakes one caller for each answer; an answer of another size ends it all.
async fn deliver(
    mut answers: Streaming<Bytes>,
    answer_bytes: usize,
    waiting: Arc<Mutex<VecDeque<oneshot::Sender<()>>>>,
) {
    while let Ok(Some(answer)) = answers.message().await
        && answer.len() == answer_bytes
    {
        if let Some(caller) = waiting.lock().pop_front() {
            // A caller that has gone does not want it.
            let _ = caller.send(());
        }
    }
    waiting.lock().clear();
}
