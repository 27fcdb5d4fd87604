//! What the parts of a full-level run know of each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use parking_lot::Mutex;
use sojourn_client::{CausalToken, SessionId as Secret};
use sojourn_node::membership::Change;
use tokio::sync::watch;

use crate::ids::KnownIds;
use crate::plan::{NodeId, SessionId};
use crate::record::IdName;

/// How far the run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Nodes join, clients connect.
    Start,
    /// Operations and faults.
    Chaos {
        /// When it began, in microseconds.
        at_us: u64,
    },
    /// Faults end.
    Heal,
    /// Fresh operations.
    Liveness,
    /// Every session is read at every node.
    Comparison,
}

/// What a node said of itself last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) at_us: u64,
    pub(super) ready: bool,
    pub(super) replica: u32,
    pub(super) digests: BTreeMap<u16, u128>,
    pub(super) records: u64,
    /// Writes of others that it holds back until they are due.
    pub(super) held_bytes: u64,
}

/// A session that a client has made.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) ids: KnownIds,
    pub(super) secrets: BTreeMap<IdName, Secret>,
    pub(super) partition: u16,
    /// The newest token that any client holds.
    pub(super) newest: CausalToken,
    /// The newest that each client holds.
    pub(super) own: BTreeMap<u16, CausalToken>,
}

impl Known {
    /// A session that was created under this id.
    pub(super) fn new(id: Secret, token: CausalToken) -> Self {
        let (ids, secrets) = (KnownIds::default(), BTreeMap::from([(IdName::First, id)]));
        Self { ids, secrets, partition: partition_of(&token), newest: token, own: BTreeMap::new() }
    }

    /// A rotation gave it this id.
    pub(super) fn give(&mut self, name: IdName, id: Secret) {
        self.ids.give(name);
        self.secrets.insert(name, id);
    }
}

/// See the module.
pub(super) struct Board {
    /// Sessions with lower numbers are the plan's; the others are of the liveness phase.
    pub(super) planned_sessions: u32,
    pub(super) stage: watch::Sender<Stage>,
    /// The region under load, if one is.
    pub(super) overload: watch::Sender<Option<usize>>,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) reports: BTreeMap<NodeId, Report>,
    /// By replica id; an id is never used again.
    pub(super) replicas: BTreeMap<u32, NodeId>,
    /// Nodes that the membership has active.
    pub(super) active: usize,
    pub(super) sessions: BTreeMap<SessionId, Known>,
    /// Sessions whose creation is under way: each is made once, under one id.
    pub(super) being_made: BTreeSet<SessionId>,
    pub(super) clients_connected: usize,
    pub(super) clients_done: usize,
    /// Change feeds that are followed.
    pub(super) feeds_begun: usize,
    pub(super) regions_alive: usize,
    /// Of each node that was read for the comparison, the sessions that it did not tell.
    pub(super) unread: BTreeMap<NodeId, Vec<SessionId>>,
    pub(super) load_answers: u64,
    /// Changes of the membership that an operator is to make, in order.
    pub(super) changes: VecDeque<Change>,
    /// How many of them were made.
    pub(super) changes_made: u64,
    pub(super) changes_asked: u64,
    pub(super) refusals: Vec<String>,
}

impl State {
    /// Whether a node has told all sessions that it holds for the comparison.
    pub(super) fn is_compared(&self, node: NodeId) -> bool {
        self.unread.get(&node).is_some_and(Vec::is_empty)
    }
}

impl Board {
    pub(super) fn new(planned_sessions: u32) -> Self {
        let (stage, overload) = (watch::Sender::new(Stage::Start), watch::Sender::new(None));
        Self { planned_sessions, stage, overload, state: Mutex::default() }
    }

    /// The plan's sessions that have been made.
    pub(super) fn planned(&self) -> Vec<(SessionId, Known)> {
        let state = self.state.lock();
        let planned = state.sessions.range(..SessionId(self.planned_sessions));
        planned.map(|(id, known)| (*id, known.clone())).collect()
    }

    pub(super) fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Waits for a stage; says which one it is then.
    pub(super) async fn wait_for(&self, reached: impl FnMut(&Stage) -> bool) -> Stage {
        let mut stage = self.stage.subscribe();
        // The sender is this board's.
        stage.wait_for(reached).await.map_or(Stage::Comparison, |stage| *stage)
    }

    /// Asks for a change of the membership; returns how many must have been made for it to be.
    pub(super) fn ask_for(&self, change: Change) -> u64 {
        let mut state = self.state.lock();
        state.changes.push_back(change);
        state.changes_asked += 1;
        state.changes_asked
    }
}

/// The partition that a causal token is about: a varint after the version byte.
fn partition_of(token: &CausalToken) -> u16 {
    let mut partition = 0;
    for (byte, shift) in token.as_bytes().iter().skip(1).zip((0_u32..).step_by(7)) {
        partition |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            break;
        }
    }
    u16::try_from(partition).unwrap_or(u16::MAX)
}
