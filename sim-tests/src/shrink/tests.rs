use super::*;
use crate::places::validate;
use crate::plan::{Action, Fault, FaultClass, Level};
use crate::scenarios;

/// A plan with many parts of which few matter.
fn large() -> Plan {
    let mut plan = scenarios::find("swizzle-clog").unwrap().plan(5, Level::Core).unwrap();
    let other = scenarios::find("disk-full").unwrap().plan(5, Level::Core).unwrap();
    plan.faults.extend(other.faults);
    plan.faults.sort_by_key(|planned| planned.at_ms);
    plan
}

/// Breaks `I6` if a disk is full at some node of the last region while a client revokes a session.
fn fake(plan: &Plan) -> Option<Failure> {
    validate(plan).unwrap();
    let last = plan.shape.regions.len() - 1;
    let full_in_last = plan.faults.iter().any(|planned| match planned.fault {
        Fault::DiskFull { node } => {
            plan.shape.placed().any(|(placed, region)| placed == node && region == last)
        }
        _ => false,
    });
    let revoked = plan.operations.iter().any(|call| call.action == Action::Revoke);
    (full_in_last && revoked).then(|| "I6".to_owned())
}

#[test]
fn only_what_matters_is_left() {
    let plan = large();
    assert_eq!(fake(&plan).as_deref(), Some("I6"), "the seed must break the fake invariant");
    let mut steps = Vec::new();
    let shrunk = shrink(plan.clone(), "I6", 10_000, fake, |progress| steps.push(progress));
    let small = &shrunk.plan;
    assert!(shrunk.is_minimal);
    assert_eq!(shrunk.runs, steps.len() as u64);
    assert_eq!(small.classes().collect::<Vec<_>>(), [FaultClass::DiskFull]);
    assert_eq!(small.operations.len(), 1);
    assert_eq!(small.operations[0].action, Action::Revoke);
    assert_eq!((small.shape.regions.len(), small.shape.nodes(), small.shape.sessions), (1, 1, 1));
    assert!(small.chaos_ms < 1_000 && plan.chaos_ms == 60_000);
    assert!(small.shape.clock_offsets_ms.iter().all(|offset| *offset == 0));
    assert_eq!(validate(small), Ok(()));
}

#[test]
fn another_failure_is_not_the_same_failure() {
    let plan = large();
    let faults = plan.faults.len();
    let run = |candidate: &Plan| Some(if candidate.faults.len() < faults { "I1" } else { "I6" }.to_owned());
    let shrunk = shrink(plan, "I6", 10_000, run, |_| {});
    assert_eq!(shrunk.plan.faults.len(), faults);
    assert!(shrunk.plan.operations.is_empty());
}

#[test]
fn the_limit_of_runs_is_kept() {
    let shrunk = shrink(large(), "I6", 7, fake, |_| {});
    assert_eq!(shrunk.runs, 7);
    assert!(!shrunk.is_minimal);
    assert_eq!(fake(&shrunk.plan).as_deref(), Some("I6"));
}
