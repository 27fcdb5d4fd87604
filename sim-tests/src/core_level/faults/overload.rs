//! A burst of calls.

use std::time::Duration;

use sojourn_node::env::Rng;
use sojourn_node::session::VersionVector;
use sojourn_proto::session::v1::Consistency;

use super::World;
use crate::core_level::operations::{Request, Sessions, call};
use crate::plan::SessionId;

/// Calls of one burst.
const CALLS: u64 = 150;

impl World {
    /// Reads of the plan's sessions, all over the fault's time.
    #[allow(clippy::disallowed_methods, reason = "clients are part of the world, not of a node")]
    pub(super) fn overload(&mut self, number: usize, region: usize) {
        let lasts_us = self.faults.plan.get(number).map_or(0, |planned| planned.lasts_ms * 1_000);
        for _ in 0..CALLS {
            let delay_us = self.rng.random_range(0..=lasts_us);
            let session = SessionId(self.rng.random_range(0..self.plan.shape.sessions.max(1)));
            let request = Request {
                key: Sessions::key(session),
                partition: self.sessions.partition(session),
                command: None,
                level: if self.rng.random_bool(0.2) {
                    Consistency::LocalQuorum
                } else {
                    Consistency::LocalOne
                },
                synced: false,
                token: VersionVector::new(),
                idempotency_key: bytes::Bytes::new(),
            };
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
}
