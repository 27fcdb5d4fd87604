//! What the clients were told, and what may therefore be true.
//!
//! The oracle never asks the product. It knows each call with its times and its
//! answer, and what happened to nodes, and from that says which writes a state
//! must show and which it may show. A time-out is never a failure: such a write
//! may take effect at any later time, or never.

mod call;
mod content;
mod effects;
mod everywhere;
mod expiry;
mod ids;
mod node_history;
mod nodes;
mod order;
mod required;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use call::{Call, CallId, Fate};
pub(crate) use content::Look;
pub(crate) use ids::IdLook;
pub(crate) use nodes::{Custody, Nodes};

use crate::plan::{Action, FaultClass, Level, NodeId, Plan, SessionId, Token, operation_of};
use crate::record::{Answer, Counts, Happening, IdName, NodeState, Phase, Refusal, Shown};

/// The longest that a look at a node may take at the full level.
const PROBE_US_MAX: u64 = 3_000_000;

/// All that is known from outside of the cluster.
pub(crate) struct Oracle {
    plan: Plan,
    now_us: u64,
    phase: Phase,
    counts: Counts,
    faults: BTreeMap<FaultClass, bool>,
    nodes: Nodes,
    calls: BTreeMap<CallId, Call>,
    by_session: BTreeMap<SessionId, BTreeSet<CallId>>,
    /// What the token names that each client holds for a session, and which token is the newest of all.
    held: BTreeMap<(SessionId, u16), BTreeSet<CallId>>,
    newest: BTreeMap<SessionId, BTreeSet<CallId>>,
    /// The last look at each session on each node since the comparison began.
    compared: BTreeMap<(SessionId, NodeId), (u64, Shown, u128)>,
}

