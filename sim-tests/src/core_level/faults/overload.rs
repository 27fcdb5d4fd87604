//! Many calls of clients of whom the plan tells nothing more.

use std::time::Duration;

use bytes::Bytes;
use sojourn_node::engine::{Changes, Command, Create};
use sojourn_node::env::Rng;
use sojourn_node::session::{SecretHash, Value, ValueKind, VersionVector};
use sojourn_proto::session::v1::Consistency;

use super::World;
use crate::core_level::operations::{Request, Sessions, call};
use crate::plan::SessionId;

/// Calls of one burst.
const CALLS: u64 = 150;

/// Sessions created while a node is away: several times what the shortest log holds.
const CREATED: u64 = 64;

/// Numbers of sessions beyond those of the plan and of the liveness phase.
const OTHERS: u32 = 2_000_000;

const VALUE_BYTES: usize = 256;

/// Longer than any clock is ever off.
const LASTS_MS: u64 = 24 * 3_600_000;

impl World {
    /// Reads of the plan's sessions and creations of others, all over the fault's time.
    pub(super) fn overload(&mut self, number: usize, region: usize) {
        for _ in 0..CALLS {
            let request = if self.rng.random_bool(0.5) { self.any_read() } else { self.any_creation() };
            self.call_during(number, region, request);
        }
    }

    /// While a node is away others write, until their logs no longer reach back to it.
    pub(super) fn outlast_logs(&mut self, number: usize) {
        for _ in 0..CREATED {
            let region = self.rng.random_range(0..self.plan.shape.regions.len().max(1));
            let request = self.any_creation();
            self.call_during(number, region, request);
        }
    }

    fn any_read(&mut self) -> Request {
        let session = SessionId(self.rng.random_range(0..self.plan.shape.sessions.max(1)));
        let is_quorum = self.rng.random_bool(0.2);
        let level = if is_quorum { Consistency::LocalQuorum } else { Consistency::LocalOne };
        self.any_request(session, None, level)
    }

    fn any_creation(&mut self) -> Request {
        self.sessions.others += 1;
        let session = SessionId(OTHERS + self.sessions.others);
        let value = Value { kind: ValueKind::Data, bytes: Bytes::from_static(&[b'x'; VALUE_BYTES]) };
        let create = Command::Create(Create {
            namespace: "web".into(),
            idle_timeout_ms: LASTS_MS,
            absolute_timeout_ms: LASTS_MS,
            changes: Changes { set_attributes: vec![("other".into(), value)], ..Changes::default() },
        });
        self.any_request(session, Some(create), Consistency::LocalOne)
    }

    fn any_request(&self, session: SessionId, command: Option<Command>, level: Consistency) -> Request {
        Request {
            key: Sessions::key(session),
            partition: self.sessions.partition(session),
            shown: SecretHash::FIRST,
            command,
            revokes: None,
            log_out: None,
            level,
            synced: false,
            token: VersionVector::new(),
            idempotency_key: Bytes::new(),
        }
    }

    /// Sends a call at some time of a fault.
    #[allow(clippy::disallowed_methods, reason = "clients are part of the world, not of a node")]
    fn call_during(&mut self, number: usize, region: usize, request: Request) {
        let lasts_us = self.faults.plan.get(number).map_or(0, |planned| planned.lasts_ms * 1_000);
        let delay_us = self.rng.random_range(0..=lasts_us);
        self.after_us(delay_us, move |world| {
            let me = world.weak();
            tokio::spawn(async move {
                call(&me, region, None, request, Duration::from_secs(1)).await;
                if let Some(sim) = me.upgrade() {
                    sim.lock().observed(number);
                }
            });
        });
    }
}
