//! The feed of one node.

use futures::stream::{BoxStream, Stream, StreamExt};
use sojourn_proto::feed::v1 as pb;
use sojourn_proto::feed::v1::feed_service_client::FeedServiceClient;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::error::{Error, from_unary};

/// What comes over it.
pub(super) enum Line {
    /// Some events.
    Message {
        /// The node's name.
        node: String,
        /// As it came.
        message: pb::WatchEvents,
    },
    /// It is over.
    Broken {
        /// The node's name.
        node: String,
        /// What it followed.
        partitions: Vec<u32>,
        /// Why.
        error: Error,
    },
}

enum State {
    New(FeedServiceClient<Channel>, pb::WatchRequest),
    Open(Streaming<pb::WatchEvents>),
    Over,
}

/// Opens the feed when it is first polled; it ends after [`Line::Broken`].
pub(super) fn line(
    node: String,
    client: FeedServiceClient<Channel>,
    request: pb::WatchRequest,
) -> BoxStream<'static, Line> {
    let partitions = request.partitions.clone();
    let messages = futures::stream::unfold(State::New(client, request), |state| async move {
        let mut messages = match state {
            State::New(mut client, request) => match client.watch(request).await {
                Ok(response) => response.into_inner(),
                Err(status) => return Some((Err(from_unary(&status)), State::Over)),
            },
            State::Open(messages) => messages,
            State::Over => return None,
        };
        match messages.message().await {
            Ok(Some(message)) => Some((Ok(message), State::Open(messages))),
            Ok(None) => Some((Err(Error::unavailable("the node ended the feed")), State::Over)),
            Err(status) => Some((Err(from_unary(&status)), State::Over)),
        }
    });
    told(messages, node, partitions).boxed()
}

fn told(
    messages: impl Stream<Item = Result<pb::WatchEvents, Error>> + Send,
    node: String,
    partitions: Vec<u32>,
) -> impl Stream<Item = Line> + Send {
    messages.map(move |message| match message {
        Ok(message) => Line::Message { node: node.clone(), message },
        Err(error) => Line::Broken { node: node.clone(), partitions: partitions.clone(), error },
    })
}
