//! The plan's clients: tasks on one host in each region.

mod answer;
mod call;
mod load;
mod watcher;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_client::{CausalToken, Client, ClientConfig, Environment, SessionId as Secret, TlsConfig};

use self::answer::Failed;
use self::call::{Call, Done};
use super::Tale;
use super::board::{Board, Known, Stage};
use super::certificates::CLUSTER_ID;
use super::config::address;
use super::insider::Insider;
use super::node::SimNode;
use crate::env::{SimNetwork, Wire};
use crate::plan::{Action, Consistency, Durability, NodeId, Plan, PlannedOperation, SessionId, Shows, Token};
use crate::record::{Answer, Happening, IdName};

/// Between two attempts to connect, and two looks at who a replica is.
const PAUSE: Duration = Duration::from_millis(200);
/// How often a replica that nobody knows yet is looked up.
const LOOKS: u32 = 40;
/// How long a call of the liveness phase may take.
const LIVENESS_TIMEOUT_MS: u64 = 15_000;

/// The clients' host of a region.
pub(super) fn host(region: &str) -> String {
    format!("clients-{region}")
}

/// What all clients of a region share.
#[derive(Clone)]
pub(super) struct Clients {
    pub(super) plan: Arc<Plan>,
    pub(super) tale: Tale,
    pub(super) wire: Wire,
    pub(super) board: Arc<Board>,
    pub(super) tls: TlsConfig,
    pub(super) region: usize,
    /// All nodes, those that faults add included.
    pub(super) nodes: Arc<Mutex<Vec<Arc<SimNode>>>>,
}

/// Whether the library makes further attempts for a client: those of a call that says
/// itself what it does may go to other nodes.
pub(crate) fn may_send_elsewhere(client: u16) -> bool {
    !client.is_multiple_of(2)
}

/// One client.
struct User {
    shared: Clients,
    /// Its number in the plan; none for the one that speaks after the heal.
    number: Option<u16>,
    client: Client,
    insiders: BTreeMap<NodeId, Insider>,
}

impl Clients {
    /// Runs all clients of the region.
    #[allow(clippy::disallowed_methods, reason = "tasks of a simulated host")]
    pub(super) async fn run(self) {
        let shape = &self.plan.shape;
        for number in (0..shape.clients).filter(|number| shape.region_of_client(*number) == self.region) {
            let shared = self.clone();
            tokio::spawn(async move {
                let mut user = User::connect(shared, Some(number)).await;
                user.live().await;
            });
        }
        tokio::spawn(load::make(self.clone()));
        tokio::spawn(watcher::follow(self.clone()));
        let mut last = User::connect(self, None).await;
        last.speak_after_heal().await;
        std::future::pending::<()>().await;
    }

    fn region_name(&self) -> &str {
        self.plan.shape.regions.get(self.region).map_or("", |region| region.name.as_str())
    }

