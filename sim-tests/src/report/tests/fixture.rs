//! Runs made by hand: nine nodes in three regions, faults of many kinds, calls of all endings.

use std::collections::BTreeMap;

use crate::plan::{
    Action, Consistency, Cut, Durability, Fault, Latency, Level, NodeId, Plan, PlannedFault,
    PlannedOperation, RegionShape, SessionId, Shape, Shows, Token,
};
use crate::record::{
    Answer, Content, Counts, Happening, IdName, LostDisk, NodeState, Outcome, Phase, Refusal, Sample, Shown,
    Violation,
};

const CHAOS_MS: u64 = 2_000;
const HEAL_MS: u64 = 32_000;
const END_MS: u64 = 40_000;

fn region(name: &str) -> RegionShape {
    RegionShape { name: name.into(), nodes: 3 }
}

fn latency(us_min: u64) -> Latency {
    Latency { us_min, us_max: us_min * 2 }
}

fn shape() -> Shape {
    Shape {
        regions: vec![region("frankfurt"), region("virginia"), region("tokyo")],
        replicas_per_region: 2,
        partition_count: 16,
        lan: latency(300),
        wan: latency(40_000),
        sessions: 8,
        clients: 6,
        idle_timeout_ms: 20_000,
        absolute_timeout_ms: 60_000,
        clock_offsets_ms: vec![0, 120, -80, 0, 0, 200, 0, 0, -40],
        clock_offset_ms_max: 500,
        sync_interval_ms: 50,
        checkpoint_interval_ms: 1_000,
        sweep_interval_ms: 1_000,
        removal_margin_ms: 500,
        log_disk_bytes_max: 1 << 20,
        block_bytes_max: 4_096,
        cache_bytes_max: 1 << 16,
        buffer_bytes_max: 1 << 16,
        sync_us: latency(800),
        snapshot_entries: None,
        transfer_chunk_bytes_max: None,
    }
}

fn faults() -> Vec<PlannedFault> {
    let fault = |at_ms, lasts_ms, fault| PlannedFault { at_ms, lasts_ms, fault };
    vec![
        fault(1_500, 6_000, Fault::RegionCut { region: 2, cut: Cut::Drop }),
        fault(3_000, 2_500, Fault::PowerLoss { node: NodeId(1), torn: true }),
        fault(5_000, 3_000, Fault::Clog { from: NodeId(0), to: NodeId(3) }),
        fault(6_000, 9_000, Fault::ClockStep { node: NodeId(4), by_ms: 21_600_000 }),
        fault(9_500, 4_000, Fault::Partition { left: vec![NodeId(0), NodeId(3), NodeId(6)], cut: Cut::Hold }),
        fault(12_000, 6_000, Fault::OneWay { from: NodeId(7), to: NodeId(2) }),
        fault(14_000, 3_500, Fault::Pause { node: NodeId(7) }),
        fault(16_000, 8_000, Fault::Delay { extra_ms: 250 }),
        fault(18_000, 200, Fault::Reset { a: NodeId(2), b: NodeId(8) }),
        fault(19_000, 4_000, Fault::WipedNode { node: NodeId(5) }),
        fault(21_000, 1_000, Fault::AddNode { region: 1 }),
        fault(24_000, 3_000, Fault::Poison { node: NodeId(8) }),
        fault(25_000, 2_000, Fault::Pause { node: NodeId(5) }),
    ]
}

fn operations() -> Vec<PlannedOperation> {
    let actions = [
        Action::Create,
        Action::Set { field: 1 },
        Action::Read,
        Action::Add { amount: 2 },
        Action::Login { principal: 1 },
        Action::Touch,
        Action::AddMember { member: 3 },
        Action::Revoke,
    ];
    let levels = [Consistency::LocalOne, Consistency::LocalQuorum, Consistency::EachQuorum, Consistency::All];
    let operation = |number: u64| PlannedOperation {
        at_ms: 200 + number * 440 + number * number * 97 % 310,
        client: (number * 5 % 6) as u16,
        session: SessionId((number * 3 % 8) as u32),
        action: actions[(number / 4 % 8) as usize],
        consistency: levels[(number % 4) as usize],
        durability: if number.is_multiple_of(3) { Durability::Synced } else { Durability::Buffered },
        token: if number.is_multiple_of(5) { Token::Newest } else { Token::Own },
        shows: Shows::Newest,
        repeated: number.is_multiple_of(11),
        timeout_ms: 2_000,
    };
    (0..66).map(operation).collect()
}

