//! One call: attempts until one gives an answer that stands, or time is up.

use std::sync::Arc;
use std::time::Duration;

use sojourn_proto::session::v1::Changes;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use tokio::time::Instant;

use super::node::Node;
use super::{Client, Inner, Settings};
use crate::backoff;
use crate::error::{Error, from_wire};
use crate::pipeline::Failure;
use crate::routing::Place;
use crate::runtime;

/// A node is told to answer up to this much before the client stops waiting,
/// so that its own, more telling error arrives.
const ANSWER_MARGIN_MS_MAX: u128 = 50;

/// Why an attempt failed, and what may follow.
enum Problem {
    /// No other attempt helps.
    Final(Error),
    /// Nothing has happened: try elsewhere.
    NotDone(Error),
    /// It may have happened.
    Unknown(Error),
}

impl Client {
    /// # Errors
    /// The first error that another attempt cannot mend, or the last one when
    /// attempts or time have run out.
    pub(crate) async fn call(&self, place: Place, call: Call, settings: Settings) -> Result<Reply, Error> {
        let inner = &*self.inner;
        let (routes, spread) = (inner.routes(), inner.next_spread());
        let usable = |node: &Node| node.health.usable(|| inner.since_start());
        let (mut tried, mut pinned): (Vec<usize>, Option<(Arc<Node>, Error)>) = (Vec::new(), None);
        for attempt in 1.. {
            let node = match &pinned {
                Some((node, _)) => node,
                None => match routes.choose(place, spread, &tried, usable) {
                    Some((index, node)) => {
                        if attempt > 1 || inner.config.retries_max > 0 {
                            tried.push(index);
                        }
                        node
                    }
                    None => return Err(Error::unavailable("the layout names no node that takes calls")),
                },
            };
            let error = match inner.ask(node, &call, settings).await {
                Ok(reply) => return Ok(reply),
                Err(Problem::Final(error)) => return Err(error),
                // That this attempt did nothing says nothing about the one before.
                Err(Problem::NotDone(error)) => pinned.as_ref().map_or(error, |(_, doubt)| doubt.clone()),
                Err(Problem::Unknown(error)) => {
                    if !may_be_repeated_elsewhere(&call) {
                        pinned = Some((Arc::clone(node), error.clone()));
                    }
                    error
                }
            };
            inner.pause(attempt, settings.deadline, error).await?;
        }
        Err(Error::DeadlineExceeded)
    }
}

impl Inner {
    /// One attempt at one node.
    async fn ask(&self, node: &Node, call: &Call, settings: Settings) -> Result<Reply, Problem> {
        let Some(pipeline) = node.pipeline() else {
            return Err(Problem::NotDone(Error::unavailable("the node has no stream")));
        };
        let before = pipeline.answers();
        let (give_up_at, timeout_ms) = self.attempt_window(settings);
        let failure = match pipeline.call(call.clone(), timeout_ms, give_up_at).await {
            Ok(Reply::Error(error)) => {
                let error = from_wire(error);
                if is_about_the_node(&error) {
                    node.health.failed(self.since_start(), error.retry_after_ms());
                }
                return Err(of_answer(error));
            }
            Ok(reply) => {
                node.health.succeeded();
                return Ok(reply);
            }
            Err(failure) => failure,
        };
        let problem = of_failure(failure);
        // A node that answers others is slow with this call, not down.
        let silent = pipeline.is_closed() || pipeline.answers() == before;
        if silent && !matches!(problem, Problem::Final(_)) {
            node.health.failed(self.since_start(), 0);
        }
        Err(problem)
    }

    /// When to stop waiting for an attempt, and what the node is told.
    fn attempt_window(&self, settings: Settings) -> (Instant, u32) {
        let now = runtime::now();
        let whole = settings.deadline.saturating_duration_since(now);
        let attempt = Duration::from_millis(self.config.attempt_timeout_ms.into());
        let window = if settings.waits { whole } else { whole.min(attempt) };
        let window_ms = window.as_millis();
        let told_ms = window_ms - (window_ms / 10).min(ANSWER_MARGIN_MS_MAX);
        // 0 would mean the node's default.
        (now + window, u32::try_from(told_ms).unwrap_or(u32::MAX).max(1))
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// `error`, when attempts or time have run out.
    async fn pause(&self, attempt: u32, deadline: Instant, error: Error) -> Result<(), Error> {
        let (base_ms, max_ms) = (self.config.backoff_base_ms, self.config.backoff_max_ms);
        let pause = backoff::pause(attempt, base_ms, max_ms, self.environment.random_unit());
        if attempt > self.config.retries_max || runtime::now() + pause >= deadline {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// A stream that refuses this client, or a call that is too large, stays so.
fn of_failure(failure: Failure) -> Problem {
    match failure {
        Failure::NotSent(error) | Failure::Unknown(error) if is_final(&error) => Problem::Final(error),
        Failure::NotSent(error) => Problem::NotDone(error),
        Failure::Unknown(error) => Problem::Unknown(error),
    }
}

fn is_final(error: &Error) -> bool {
    matches!(error, Error::PermissionDenied(_) | Error::LimitExceeded(_))
}

/// A node that says it did not do it has not; one that ran out of time may have,
/// and so may one that says so.
fn of_answer(error: Error) -> Problem {
    let applied = error.details().and_then(|details| details.metadata.get("applied"));
    let unknown = matches!(error, Error::DeadlineExceeded)
        || error.reason() == "STORE_FAILED"
        || applied.is_some_and(|applied| applied == "unknown");
    match error {
        Error::Partial(_) | Error::ConsistencyNotReached(_) => Problem::Final(error),
        error if unknown => Problem::Unknown(error),
        error if error.is_retryable() => Problem::NotDone(error),
        error => Problem::Final(error),
    }
}

/// Whether other calls would fare no better at this node for now.
fn is_about_the_node(error: &Error) -> bool {
    matches!(error.reason(), "NOT_READY" | "OVERLOADED" | "STORE_FAILED")
}

/// A login alone: made twice it is the same one, under the same id.
fn changes_no_content(changes: &Changes) -> bool {
    let Changes { set_attributes, remove_attributes, add_counters, change_sets, .. } = changes;
    set_attributes.is_empty()
        && remove_attributes.is_empty()
        && add_counters.is_empty()
        && change_sets.is_empty()
}

/// Idempotency keys are known to the node that did the write, not to the
/// others. So a write whose outcome is unknown goes elsewhere only if doing it
/// twice is the same as once. A second `Create` makes a session of its own.
fn may_be_repeated_elsewhere(call: &Call) -> bool {
    match call {
        Call::Get(_) | Call::BatchGet(_) | Call::Touch(_) | Call::Revoke(_) | Call::Receipt(_) => true,
        Call::Create(create) => create.adopted_session_id.is_empty(),
        Call::Rotate(rotate) => rotate.changes.as_ref().is_none_or(changes_no_content),
        Call::Update(_) => false,
    }
}
