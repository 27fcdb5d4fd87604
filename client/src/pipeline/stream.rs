//! One stream's calls under way: who waits for which answer, and what is still to be sent.

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

use crate::error::{Details, Error};

/// Bounds of one stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Calls under way.
    pub(crate) in_flight_max: usize,
    /// Bytes waiting to be sent.
    pub(crate) queue_bytes_max: usize,
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

type Answer = Result<Reply, Failure>;

/// The calls of one stream. No lock is held over an await; no task a call.
pub(crate) struct Pipeline {
    limits: Limits,
    permits: Semaphore,
    pub(super) state: Mutex<State>,
    stop: Notify,
    answers: AtomicU64,
}

#[derive(Default)]
pub(super) struct State {
    slots: Vec<Slot>,
    free: Vec<u32>,
    queue: VecDeque<Waiting>,
    queue_bytes: usize,
    pub(super) waker: Option<Waker>,
    closed: Option<Error>,
}

/// A call's id is its slot and the slot's generation, so that an answer that
/// comes after its caller has gone finds nobody, not somebody else.
#[derive(Default)]
struct Slot {
    generation: u32,
    sent: bool,
    answer: Option<oneshot::Sender<Answer>>,
}

struct Waiting {
    call: PipelineCall,
    bytes: usize,
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
            answer.map(|answer| answer.send(Err(failure(error.clone()))));
        }
        waker.map(Waker::wake);
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
        waker.map(Waker::wake);
        Ok((ticket, receiver))
    }

    fn closed_because(&self) -> Error {
        self.state.lock().closed.clone().unwrap_or_else(|| Error::unavailable("the stream is closed"))
    }
}

impl State {
    fn reserve(&mut self, answer: oneshot::Sender<Answer>) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            // The number of slots is bounded by `in_flight_max`, at most 2^20.
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        (slot.sent, slot.answer) = (false, Some(answer));
        u64::from(slot.generation) << 32 | u64::from(index)
    }

    fn slot(&mut self, id: u64) -> Option<&mut Slot> {
        let (generation, index) = ((id >> 32) as u32, id as u32);
        self.slots
            .get_mut(index as usize)
            .filter(|slot| slot.generation == generation && slot.answer.is_some())
    }

    fn release(&mut self, id: u64) -> Option<oneshot::Sender<Answer>> {
        let slot = self.slot(id)?;
        slot.generation = slot.generation.wrapping_add(1);
        let answer = slot.answer.take();
        self.free.push(id as u32);
        answer
    }

    /// Calls whose callers have gone make room first.
    fn has_room(&mut self, bytes: usize, bytes_max: usize) -> bool {
        if self.queue_bytes + bytes > bytes_max {
            let queue = std::mem::take(&mut self.queue);
            self.queue = queue.into_iter().filter(|waiting| self.slot(waiting.call.id).is_some()).collect();
            self.queue_bytes = self.queue.iter().map(|waiting| waiting.bytes).sum();
        }
        self.queue_bytes + bytes <= bytes_max
    }

    fn take_batch(&mut self, limits: &Limits) -> Vec<PipelineCall> {
        let (mut calls, mut bytes) = (Vec::new(), 0);
        while let Some(waiting) = self.queue.front() {
            let full =
                calls.len() >= limits.batch_calls_max || bytes + waiting.bytes > limits.batch_bytes_max;
            if full && !calls.is_empty() {
                break;
            }
            let Some(waiting) = self.queue.pop_front() else { break };
            self.queue_bytes -= waiting.bytes;
            let Some(slot) = self.slot(waiting.call.id) else { continue };
            slot.sent = true;
            bytes += waiting.bytes;
            calls.push(waiting.call);
        }
        calls
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

fn queue_full(bytes_max: usize) -> Error {
    let message = format!("more than {bytes_max} bytes of calls wait to be sent to this node");
    Error::Overloaded(Details::message(message))
}