impl Oracle {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            now_us: 0,
            phase: Phase::Chaos,
            counts: Counts::default(),
            faults: BTreeMap::new(),
            nodes: Nodes::new(plan),
            calls: BTreeMap::new(),
            by_session: BTreeMap::new(),
            held: BTreeMap::new(),
            newest: BTreeMap::new(),
            compared: BTreeMap::new(),
        }
    }

    pub(crate) fn learn(&mut self, at_us: u64, happening: &Happening) {
        self.now_us = at_us;
        self.nodes.learn(at_us, happening);
        match happening {
            Happening::Phase(phase) => self.phase = *phase,
            Happening::Invoked { operation, again, shows } => self.invoked((*operation, *again), *shows),
            Happening::Answered { operation, again, answer } => self.answered((*operation, *again), answer),
            Happening::FaultBegan { class, .. } => {
                self.faults.entry(*class).or_default();
            }
            Happening::FaultObserved { class, .. } => {
                self.faults.insert(*class, true);
            }
            Happening::Probed { node, session, shown, state_hash } if self.phase == Phase::Comparison => {
                self.compared.insert((*session, *node), (at_us, shown.clone(), *state_hash));
            }
            // One that came back with its old disk, and has now heard that it was removed.
            Happening::Node { node, state: NodeState::Removed } => {
                self.compared.retain(|(_, looked_at), _| looked_at != node);
            }
            _ => {}
        }
    }

    fn invoked(&mut self, id: CallId, shows: IdName) {
        let Some(mut planned) = self.plan.operations.get(id.0).copied() else { return };
        let is_of_session = !matches!(planned.action, Action::LogOutEverywhere { .. });
        if !is_of_session {
            planned.token = Token::None;
        }
        let covered = match planned.token {
            Token::Own => self.held.get(&(planned.session, planned.client)),
            Token::Newest => self.newest.get(&planned.session),
            Token::None | Token::Forged => None,
        };
        let covered = covered.cloned().unwrap_or_default();
        let (invoked_us, fate) = (self.now_us, Fate::Pending);
        self.calls.insert(id, Call { id, planned, shows, invoked_us, answered_us: None, fate, covered });
        if is_of_session {
            self.by_session.entry(planned.session).or_default().insert(id);
        }
    }

    fn answered(&mut self, id: CallId, answer: &Answer) {
        let (count, fate) = match answer {
            Answer::Acknowledged { node } => (&mut self.counts.succeeded, Fate::Acknowledged(*node)),
            Answer::Partly { node } => (&mut self.counts.unknown, Fate::Partly(*node)),
            Answer::Read { node, shown } => (&mut self.counts.succeeded, Fate::Read(*node, shown.clone())),
            Answer::Refused(refusal) => (&mut self.counts.refused, Fate::Refused(*refusal)),
            Answer::Unknown => (&mut self.counts.unknown, Fate::Unknown),
        };
        *count += 1;
        if let Some(call) = self.calls.get_mut(&id) {
            call.answered_us = Some(self.now_us);
            call.fate = fate;
            self.hands_out_token(id);
        }
    }

    /// The answer's token names what the node held: what this call's own token
    /// named, this write, and all that the node made before and has not lost.
    fn hands_out_token(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        if matches!(call.planned.action, Action::LogOutEverywhere { .. }) {
            return;
        }
        let node = match &call.fate {
            Fate::Acknowledged(node) | Fate::Read(node, Shown::Live(_)) => *node,
            Fate::Unknown if self.plan.level == Level::Full => {
                // The client may hold another token now, of a node that nobody knows.
                let (session, client) = (call.planned.session, call.planned.client);
                self.held.remove(&(session, client));
                self.newest.remove(&session);
                return;
            }
            _ => return,
        };
        let mut named = call.covered.clone();
        named.extend(self.made_at(call.planned.session, node, call.invoked_us, self.now_us));
        if call.planned.action.is_write() {
            named.insert(id);
        }
        if let Fate::Read(_, Shown::Live(content)) = &call.fate {
            named.extend(content.attributes.values().filter_map(|value| self.only_writer(value)));
        }
        let (session, client) = (call.planned.session, call.planned.client);
        let tokens =
            [self.held.entry((session, client)).or_default(), self.newest.entry(session).or_default()];
        for token in tokens {
            // Clients of the core level join their tokens; those of the library hold the last one.
            if self.plan.level == Level::Full {
                token.clear();
            }
            token.extend(named.iter().copied());
        }
    }

    /// The call that wrote a value, if it was sent once only.
    fn only_writer(&self, value: &str) -> Option<CallId> {
        let operation = operation_of(value.as_bytes())?;
        let is_sent = |again| self.calls.contains_key(&(operation, again));
        (is_sent(false) && !is_sent(true)).then_some((operation, false))
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn faults(&self) -> BTreeMap<FaultClass, bool> {
        self.faults.clone()
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    /// When a look that is told now was taken at the earliest: at the full level it is a call.
    pub(crate) fn probed_us_min(&self, at_us: u64) -> u64 {
        match self.plan.level {
            Level::Core => at_us,
            Level::Full => at_us.saturating_sub(PROBE_US_MAX),
        }
    }

    /// A planned call; none of the liveness phase.
    pub(crate) fn call(&self, id: CallId) -> Option<&Call> {
        self.calls.get(&id)
    }

    /// All calls on a session so far.
    pub(crate) fn calls(&self, session: SessionId) -> impl Iterator<Item = &Call> + Clone {
        let ids = self.by_session.get(&session).into_iter().flatten();
        ids.filter_map(|id| self.calls.get(id))
    }

    /// The calls on a session that may have changed it.
    pub(crate) fn effects(&self, session: SessionId) -> impl Iterator<Item = &Call> + Clone {
        self.calls(session).filter(|call| call.may_have_effect())
    }

    /// False for the sessions of the liveness phase, of which nobody knows what is done to them.
    pub(crate) fn is_planned(&self, session: SessionId) -> bool {
        session.0 < self.plan.shape.sessions
    }

    /// Sessions that were ever named in a call.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.by_session.keys().copied()
    }

    /// The last look at each replica of each session since the comparison began.
    pub(crate) fn compared(&self) -> impl Iterator<Item = (SessionId, NodeId, u64, &Shown, u128)> {
        let looks = self.compared.iter();
        looks.map(|((session, node), (at_us, shown, hash))| (*session, *node, *at_us, shown, *hash))
    }

    /// What a call's answer says of its session, and by which node if that is known.
    pub(crate) fn shown_by<'a>(&self, call: &'a Call) -> Option<(Option<NodeId>, &'a Shown)> {
        const ABSENT: &Shown = &Shown::Absent;
        const REVOKED: &Shown = &Shown::Revoked;
        const ROTATED: &Shown = &Shown::Rotated;
        match &call.fate {
            Fate::Read(node, shown) => Some((Some(*node), shown)),
            Fate::Refused(Refusal::NotFound) if call.planned.action != Action::Create => Some((None, ABSENT)),
            Fate::Refused(Refusal::Revoked) if call.planned.action != Action::Create => Some((None, REVOKED)),
            Fate::Refused(Refusal::Rotated) => Some((None, ROTATED)),
            _ => None,
        }
    }
}
