//! Who waits for which answer, and what is still to be sent.

use std::collections::VecDeque;
use std::task::Waker;

use sojourn_proto::session::v1::PipelineCall;
use tokio::sync::oneshot;

use super::stream::{Answer, Limits};
use crate::error::Error;

/// The calls of one stream.
#[derive(Default)]
pub(super) struct State {
    pub(super) slots: Vec<Slot>,
    pub(super) free: Vec<u32>,
    pub(super) queue: VecDeque<Waiting>,
    pub(super) queue_bytes: usize,
    pub(super) waker: Option<Waker>,
    pub(super) closed: Option<Error>,
}

/// A call's id is its slot and the slot's generation, so that an answer that
/// comes after its caller has gone finds nobody, not somebody else.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) generation: u32,
    pub(super) sent: bool,
    pub(super) answer: Option<oneshot::Sender<Answer>>,
}

pub(super) struct Waiting {
    pub(super) call: PipelineCall,
    pub(super) bytes: usize,
}

impl State {
    pub(super) fn reserve(&mut self, answer: oneshot::Sender<Answer>) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            // The number of slots is bounded by `in_flight_max`, at most 2^20.
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        (slot.sent, slot.answer) = (false, Some(answer));
        u64::from(slot.generation) << 32 | u64::from(index)
    }

    pub(super) fn slot(&mut self, id: u64) -> Option<&mut Slot> {
        let (generation, index) = ((id >> 32) as u32, id as u32);
        self.slots
            .get_mut(index as usize)
            .filter(|slot| slot.generation == generation && slot.answer.is_some())
    }

    pub(super) fn release(&mut self, id: u64) -> Option<oneshot::Sender<Answer>> {
        let slot = self.slot(id)?;
        slot.generation = slot.generation.wrapping_add(1);
        let answer = slot.answer.take();
        self.free.push(id as u32);
        answer
    }

    /// Calls whose callers have gone make room first.
    pub(super) fn has_room(&mut self, bytes: usize, bytes_max: usize) -> bool {
        if self.queue_bytes + bytes > bytes_max {
            let queue = std::mem::take(&mut self.queue);
            self.queue = queue.into_iter().filter(|waiting| self.slot(waiting.call.id).is_some()).collect();
            self.queue_bytes = self.queue.iter().map(|waiting| waiting.bytes).sum();
        }
        self.queue_bytes + bytes <= bytes_max
    }

    pub(super) fn take_batch(&mut self, limits: &Limits) -> Vec<PipelineCall> {
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
