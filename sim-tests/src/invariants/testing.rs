//! Runs made by hand, for the tests of invariants.

use super::Invariant;
use crate::oracle::Oracle;
use crate::plan::{
    Action, BORN, Consistency, Durability, Fault, FaultClass, Level, NodeId, Plan, PlannedFault,
    PlannedOperation, SessionId, Shows, Token, draw, value_of,
};
use crate::record::{
    Answer, Content, EPOCH_MS, Happening, IdName, LostDisk, NodeState, Phase, Refusal, Shown,
};

pub(super) const SESSION: SessionId = SessionId(0);
pub(super) const N: [NodeId; 4] = [NodeId(0), NodeId(1), NodeId(2), NodeId(3)];

/// One invariant over a run of three regions of three nodes: nodes 0, 1, 2 are of the first.
pub(super) struct Run<I> {
    plan: Plan,
    oracle: Option<Oracle>,
    invariant: I,
    now_ms: u64,
    /// The id that calls show from now on.
    shows: IdName,
}

/// A call of client 0 on the only session.
pub(super) fn call(action: Action) -> PlannedOperation {
    PlannedOperation {
        at_ms: 0,
        client: 0,
        session: SESSION,
        action,
        consistency: Consistency::LocalOne,
        durability: Durability::Buffered,
        token: Token::None,
        shows: Shows::Newest,
        repeated: false,
        timeout_ms: 1_000,
    }
}

pub(super) fn synced(action: Action) -> PlannedOperation {
    PlannedOperation { durability: Durability::Synced, ..call(action) }
}

/// A live session as it is right after its creation at the run's start.
pub(super) fn content() -> Content {
    let deadline_ms = EPOCH_MS + 3_600_000;
    let attributes = [(BORN.to_owned(), value_of(0))].into();
    Content {
        absolute_deadline_ms: deadline_ms,
        expires_at_ms: deadline_ms,
        attributes,
        ..Content::default()
    }
}

pub(super) fn live(change: impl FnOnce(&mut Content)) -> Shown {
    let mut content = content();
    change(&mut content);
    Shown::Live(content)
}

impl<I: Invariant> Run<I> {
    pub(super) fn new(invariant: I) -> Self {
        let mut plan = draw(0, Level::Core);
        let mut region = plan.shape.regions[0].clone();
        region.nodes = 3;
        plan.shape.regions = vec![region; 3];
        plan.shape.clock_offsets_ms = vec![0; 9];
        plan.shape.replicas_per_region = 3;
        (plan.shape.idle_timeout_ms, plan.shape.absolute_timeout_ms) = (3_600_000, 3_600_000);
        (plan.shape.sync_interval_ms, plan.shape.removal_margin_ms) = (50, 1_000);
        plan.shape.checkpoint_interval_ms = 500;
        plan.shape.buffer_bytes_max = 1 << 20;
        (plan.shape.sync_us.us_min, plan.shape.sync_us.us_max) = (100, 1_000);
        (plan.operations, plan.faults) = (Vec::new(), Vec::new());
        Self { plan, oracle: None, invariant, now_ms: 0, shows: IdName::First }
    }

    /// Operation numbers follow the order.
    pub(super) fn plans(mut self, operations: &[PlannedOperation]) -> Self {
        self.plan.operations = operations.to_vec();
        self
    }

    pub(super) fn shaped(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        assert!(self.oracle.is_none(), "the run has begun");
        change(&mut self.plan);
        self
    }

    pub(super) fn faults(mut self, faults: &[Fault]) -> Self {
        assert!(self.oracle.is_none(), "the run has begun");
        let planned = |fault: &Fault| PlannedFault { at_ms: 0, lasts_ms: 1_000, fault: fault.clone() };
        self.plan.faults = faults.iter().map(planned).collect();
        self
    }

    pub(super) fn by(&mut self, id: IdName) -> &mut Self {
        self.shows = id;
        self
    }

    pub(super) fn after(&mut self, ms: u64) -> &mut Self {
        self.now_ms += ms;
        self
    }

    pub(super) fn tell(&mut self, happening: Happening) -> Result<(), String> {
        let oracle = self.oracle.get_or_insert_with(|| Oracle::new(&self.plan));
        self.now_ms += 1;
        oracle.learn(self.now_ms * 1_000, &happening);
        self.invariant.check(self.now_ms * 1_000, &happening, oracle)
    }

    pub(super) fn finish(&mut self) -> Result<(), String> {
        let oracle = self.oracle.get_or_insert_with(|| Oracle::new(&self.plan));
        self.invariant.finish(oracle)
    }

    pub(super) fn invoke(&mut self, operation: usize) -> &mut Self {
        self.tell(Happening::Invoked { operation, again: false, shows: self.shows }).unwrap();
        self
    }

    pub(super) fn answer(&mut self, operation: usize, answer: Answer) -> Result<(), String> {
        self.tell(Happening::Answered { operation, again: false, answer })
    }

    /// Sent and answered at once.
    pub(super) fn done(&mut self, operation: usize, answer: Answer) -> Result<(), String> {
        self.invoke(operation).answer(operation, answer)
    }

    pub(super) fn again(&mut self, operation: usize, answer: Answer) -> Result<(), String> {
        self.tell(Happening::Invoked { operation, again: true, shows: self.shows })?;
        self.tell(Happening::Answered { operation, again: true, answer })
    }

    pub(super) fn made(&mut self, operation: usize, node: NodeId) -> &mut Self {
        self.done(operation, Answer::Acknowledged { node }).unwrap();
        self
    }

    pub(super) fn unknown(&mut self, operation: usize) -> &mut Self {
        self.done(operation, Answer::Unknown).unwrap();
        self
    }

    pub(super) fn read(&mut self, operation: usize, node: NodeId, shown: Shown) -> Result<(), String> {
        self.done(operation, Answer::Read { node, shown })
    }

    pub(super) fn refused(&mut self, operation: usize, refusal: Refusal) -> Result<(), String> {
        self.done(operation, Answer::Refused(refusal))
    }

    pub(super) fn state(&mut self, node: NodeId, state: NodeState) -> &mut Self {
        self.tell(Happening::Node { node, state }).unwrap();
        self
    }

    /// Power is lost, and a part of the disk; then it starts again.
    pub(super) fn crash(&mut self, node: NodeId, lost: LostDisk) -> &mut Self {
        self.state(node, NodeState::Down);
        self.tell(Happening::DiskLost { node, lost }).unwrap();
        self.state(node, NodeState::Up)
    }

    pub(super) fn begin(&mut self, fault: usize) -> &mut Self {
        let class = self.class(fault);
        self.tell(Happening::FaultBegan { fault, class }).unwrap();
        self
    }

    pub(super) fn end(&mut self, fault: usize) -> &mut Self {
        let class = self.class(fault);
        self.tell(Happening::FaultEnded { fault, class }).unwrap();
        self
    }

    pub(super) fn observe(&mut self, fault: usize) -> &mut Self {
        let class = self.class(fault);
        self.tell(Happening::FaultObserved { fault, class }).unwrap();
        self
    }

    fn class(&self, fault: usize) -> FaultClass {
        self.plan.faults[fault].fault.class()
    }

    pub(super) fn phase(&mut self, phase: Phase) -> &mut Self {
        self.tell(Happening::Phase(phase)).unwrap();
        self
    }

    pub(super) fn probe(&mut self, node: NodeId, shown: Shown, state_hash: u128) -> Result<(), String> {
        self.tell(Happening::Probed { node, session: SESSION, shown, state_hash })
    }
}
