//! The plan's operations: clients, and the nodes' side of their calls.

mod call;
mod client;
mod command;
mod id;
mod principal;
mod serve;

use std::collections::{BTreeMap, BTreeSet};

use crdts::CvRDT;
use sojourn_node::session::{Key, Partition, VersionVector};

use crate::ids::KnownIds;
use crate::plan::{Plan, SessionId};
use crate::record::IdName;

pub(super) use call::{Request, call};
pub(super) use client::run_clients;
pub(super) use id::secret_of;
pub(super) use principal::{is_ended, is_ended_now};
pub(super) use serve::shown;

/// The namespace of all sessions.
const NAMESPACE: &str = "web";

/// The cluster's secret for keys.
const SECRET: [u8; 32] = [9; 32];

/// What clients know of the sessions.
pub(super) struct Sessions {
    partition_count: u32,
    created: BTreeSet<SessionId>,
    /// When the first creation of each was sent.
    first_sent_us: BTreeMap<SessionId, u64>,
    tokens: BTreeMap<(u16, SessionId), VersionVector>,
    newest: BTreeMap<SessionId, VersionVector>,
    ids: BTreeMap<SessionId, KnownIds>,
    /// What each operation shows, also when it is sent again.
    shown_by: BTreeMap<usize, IdName>,
    /// Sessions that were created besides the plan's.
    pub(super) others: u32,
    /// Clients that have more to do.
    pub(super) busy_clients: usize,
}

impl Sessions {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            partition_count: plan.shape.partition_count,
            created: BTreeSet::new(),
            first_sent_us: BTreeMap::new(),
            tokens: BTreeMap::new(),
            newest: BTreeMap::new(),
            ids: BTreeMap::new(),
            shown_by: BTreeMap::new(),
            others: 0,
            busy_clients: 0,
        }
    }

    pub(super) fn key(session: SessionId) -> Key {
        Key::derive(&SECRET, NAMESPACE, &format!("session {}", session.0))
    }

    pub(super) fn partition(&self, session: SessionId) -> Partition {
        Self::key(session).partition(self.partition_count)
    }

    fn learn(&mut self, client: u16, session: SessionId, token: &VersionVector) {
        self.tokens.entry((client, session)).or_default().merge(token.clone());
        self.newest.entry(session).or_default().merge(token.clone());
    }
}
