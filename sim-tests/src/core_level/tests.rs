//! Whole runs.

use super::*;
use crate::plan::{
    Action, Consistency, Cut, Durability, Fault, Latency, Level, NodeId, PLAN_VERSION, PlannedFault,
    PlannedOperation, RegionShape, SessionId, Shape, Shows, Token,
};

fn shape() -> Shape {
    let region = |name: &str| RegionShape { name: name.into(), nodes: 3 };
    Shape {
        regions: ["eu", "us", "ap"].map(region).to_vec(),
        replicas_per_region: 3,
        partition_count: 4,
        lan: Latency { us_min: 100, us_max: 400 },
        wan: Latency { us_min: 20_000, us_max: 60_000 },
        sessions: 6,
        clients: 6,
        idle_timeout_ms: 1_800_000,
        absolute_timeout_ms: 43_200_000,
        clock_offsets_ms: vec![0, 20, -30, 100, 0, 0, -100, 5, 7],
        clock_offset_ms_max: 500,
        sync_interval_ms: 50,
        checkpoint_interval_ms: 1_000,
        sweep_interval_ms: 2_000,
        removal_margin_ms: 60_000,
        log_disk_bytes_max: 1 << 20,
        block_bytes_max: 4 << 10,
        cache_bytes_max: 16 << 20,
        buffer_bytes_max: 1 << 20,
        sync_us: Latency { us_min: 200, us_max: 2_000 },
        snapshot_entries: None,
        transfer_chunk_bytes_max: None,
    }
}

fn operation(number: u64) -> PlannedOperation {
    let actions = [
        Action::Set { field: 1 },
        Action::Read,
        Action::Add { amount: 3 },
        Action::AddMember { member: 1 },
        Action::Touch,
        Action::Login { principal: 1 },
        Action::RemoveMember { member: 1 },
        Action::Set { field: 2 },
    ];
    let is_create = number < 6;
    PlannedOperation {
        at_ms: if is_create { 10 * number } else { 200 * number },
        client: (number % 6) as u16,
        session: SessionId((number % 6) as u32),
        action: if is_create { Action::Create } else { actions[(number % 8) as usize] },
        consistency: if number.is_multiple_of(3) { Consistency::LocalQuorum } else { Consistency::LocalOne },
        durability: if number.is_multiple_of(2) { Durability::Synced } else { Durability::Buffered },
        token: if number.is_multiple_of(5) { Token::Own } else { Token::None },
        shows: Shows::Newest,
        repeated: number.is_multiple_of(7),
        timeout_ms: 2_000,
    }
}

fn plan(seed: u64) -> Plan {
    let fault = |at_ms, lasts_ms, fault| PlannedFault { at_ms, lasts_ms, fault };
    Plan {
        version: PLAN_VERSION,
        seed,
        level: Level::Core,
        scenario: None,
        shape: shape(),
        chaos_ms: 13_000,
        converge_ms_max: 30_000,
        operations: (0..60).map(operation).collect(),
        faults: vec![
            fault(2_000, 4_000, Fault::RegionCut { region: 1, cut: Cut::Drop }),
            fault(4_000, 2_000, Fault::PowerLoss { node: NodeId(0), torn: true }),
            fault(7_000, 3_000, Fault::Pause { node: NodeId(5) }),
        ],
    }
}

fn outcome(plan: &Plan) -> Outcome {
    run(plan, Recorder::new(plan, false)).unwrap()
}

#[test]
fn a_region_cut_a_power_loss_and_a_pause_break_nothing() {
    let plan = plan(1);
    let outcome = outcome(&plan);
    assert_eq!(outcome.violation, None);
    assert!(outcome.counts.succeeded > 50, "{:?}", outcome.counts);
    assert!(outcome.faults.values().all(|observed| *observed), "{:?}", outcome.faults);
    assert_eq!(outcome.faults.len(), 3);
}

#[test]
fn a_seed_runs_in_one_way() {
    let (one, again, other) = (outcome(&plan(1)), outcome(&plan(1)), outcome(&plan(2)));
    assert_eq!(one.trace_hash, again.trace_hash);
    assert_ne!(one.trace_hash, other.trace_hash);
}