    async fn connect(&self, retries: u32, seed: u64) -> Client {
        let network = SimNetwork { wire: self.wire.clone(), host: host(self.region_name()) };
        let environment = Environment::simulated(Arc::new(network), self.plan.seed ^ seed);
        loop {
            let nodes = self.nodes.lock().clone();
            let (own, others): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node.region == self.region);
            let endpoints = own.into_iter().chain(others).map(|node| address(&node.name));
            let config = ClientConfig::new(endpoints, CLUSTER_ID, self.tls.clone());
            let config = config.region(self.region_name()).streams_per_node(1).retries_max(retries);
            match Client::connect_with(config, environment.clone()).await {
                Ok(client) => return client,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Who a replica is; waits until somebody knows.
    async fn node_of(&self, replica: u32) -> Option<NodeId> {
        for _ in 0..LOOKS {
            if let Some(node) = self.board.state.lock().replicas.get(&replica) {
                return Some(*node);
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }
}

impl User {
    async fn connect(shared: Clients, number: Option<u16>) -> Self {
        // Every other client leaves no attempt to the library, so that its answers are certain.
        let retries = if number.is_none_or(may_send_elsewhere) { 4 } else { 0 };
        let seed = u64::from(number.unwrap_or(u16::MAX - shared.region as u16)) << 40;
        let client = shared.connect(retries, seed).await;
        shared.board.state.lock().clients_connected += 1;
        Self { shared, number, client, insiders: BTreeMap::new() }
    }

    /// Makes the planned calls of this client, each when it is due and the one before is over.
    async fn live(&mut self) {
        let board = self.shared.board.clone();
        let stage = board.wait_for(|stage| *stage > Stage::Start).await;
        let Stage::Chaos { at_us } = stage else { return };
        let plan = self.shared.plan.clone();
        for (number, operation) in plan.operations.iter().enumerate() {
            if Some(operation.client) != self.number {
                continue;
            }
            let due_us = at_us + operation.at_ms * 1_000;
            let now_us = self.shared.tale.now_us();
            tokio::time::sleep(Duration::from_micros(due_us.saturating_sub(now_us))).await;
            if board.stage() > stage {
                break;
            }
            self.perform(number, operation).await;
        }
        board.state.lock().clients_done += 1;
    }

    /// Makes, changes and reads a session once all faults are over.
    async fn speak_after_heal(&mut self) {
        let board = self.shared.board.clone();
        board.wait_for(|stage| *stage >= Stage::Liveness).await;
        let plan = self.shared.plan.clone();
        let region = self.shared.region;
        let session = SessionId(plan.shape.sessions + region as u32);
        let actions = [Action::Create, Action::Set { field: 0 }, Action::Read];
        for (number, action) in (plan.operations.len() + region * actions.len()..).zip(actions) {
            let operation = PlannedOperation {
                at_ms: 0,
                client: u16::MAX,
                session,
                action,
                consistency: Consistency::LocalOne,
                durability: Durability::Synced,
                token: Token::Own,
                shows: Shows::Newest,
                repeated: false,
                timeout_ms: LIVENESS_TIMEOUT_MS,
            };
            self.perform(number, &operation).await;
        }
        board.state.lock().regions_alive += 1;
    }

    async fn perform(&mut self, number: usize, operation: &PlannedOperation) {
        let shared = self.shared.clone();
        let known = shared.board.state.lock().sessions.get(&operation.session).cloned();
        if known.is_none() != (operation.action == Action::Create) {
            return;
        }
        // Of a session that is yet to be made nobody knows the partition, which a token names.
        if known.is_none() && operation.token == Token::Forged {
            return;
        }
        let makes = operation.action == Action::Create;
        if makes && !shared.board.state.lock().being_made.insert(operation.session) {
            return;
        }
        let token = known.as_ref().and_then(|known| self.token(operation, known));
        let known = known.as_ref().filter(|_| operation.action.shows_id());
        let shows = known.map_or(IdName::First, |known| known.ids.shown(operation.shows));
        let id = known.and_then(|known| known.secrets.get(&shows));
        let call =
            Call { client: &self.client, shape: &shared.plan.shape, operation, number, id, shows, token };
        shared.tale.tell(Happening::Invoked { operation: number, again: false, shows });
        let outcome = call.make().await;
        let repetition = call.repetition().filter(|_| operation.repeated);
        if matches!(outcome, Err(sojourn_client::Error::Rotated(_))) {
            self.forget(operation.session, shows);
        }
        let answer = self.conclude(number, operation, outcome).await;
        if makes {
            shared.board.state.lock().being_made.remove(&operation.session);
        }
        let maker = match &answer {
            Answer::Acknowledged { node } => Some(*node),
            _ => None,
        };
        shared.tale.tell(Happening::Answered { operation: number, again: false, answer });
        if let (Some(node), Some(request)) = (maker, repetition) {
            self.repeat(number, shows, node, request).await;
        }
    }

    fn token(&self, operation: &PlannedOperation, known: &Known) -> Option<CausalToken> {
        match operation.token {
            Token::None => None,
            Token::Own => known.own.get(&self.number.unwrap_or(u16::MAX)).cloned(),
            Token::Newest => Some(known.newest.clone()),
            Token::Forged => Some(call::forged(known.partition)),
        }
    }

    async fn conclude(
        &self,
        number: usize,
        operation: &PlannedOperation,
        outcome: Result<Done, sojourn_client::Error>,
    ) -> Answer {
        let shared = &self.shared;
        let failed = match outcome {
            Ok(done) => {
                let node = shared.node_of(done.replica).await;
                self.remember(number, operation, done.id.as_ref(), &done.token);
                let Some(node) = node else { return Answer::Unknown };
                return match done.shown {
                    Some(shown) => Answer::Read { node, shown },
                    None => Answer::Acknowledged { node },
                };
            }
            Err(error) if operation.action == Action::Read => answer::of_read(&error),
            Err(error) => {
                if let sojourn_client::Error::Partial(partial) = &error
                    && operation.action == Action::Create
                {
                    // It is made, and spreads.
                    self.remember(number, operation, partial.new_id.as_ref(), &partial.token);
                }
                answer::of_write(&error, self.number.is_none_or(may_send_elsewhere))
            }
        };
        match failed {
            Failed::Refused(refusal) => Answer::Refused(refusal),
            Failed::Unknown => Answer::Unknown,
            Failed::Partly(replica) => {
                shared.node_of(replica).await.map_or(Answer::Unknown, |node| Answer::Partly { node })
            }
        }
    }

    /// A node has said that an id was replaced.
    fn forget(&self, session: SessionId, id: IdName) {
        if let Some(known) = self.shared.board.state.lock().sessions.get_mut(&session) {
            known.ids.refuse(id);
        }
    }

    fn remember(
        &self,
        number: usize,
        operation: &PlannedOperation,
        id: Option<&Secret>,
        token: &CausalToken,
    ) {
        let mut state = self.shared.board.state.lock();
        match (id, state.sessions.get_mut(&operation.session)) {
            (Some(id), Some(known)) if operation.action != Action::Create => {
                known.give(IdName::Of(number), id.clone());
            }
            (Some(id), _) => {
                let known = Known::new(id.clone(), token.clone());
                state.sessions.insert(operation.session, known);
            }
            (None, _) => {}
        }
        if let Some(known) = state.sessions.get_mut(&operation.session) {
            known.newest = token.clone();
            known.own.insert(self.number.unwrap_or(u16::MAX), token.clone());
        }
    }

    /// Sends a change a second time, to the node that made it: keys are known to that one only.
    async fn repeat(
        &mut self,
        number: usize,
        shows: IdName,
        node: NodeId,
        request: sojourn_proto::session::v1::UpdateRequest,
    ) {
        let shared = self.shared.clone();
        let Some(maker) = shared.nodes.lock().get(usize::from(node.0)).cloned() else { return };
        let insider = match self.insiders.entry(node) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let Ok(insider) = Insider::new(&host(shared.region_name()), &maker) else { return };
                place.insert(insider)
            }
        };
        shared.tale.tell(Happening::Invoked { operation: number, again: true, shows });
        let answer = match insider.update(request).await {
            Ok(done) => match shared.node_of(done.replica_id).await {
                Some(node) => Answer::Acknowledged { node },
                None => Answer::Unknown,
            },
            Err(_) => Answer::Unknown,
        };
        shared.tale.tell(Happening::Answered { operation: number, again: true, answer });
    }
}
