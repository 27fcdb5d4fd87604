//! A whole plan in words.

use std::collections::BTreeMap;

use super::{Names, count, duration, fault};
use crate::plan::{Action, Latency, Level, Plan, PlannedFault, Shape};

/// The plan, line by line: where it comes from, the cluster, the work, the faults with their times.
#[must_use]
pub fn plan(plan: &Plan) -> Vec<String> {
    let names = Names::new(&plan.shape);
    let mut lines = vec![origin(plan), cluster(&plan.shape), links(&plan.shape), work(plan)];
    if plan.faults.is_empty() {
        lines.push("Nothing goes wrong.".to_owned());
    } else {
        let faults = plan.faults.len() as u64;
        lines.push(format!("What goes wrong ({}), by the time since the start:", count(faults, "fault")));
        lines.extend(plan.faults.iter().map(|planned| line(planned, &names)));
    }
    lines.push(format!(
        "Then everything is healed, and all replicas must be equal within {}.",
        duration(plan.converge_ms_max)
    ));
    lines
}

fn origin(plan: &Plan) -> String {
    let level = match plan.level {
        Level::Core => "core level",
        Level::Full => "full level",
    };
    let from = match &plan.scenario {
        Some(name) => format!("scenario {name}"),
        None => "drawn freely".to_owned(),
    };
    format!("Seed {}, {level}, {from}, plan version {}.", plan.seed, plan.version)
}

fn cluster(shape: &Shape) -> String {
    let regions: Vec<String> = shape
        .regions
        .iter()
        .map(|region| format!("{} ({})", region.name, count(region.nodes, "node")))
        .collect();
    format!(
        "Cluster: {}; {} a region, {}; sessions may lie idle for {} and live for {}.",
        regions.join(", "),
        count(shape.replicas_per_region, "replica"),
        count(shape.partition_count, "partition"),
        duration(shape.idle_timeout_ms),
        duration(shape.absolute_timeout_ms),
    )
}

fn links(shape: &Shape) -> String {
    format!(
        "Links: {} within a region, {} between regions; a sync of a disk takes {}.",
        latency(shape.lan),
        latency(shape.wan),
        latency(shape.sync_us)
    )
}

fn latency(latency: Latency) -> String {
    let ms = |us: u64| us as f64 / 1_000.0;
    format!("{} to {} ms", ms(latency.us_min), ms(latency.us_max))
}

fn work(plan: &Plan) -> String {
    let mut by_kind: BTreeMap<&str, u64> = BTreeMap::new();
    for call in &plan.operations {
        *by_kind.entry(kind(call.action)).or_default() += 1;
    }
    let kinds: Vec<String> = by_kind.iter().map(|(kind, calls)| format!("{calls} {kind}")).collect();
    let listed = if kinds.is_empty() { String::new() } else { format!(": {}", kinds.join(", ")) };
    format!(
        "Work: {} by {} on {} within {}{listed}.",
        count(plan.operations.len() as u64, "call"),
        count(plan.shape.clients, "client"),
        count(plan.shape.sessions, "session"),
        duration(plan.chaos_ms),
    )
}

/// The name of an action without its particulars.
fn kind(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Set { .. } => "set",
        Action::Remove { .. } => "remove",
        Action::Add { .. } => "add",
        Action::AddMember { .. } => "add-member",
        Action::RemoveMember { .. } => "remove-member",
        Action::Login { .. } => "login",
        Action::LogOutEverywhere { .. } => "log-out-everywhere",
        Action::Touch => "touch",
        Action::Rotate { .. } => "rotate",
        Action::Revoke => "revoke",
        Action::Read => "read",
    }
}

fn line(planned: &PlannedFault, names: &Names) -> String {
    format!(
        "  {:>7}  for {:>7}: {}",
        duration(planned.at_ms),
        duration(planned.lasts_ms),
        fault(&planned.fault, names)
    )
}