pub(super) fn plan() -> Plan {
    Plan {
        version: 1,
        seed: 4_711,
        level: Level::Core,
        scenario: None,
        shape: shape(),
        chaos_ms: 30_000,
        converge_ms_max: 8_000,
        operations: operations(),
        faults: faults(),
    }
}

/// What happened, in any order; sorted by time at the end.
struct Timeline(Vec<(u64, Happening)>);

impl Timeline {
    fn at(&mut self, at_ms: u64, happening: Happening) {
        self.0.push((at_ms * 1_000, happening));
    }

    fn node(&mut self, at_ms: u64, node: u16, state: NodeState) {
        self.at(at_ms, Happening::Node { node: NodeId(node), state });
    }
}

fn answer(number: usize, node: NodeId) -> (u64, Option<Answer>) {
    let content = Content {
        attributes: BTreeMap::from([("a1".into(), "v9".into())]),
        counter: 4,
        ..Content::default()
    };
    match number % 13 {
        5 => (60, Some(Answer::Refused(Refusal::Unavailable))),
        7 => (2_000, Some(Answer::Unknown)),
        9 => (900, Some(Answer::Partly { node })),
        11 => (40, Some(Answer::Refused(Refusal::NotYet))),
        12 if number > 50 => (0, None),
        4 | 10 => (45, Some(Answer::Read { node, shown: Shown::Live(content) })),
        _ => (90, Some(Answer::Acknowledged { node })),
    }
}

fn calls(timeline: &mut Timeline, plan: &Plan) {
    for (number, planned) in plan.operations.iter().enumerate() {
        let at_ms = CHAOS_MS + planned.at_ms;
        let node = NodeId(planned.client % 3 * 3);
        let (after_ms, answer) = answer(number, node);
        timeline.at(at_ms, Happening::Invoked { operation: number, again: false, shows: IdName::First });
        if let Some(answer) = answer {
            timeline.at(at_ms + after_ms, Happening::Answered { operation: number, again: false, answer });
        }
    }
    for number in 0..9 {
        let (operation, at_ms) = (plan.operations.len() + number, 34_500 + number as u64 * 200);
        let answer = Answer::Acknowledged { node: NodeId(number as u16) };
        timeline.at(at_ms, Happening::Invoked { operation, again: false, shows: IdName::First });
        timeline.at(at_ms + 80, Happening::Answered { operation, again: false, answer });
    }
}

fn happened_to_faults(timeline: &mut Timeline, plan: &Plan) {
    for (fault, planned) in plan.faults.iter().enumerate().take(12) {
        let (class, at_ms) = (planned.fault.class(), CHAOS_MS + planned.at_ms);
        timeline.at(at_ms, Happening::FaultBegan { fault, class });
        if fault != 8 {
            timeline.at(at_ms + 130, Happening::FaultObserved { fault, class });
        }
        timeline.at(at_ms + planned.lasts_ms, Happening::FaultEnded { fault, class });
    }
}

fn nodes(timeline: &mut Timeline) {
    use NodeState::{Down, Paused, Refused, Unready, Up};
    for node in 0..9 {
        timeline.node(200 + u64::from(node) * 90, node, Unready);
        timeline.node(1_200 + u64::from(node) * 60, node, Up);
    }
    let changes = [
        (5_000, 1, Down),
        (7_500, 1, Unready),
        (8_300, 1, Up),
        (8_200, 4, Unready),
        (17_300, 4, Up),
        (16_000, 7, Paused),
        (19_500, 7, Up),
        (21_000, 5, Down),
        (25_000, 5, Refused),
        (23_050, 9, Unready),
        (24_100, 9, Up),
        (29_000, 2, NodeState::Removed),
    ];
    for (at_ms, node, state) in changes {
        timeline.node(at_ms, node, state);
    }
    timeline.at(5_000, Happening::DiskLost { node: NodeId(1), lost: LostDisk::Unsynced });
    timeline.at(21_000, Happening::DiskLost { node: NodeId(5), lost: LostDisk::All });
    for number in 0..5 {
        timeline.at(26_200 + number * 10, Happening::PoisonRefused { node: NodeId(8) });
    }
}

