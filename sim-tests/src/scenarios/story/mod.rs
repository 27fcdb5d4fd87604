//! The words that scenes are written in.

mod cast;
mod users;

use std::ops::Range;

use sojourn_node::env::{Rng, SeedableRng, StdRng};

use crate::plan::{
    Action, Consistency, Cut, Durability, Fault, Level, NodeId, PLAN_VERSION, Plan, PlannedFault,
    PlannedOperation, SessionId, Shape, Shows, Token,
};

/// How long a scene lasts where it does not say.
const LASTS_S: u64 = 60;

/// A scene as it is being written.
pub(super) struct Story {
    rng: StdRng,
    plan: Plan,
}

impl Story {
    /// Three regions with three nodes each, nobody at work yet, nothing wrong yet.
    pub(super) fn new(name: &str, seed: u64, level: Level) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ xxhash_rust::xxh3::xxh3_64(name.as_bytes()));
        let shape = cast::shape(&mut rng, level);
        let plan = Plan {
            version: PLAN_VERSION,
            seed,
            level,
            scenario: Some(name.to_owned()),
            shape,
            chaos_ms: LASTS_S * 1_000,
            converge_ms_max: cast::CONVERGE_MS_MAX,
            operations: Vec::new(),
            faults: Vec::new(),
        };
        Self { rng, plan }
    }

    /// The cluster and its settings, to be changed.
    pub(super) fn settings(&mut self) -> &mut Shape {
        &mut self.plan.shape
    }

    /// A number from a range.
    pub(super) fn draw(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() { range.start } else { self.rng.random_range(range) }
    }

    /// One of two.
    pub(super) fn either<T>(&mut self, one: T, other: T) -> T {
        if self.draw(0..2) == 0 { one } else { other }
    }

    /// Lost messages or held ones.
    pub(super) fn any_cut(&mut self) -> Cut {
        self.either(Cut::Drop, Cut::Hold)
    }

    /// One of the regions.
    pub(super) fn any_region(&mut self) -> u16 {
        self.draw(0..self.plan.shape.regions.len() as u64) as u16
    }

    /// One of the other regions.
    pub(super) fn another_region(&mut self, region: u16) -> u16 {
        let regions = self.plan.shape.regions.len() as u16;
        (region + 1 + self.draw(0..u64::from(regions) - 1) as u16) % regions
    }

    /// One of the nodes.
    pub(super) fn any_node(&mut self) -> NodeId {
        NodeId(self.draw(0..u64::from(self.plan.shape.nodes())) as u16)
    }

    /// The nodes of a region.
    pub(super) fn nodes_of(&self, region: u16) -> impl Iterator<Item = NodeId> + '_ {
        self.plan.shape.placed().filter(move |(_, of)| *of == usize::from(region)).map(|(node, _)| node)
    }

    /// The region of a node.
    pub(super) fn region_of(&self, node: NodeId) -> u16 {
        let found = self.plan.shape.placed().find(|(at, _)| *at == node);
        found.map_or(0, |(_, region)| region as u16)
    }

    /// One of the nodes of a region.
    pub(super) fn any_node_of(&mut self, region: u16) -> NodeId {
        let nodes: Vec<NodeId> = self.nodes_of(region).collect();
        nodes[self.draw(0..nodes.len() as u64) as usize]
    }

    /// All nodes in an order that the seed draws.
    pub(super) fn nodes_shuffled(&mut self) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.plan.shape.placed().map(|(node, _)| node).collect();
        for last in (1..nodes.len()).rev() {
            let other = self.draw(0..last as u64 + 1) as usize;
            nodes.swap(last, other);
        }
        nodes
    }

    /// A client that lives in a region.
    pub(super) fn any_client_of(&mut self, region: u16) -> u16 {
        let regions = self.plan.shape.regions.len() as u16;
        let there = (self.plan.shape.clients.saturating_sub(region + 1) / regions) + 1;
        region + regions * self.draw(0..u64::from(there)) as u16
    }

    /// From a time to another the messages of one node of a region to one node of another wait.
    pub(super) fn clogs_between(&mut self, here: u16, there: u16, from_ms: u64, until_ms: u64) {
        let (from, to) = (self.any_node_of(here), self.any_node_of(there));
        self.at_ms(from_ms).until_ms(until_ms).goes_wrong(Fault::Clog { from, to });
    }

    /// Some time between two seconds of the scene.
    pub(super) fn between_s(&mut self, seconds: Range<u64>) -> Moment<'_> {
        let at_ms = self.draw(seconds.start * 1_000..seconds.end * 1_000);
        self.at_ms(at_ms)
    }

    /// At a time of the scene.
    pub(super) fn at_ms(&mut self, at_ms: u64) -> Moment<'_> {
        Moment { story: self, at_ms, lasts_ms: 0 }
    }

    /// The end: a plan.
    pub(super) fn told(mut self) -> Plan {
        self.plan.operations.sort_by_key(|call| call.at_ms);
        self.plan.faults.sort_by_key(|planned| planned.at_ms);
        self.plan
    }
}

/// A time of the scene.
pub(super) struct Moment<'a> {
    story: &'a mut Story,
    at_ms: u64,
    lasts_ms: u64,
}

impl Moment<'_> {
    /// For so many seconds.
    pub(super) fn for_s(mut self, seconds: Range<u64>) -> Self {
        self.lasts_ms = self.story.draw(seconds.start * 1_000..seconds.end * 1_000);
        self
    }

    /// Until a time of the scene.
    pub(super) fn until_ms(mut self, end_ms: u64) -> Self {
        self.lasts_ms = end_ms.saturating_sub(self.at_ms);
        self
    }

    /// This is wrong.
    pub(super) fn goes_wrong(self, fault: Fault) {
        let room_ms = (self.story.plan.chaos_ms - 1).saturating_sub(self.at_ms);
        let lasts_ms = self.lasts_ms.min(room_ms);
        self.story.plan.faults.push(PlannedFault { at_ms: self.at_ms, lasts_ms, fault });
    }

    /// A client calls, kept by one replica and synced; it asks for what it has seen itself.
    pub(super) fn client_calls(self, client: u16, session: SessionId, action: Action) {
        self.called(client, session, action, |call| {
            call.durability = Durability::Synced;
            call.token = Token::Own;
            call.timeout_ms = 3_000;
        });
    }

    /// A client calls, with as many replicas as it says, and knows of nothing before.
    pub(super) fn client_asks(
        self,
        client: u16,
        session: SessionId,
        action: Action,
        consistency: Consistency,
    ) {
        self.called(client, session, action, |call| call.consistency = consistency);
    }

    /// A client writes, and waits that long for all replicas.
    pub(super) fn client_waits(self, client: u16, session: SessionId, action: Action, timeout_ms: u64) {
        self.called(client, session, action, |call| {
            call.consistency = Consistency::All;
            call.timeout_ms = timeout_ms;
        });
    }

    /// A client reads by an id that came before the newest.
    pub(super) fn client_replays(self, client: u16, session: SessionId) {
        self.called(client, session, Action::Read, |call| call.shows = Shows::Before);
    }

    fn called(
        self,
        client: u16,
        session: SessionId,
        action: Action,
        say: impl FnOnce(&mut PlannedOperation),
    ) {
        let mut call = PlannedOperation {
            at_ms: self.at_ms,
            client,
            session,
            action,
            consistency: Consistency::LocalOne,
            durability: Durability::Buffered,
            token: Token::None,
            shows: Shows::Newest,
            repeated: false,
            timeout_ms: 1_000,
        };
        say(&mut call);
        self.story.plan.operations.push(call);
    }
}
