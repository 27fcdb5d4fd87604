use std::collections::BTreeSet;
use std::mem::discriminant;

use super::draw;
use crate::coverage::expressible;
use crate::plan::{Action, Fault, FaultClass, Level, NodeId, Plan, Shows, Token};

const SEEDS: u64 = 2_000;

fn plans(level: Level) -> impl Iterator<Item = Plan> {
    (0..SEEDS).map(move |seed| draw(seed, level))
}

#[test]
fn a_seed_draws_one_plan_and_no_other() {
    for level in [Level::Core, Level::Full] {
        assert_eq!(draw(7, level), draw(7, level));
        assert_ne!(draw(7, level), draw(8, level));
    }
    assert_ne!(draw(7, Level::Core).operations, draw(7, Level::Full).operations);
}

#[test]
fn every_fault_class_and_every_action_is_drawn() {
    let (mut classes, mut actions, mut tokens) = (BTreeSet::new(), Vec::new(), Vec::new());
    let (mut graces, mut shows) = (BTreeSet::new(), Vec::new());
    for plan in plans(Level::Core) {
        classes.extend(plan.classes());
        for operation in &plan.operations {
            actions.push(discriminant(&operation.action));
            tokens.push(discriminant(&operation.token));
            shows.push(operation.shows);
            if let Action::Rotate { grace_ms } = operation.action {
                graces.insert(grace_ms > 0);
            }
        }
    }
    assert_eq!(classes, FaultClass::ALL.iter().copied().collect());
    actions.dedup();
    let all = [
        Action::Create,
        Action::Set { field: 0 },
        Action::Remove { field: 0 },
        Action::Add { amount: 0 },
        Action::AddMember { member: 0 },
        Action::RemoveMember { member: 0 },
        Action::Login { principal: 0 },
        Action::Touch,
        Action::Rotate { grace_ms: 0 },
        Action::Revoke,
        Action::Read,
    ];
    assert!(all.iter().all(|action| actions.contains(&discriminant(action))));
    let all = [Token::None, Token::Own, Token::Newest, Token::Forged];
    assert!(all.iter().all(|token| tokens.contains(&discriminant(token))));
    assert_eq!(graces.len(), 2, "with a grace and without");
    assert!([Shows::Newest, Shows::Before].iter().all(|id| shows.contains(id)));
}

#[test]
fn full_plans_leave_out_what_that_level_cannot_express() {
    let classes: BTreeSet<FaultClass> =
        plans(Level::Full).flat_map(|plan| plan.classes().collect::<Vec<_>>()).collect();
    assert_eq!(classes, expressible(Level::Full).collect());
}

#[test]
fn every_plan_is_valid() {
    for plan in plans(Level::Core).chain(plans(Level::Full)) {
        let shape = &plan.shape;
        assert!(shape.partition_count.is_power_of_two());
        assert!(
            shape.log_disk_bytes_max >= 4 * shape.block_bytes_max as u64 && shape.block_bytes_max >= 1_024
        );
        assert!(shape.idle_timeout_ms <= shape.absolute_timeout_ms && shape.idle_timeout_ms >= 1_000);
        assert_eq!(shape.clock_offsets_ms.len(), usize::from(shape.nodes()));
        let half = (shape.clock_offset_ms_max / 2) as i64;
        assert!(shape.clock_offsets_ms.iter().all(|offset| offset.abs() <= half));
        assert!(plan.operations.is_sorted_by_key(|operation| operation.at_ms));
        assert!(plan.faults.is_sorted_by_key(|planned| planned.at_ms));
        for operation in &plan.operations {
            assert!(operation.at_ms < plan.chaos_ms && operation.client < shape.clients);
            assert!(operation.session.0 < shape.sessions);
        }
        for planned in &plan.faults {
            assert!(planned.at_ms + planned.lasts_ms < plan.chaos_ms && planned.lasts_ms >= 200);
            check_fault(&planned.fault, shape.nodes(), shape.regions.len() as u16);
        }
    }
}

fn check_fault(fault: &Fault, nodes: u16, regions: u16) {
    let is_node = |node: &NodeId| assert!(node.0 < nodes, "{fault:?}");
    match fault {
        Fault::RegionCut { region, .. }
        | Fault::RegionPowerLoss { region }
        | Fault::RegionLost { region }
        | Fault::AddNode { region }
        | Fault::Overload { region } => assert!(*region < regions),
        Fault::Partition { left, .. } => assert!(!left.is_empty() && left.len() < usize::from(nodes)),
        Fault::Bridge { node, left } => {
            is_node(node);
            assert!(!left.is_empty() && left.len() < usize::from(nodes) - 1 && !left.contains(node));
        }
        Fault::OneWay { from, to } | Fault::Clog { from, to } | Fault::Reset { a: from, b: to } => {
            is_node(from);
            is_node(to);
            assert_ne!(from, to);
        }
        Fault::Loss { permille } | Fault::Duplicate { permille } | Fault::Reorder { permille } => {
            assert!((1..=1_000).contains(permille));
        }
        Fault::PowerLoss { node, .. }
        | Fault::ClockStep { node, .. }
        | Fault::WipedNode { node }
        | Fault::RemoveNode { node } => is_node(node),
        _ => {}
    }
}

#[test]
fn full_plans_have_faults_enough_and_last_long_enough() {
    for plan in plans(Level::Full) {
        assert!(plan.faults.len() >= 25, "seed {} has {}", plan.seed, plan.faults.len());
        assert!(plan.chaos_ms >= 60_000);
    }
}

#[test]
fn upheavals_are_few() {
    for plan in plans(Level::Core).chain(plans(Level::Full)) {
        let count = |of: &[FaultClass]| plan.classes().filter(|class| of.contains(class)).count();
        let upheavals = [
            FaultClass::RegionLost,
            FaultClass::RemoveNode,
            FaultClass::RemovedNodeReturns,
            FaultClass::WipedNode,
        ];
        assert!(count(&upheavals) <= 1);
        assert!(count(&[FaultClass::AddNode]) <= 2);
        assert!(count(&[FaultClass::RollingRestart]) <= 1);
    }
}