fn samples(timeline: &mut Timeline, partitions: u16) {
    for at_ms in (1_000..END_MS).step_by(250) {
        for node in 0..9_u16 {
            let digest = |partition: u16| {
                let region = u128::from(node / 3);
                let cut = (3_500..10_500 + u64::from(partition) * 120).contains(&at_ms) && region == 2;
                let parted = (11_500..16_500).contains(&at_ms) && partition.is_multiple_of(3);
                let late = at_ms > 21_000
                    && at_ms < 33_500 + u64::from(partition) * 90
                    && node == 7
                    && partition % 2 == 1;
                let own = if parted { u128::from(node % 3) } else { 0 };
                u128::from(partition) + 100 * u128::from(cut) + 1_000 * own + 5_000 * u128::from(late)
            };
            let clock_offset_ms = match node {
                4 if (8_000..17_000).contains(&at_ms) => 21_600_000,
                5 => 200 + i64::try_from(at_ms).unwrap() / 300,
                _ => 0,
            };
            let sample = Sample {
                digests: (0..partitions).map(|partition| (partition, digest(partition))).collect(),
                clock_offset_ms,
                ..Sample::default()
            };
            timeline.at(at_ms, Happening::Sampled { node: NodeId(node), sample });
            let shown = Shown::Revoked;
            timeline.at(
                at_ms,
                Happening::Probed { node: NodeId(node), session: SessionId(3), shown, state_hash: 7 },
            );
        }
    }
}

fn outcome(mut timeline: Timeline) -> Outcome {
    timeline.0.sort_by_key(|(at_us, _)| *at_us);
    Outcome {
        violation: None,
        is_held_back: false,
        trace_hash: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
        happenings: timeline.0.len() as u64,
        simulated_us: END_MS * 1_000,
        counts: Counts { succeeded: 57, refused: 9, unknown: 5 },
        faults_begun: faults().len() as u64,
        faults: faults().iter().map(|planned| (planned.fault.class(), true)).collect(),
        timeline: timeline.0,
    }
}

fn phases(timeline: &mut Timeline) {
    let phases = [
        (CHAOS_MS, Phase::Chaos),
        (HEAL_MS, Phase::Heal),
        (34_300, Phase::Liveness),
        (36_600, Phase::Comparison),
    ];
    for (at_ms, phase) in phases {
        timeline.at(at_ms, Happening::Phase(phase));
    }
}

pub(super) fn held() -> Outcome {
    let (plan, mut timeline) = (plan(), Timeline(Vec::new()));
    phases(&mut timeline);
    nodes(&mut timeline);
    happened_to_faults(&mut timeline, &plan);
    calls(&mut timeline, &plan);
    samples(&mut timeline, 16);
    outcome(timeline)
}

pub(super) fn broken() -> Outcome {
    let mut outcome = held();
    let at_us = 31_250_000;
    outcome.timeline.retain(|(other_us, _)| *other_us <= at_us);
    outcome.simulated_us = at_us;
    let detail = "node 7 shows session 3 as live, but its revocation (operation 28) was acknowledged by node 0 \
                  at 14.823 s and the heal was long ago";
    outcome.violation = Some(Violation { invariant: "I6", at_us, detail: detail.into() });
    outcome
}

/// Thirty thousand calls and a cluster that never comes to rest.
pub(super) fn huge() -> (Plan, Outcome) {
    let (mut plan, mut timeline) = (plan(), Timeline(Vec::new()));
    plan.shape.partition_count = 64;
    plan.operations = (0..30_000).map(|number| operations()[number % 66]).collect();
    for number in 0..30_000_usize {
        let at_ms = CHAOS_MS + number as u64;
        let answer = answer(number, NodeId(3)).1.unwrap_or(Answer::Unknown);
        timeline.at(at_ms, Happening::Invoked { operation: number, again: false, shows: IdName::First });
        timeline.at(at_ms + 5, Happening::Answered { operation: number, again: false, answer });
        let state = if number % 2 == 0 { NodeState::Up } else { NodeState::Unready };
        timeline.node(at_ms, (number / 2 % 9) as u16, state);
        timeline.at(at_ms, Happening::PoisonRefused { node: NodeId((number % 9) as u16) });
        if number % 10 == 0 {
            let digest =
                |partition: u16| u128::from(partition * 7 + (number / 10 % 4) as u16 * (partition % 5));
            let digests = (0..64).map(|partition| (partition, digest(partition))).collect();
            let sample = Sample { digests, ..Sample::default() };
            timeline.at(at_ms, Happening::Sampled { node: NodeId((number / 10 % 9) as u16), sample });
        }
    }
    phases(&mut timeline);
    happened_to_faults(&mut timeline, &plan);
    (plan, outcome(timeline))
}
