//! The line to one node: a few streams, opened when they are first used.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tonic::transport::Channel;

use crate::config::{ClientConfig, ConfigError};
use crate::error::{Error, from_broken};
use crate::pipeline::{Limits, Outgoing, Pipeline};
use crate::routing::{Health, TableNode};
use crate::runtime;
use crate::transport::Dialer;

/// See the module.
pub(super) struct Node {
    pub(super) identity: TableNode,
    pub(super) health: Health,
    limits: Limits,
    message_bytes_max: usize,
    /// Each stream has its own connection, so that a node with many cores uses them.
    lines: Vec<Line>,
    next: AtomicUsize,
}

struct Line {
    channel: Channel,
    pipeline: Mutex<Option<Arc<Pipeline>>>,
}

impl Node {
    /// # Errors
    /// The address is not `host:port`.
    pub(super) fn new(
        identity: TableNode,
        dialer: &Dialer,
        config: &ClientConfig,
    ) -> Result<Self, ConfigError> {
        let line = |_| {
            let node = Some((identity.region.clone(), identity.name.clone()));
            let channel = dialer.channel(&identity.address, node)?;
            Ok(Line { channel, pipeline: Mutex::new(None) })
        };
        let lines = (0..config.streams_per_node).map(line).collect::<Result<_, ConfigError>>()?;
        let limits = Limits {
            in_flight_max: config.in_flight_max,
            queue_bytes_max: config.queue_bytes_max,
            call_bytes_max: config.call_bytes_max,
            batch_calls_max: config.batch_calls_max,
            batch_bytes_max: config.batch_bytes_max,
        };
        let (health, next) = (Health::default(), AtomicUsize::new(0));
        let message_bytes_max = config.message_bytes_max;
        Ok(Self { identity, health, limits, message_bytes_max, lines, next })
    }

    /// An open stream; the streams take turns.
    pub(super) fn pipeline(&self) -> Option<Arc<Pipeline>> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed).checked_rem(self.lines.len())?;
        let line = self.lines.get(turn)?;
        let mut current = line.pipeline.lock();
        if let Some(pipeline) = current.as_ref().filter(|pipeline| !pipeline.is_closed()) {
            return Some(Arc::clone(pipeline));
        }
        let pipeline = Pipeline::new(self.limits);
        runtime::spawn(carry(line.channel.clone(), Arc::clone(&pipeline), self.message_bytes_max));
        *current = Some(Arc::clone(&pipeline));
        Some(pipeline)
    }

    /// For calls that go over no pipeline.
    pub(super) fn channel(&self) -> Option<Channel> {
        Some(self.lines.first()?.channel.clone())
    }
}

/// Calls hold their node, so nothing is under way when the last holder goes.
impl Drop for Node {
    fn drop(&mut self) {
        for pipeline in self.lines.iter().filter_map(|line| line.pipeline.lock().take()) {
            pipeline.close(Error::unavailable("the node has left the layout"));
        }
    }
}

/// Opens the stream and hands out answers until it breaks or is closed.
async fn carry(channel: Channel, pipeline: Arc<Pipeline>, message_bytes_max: usize) {
    let error = tokio::select! {
        error = receive(channel, &pipeline, message_bytes_max) => error,
        () = pipeline.closed() => return,
    };
    pipeline.close(error);
}

async fn receive(channel: Channel, pipeline: &Arc<Pipeline>, message_bytes_max: usize) -> Error {
    let mut client = SessionServiceClient::new(channel).max_decoding_message_size(message_bytes_max);
    let outgoing = Outgoing(Arc::clone(pipeline));
    let mut answers = match client.pipeline(outgoing).await {
        Ok(response) => response.into_inner(),
        Err(status) => return from_broken(&status),
    };
    loop {
        match answers.message().await {
            Ok(Some(response)) => pipeline.complete(response.replies),
            Ok(None) => return Error::unavailable("the node ended the stream"),
            Err(status) => return from_broken(&status),
        }
    }
}
