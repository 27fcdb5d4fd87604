//! One stream: many callers, one connection, no task for each call.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use parking_lot::Mutex;
use prost::Message;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::{PipelineCall, PipelineReply};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use super::state::{Slot, State, Waiting};
use crate::error::{Details, Error};

/// Bounds of one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Calls under way.
    pub(crate) in_flight_max: usize,
    /// Bytes waiting to be sent.
    pub(crate) queue_bytes_max: usize,
    /// Bytes of one call.
    pub(crate) call_bytes_max: usize,
    /// Calls in one message.
    pub(crate) batch_calls_max: usize,
    /// Bytes in one message; a single larger call goes alone.
    pub(crate) batch_bytes_max: usize,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The call never left this process.
    NotSent(Error),
    /// The call may have arrived.
    Unknown(Error),
}

pub(super) type Answer = Result<Reply, Failure>;

/// The calls of one stream. No lock is held over an await; no task a call.
pub(crate) struct Pipeline {
    limits: Limits,
    permits: Semaphore,
    state: Mutex<State>,
    stop: Notify,
    answers: AtomicU64,
}

/// What the writer is to do.
pub(super) enum Next {
    /// Send these.
    Send(Vec<PipelineCall>),
    /// Wait for a call.
    Wait,
    /// End the stream.
    End,
}

impl Pipeline {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            permits: Semaphore::new(limits.in_flight_max),
            state: Mutex::default(),
            stop: Notify::new(),
            answers: AtomicU64::new(0),
        })
    }

    /// Sends a call and waits for its answer until `give_up_at`; `timeout_ms` is
    /// what the node is told. A call that was given up (also by dropping the
    /// future) before it was sent never is.
    pub(crate) async fn call(&self, call: Call, timeout_ms: u32, give_up_at: Instant) -> Answer {
        let _permit = match timeout_at(give_up_at, self.permits.acquire()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(Failure::NotSent(self.closed_because())),
            Err(_) => return Err(Failure::NotSent(Error::DeadlineExceeded)),
        };
        let (mut ticket, answer) = self.enqueue(call, timeout_ms)?;
        match timeout_at(give_up_at, answer).await {
            Ok(answer) => {
                ticket.armed = false;
                answer.unwrap_or_else(|_| Err(Failure::Unknown(self.closed_because())))
            }
            Err(_) if ticket.give_up() => Err(Failure::Unknown(Error::DeadlineExceeded)),
            Err(_) => Err(Failure::NotSent(Error::DeadlineExceeded)),
        }
    }

    /// Whether the stream takes no more calls.
    pub(crate) fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    /// Answers that have come so far; tells a slow call from a dead node.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Waits until the stream is closed.
    pub(crate) async fn closed(&self) {
        self.stop.notified().await;
    }

    /// Fails every call under way, and all later ones.
    pub(crate) fn close(&self, error: Error) {
        self.permits.close();
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return;
        }
        state.closed = Some(error.clone());
        (state.queue, state.queue_bytes) = (VecDeque::new(), 0);
        let slots = std::mem::take(&mut state.slots);
        let waker = state.waker.take();
        drop(state);
        for Slot { sent, answer, .. } in slots {
            let failure = if sent { Failure::Unknown } else { Failure::NotSent };
            if let Some(answer) = answer {
                // A caller that has just gone does not want it.
                drop(answer.send(Err(failure(error.clone()))));
            }
        }
        wake(waker);
        self.stop.notify_one();
    }

    /// Hands answers to those who wait for them.
    pub(crate) fn complete(&self, replies: Vec<PipelineReply>) {
        self.answers.fetch_add(replies.len() as u64, Ordering::Relaxed);
        let mut found = Vec::with_capacity(replies.len());
        let mut state = self.state.lock();
        for PipelineReply { id, reply } in replies {
            found.extend(state.release(id).zip(reply));
        }
        drop(state);
        for (answer, reply) in found {
            // A caller that has just gone does not want it.
            drop(answer.send(Ok(reply)));
        }
    }

    /// What to send now: as many waiting calls as one message may hold.
    pub(super) fn next(&self, waker: &Waker) -> Next {
        let mut state = self.state.lock();
        if state.closed.is_some() {
            return Next::End;
        }
        let calls = state.take_batch(&self.limits);
        if calls.is_empty() {
            state.waker = Some(waker.clone());
            return Next::Wait;
        }
        Next::Send(calls)
    }

    fn enqueue(
        &self,
        call: Call,
        timeout_ms: u32,
    ) -> Result<(Ticket<'_>, oneshot::Receiver<Answer>), Failure> {
        let (sender, receiver) = oneshot::channel();
        let mut call = PipelineCall { id: u64::MAX, timeout_ms, call: Some(call) };
        let bytes = call.encoded_len();
        if bytes > self.limits.call_bytes_max {
            return Err(Failure::NotSent(too_large(bytes, self.limits.call_bytes_max)));
        }
        let mut state = self.state.lock();
        if let Some(error) = &state.closed {
            return Err(Failure::NotSent(error.clone()));
        }
        if !state.has_room(bytes, self.limits.queue_bytes_max) {
            return Err(Failure::NotSent(queue_full(self.limits.queue_bytes_max)));
        }
        call.id = state.reserve(sender);
        let ticket = Ticket { pipeline: self, id: call.id, armed: true };
        state.queue_bytes += bytes;
        state.queue.push_back(Waiting { call, bytes });
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        Ok((ticket, receiver))
    }

    fn closed_because(&self) -> Error {
        self.state.lock().closed.clone().unwrap_or_else(|| Error::unavailable("the stream is closed"))
    }
}

/// Gives a call up when its caller goes before the answer comes.
struct Ticket<'p> {
    pipeline: &'p Pipeline,
    id: u64,
    armed: bool,
}

impl Ticket<'_> {
    /// Whether the call has been handed to the connection, as far as is known.
    /// Gives it up at the same time, so that it is not sent afterwards.
    fn give_up(mut self) -> bool {
        self.armed = false;
        let mut state = self.pipeline.state.lock();
        let sent = state.slot(self.id).is_none_or(|slot| slot.sent);
        drop(state.release(self.id));
        sent
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.armed {
            drop(self.pipeline.state.lock().release(self.id));
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn queue_full(bytes_max: usize) -> Error {
    let message = format!("more than {bytes_max} bytes of calls wait to be sent to this node");
    Error::Overloaded(Details::message(message))
}

fn too_large(bytes: usize, bytes_max: usize) -> Error {
    let metadata =
        [("field", "call".to_owned()), ("limit", bytes_max.to_string()), ("actual", bytes.to_string())];
    Error::LimitExceeded(Box::new(Details {
        message: format!("the call has {bytes} bytes; at most {bytes_max} are allowed"),
        reason: "LIMIT_EXCEEDED".to_owned(),
        metadata: metadata.map(|(name, value)| (name.to_owned(), value)).into(),
        retry_after_ms: 0,
    }))
}
