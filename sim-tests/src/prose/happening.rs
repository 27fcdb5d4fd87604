//! A happening as a line.

use super::{Names, plan::kind};
use crate::plan::{NodeId, Plan};
use crate::record::{Answer, Content, Happening, LostDisk, NodeState, Phase, Refusal, Shown};

/// One line: the time in seconds, and what happened.
#[must_use]
pub fn happening(at_us: u64, happening: &Happening, plan: &Plan, names: &Names) -> String {
    format!("{:>12.6}  {}", at_us as f64 / 1e6, said(happening, plan, names))
}

fn said(happening: &Happening, plan: &Plan, names: &Names) -> String {
    let node = |id: &NodeId| names.node(*id);
    match happening {
        Happening::Phase(phase) => format!("== {} ==", phase_name(*phase)),
        Happening::Invoked { operation, again } => format!("{}{}", call(*operation, plan), repeated(*again)),
        Happening::Answered { operation, again, answer } => {
            format!("  call {operation}{}: {}", repeated(*again), answered(answer, names))
        }
        Happening::Node { node: id, state } => format!("{} {}", node(id), state_name(*state)),
        Happening::DiskLost { node: id, lost } => format!("{} lost {}", node(id), lost_name(*lost)),
        Happening::FaultBegan { fault, class } => {
            format!("fault {fault} begins: {}", of_plan(*fault, *class, plan, names))
        }
        Happening::FaultObserved { fault, class } => {
            format!("fault {fault} ({}) has changed something", class.name())
        }
        Happening::FaultEnded { fault, class } => format!("fault {fault} ({}) ends", class.name()),
        Happening::Probed { node: id, session, shown, state_hash } => {
            format!("{} holds of {session}: {} (state {state_hash:016x})", node(id), shown_name(shown))
        }
        Happening::Sampled { node: id, sample } => format!(
            "{} sampled: {} records, {} bytes buffered, {} bytes held, clock {:+} ms, membership {}",
            node(id),
            sample.records,
            sample.buffered_bytes,
            sample.held_bytes,
            sample.clock_offset_ms,
            sample.membership.0
        ),
        Happening::Stamped { node: id, replica, incarnation, partition, seq, hlc } => format!(
            "{} (replica {replica}, start {incarnation}) wrote number {seq} of partition {partition}, stamp {hlc}",
            node(id)
        ),
        Happening::PoisonRefused { node: id } => format!("{} refused poison", node(id)),
        Happening::PoisonSpread { node: id } => format!("poison was seen at {}", node(id)),
        Happening::FencingFailed { node: id } => format!("{} was let in, though it must be fenced", node(id)),
        Happening::Impossible { invariant, detail } => format!("{invariant}: {detail}"),
    }
}

fn of_plan(fault: usize, class: crate::plan::FaultClass, plan: &Plan, names: &Names) -> String {
    let planned = plan.faults.get(fault);
    planned.map_or_else(|| class.name().to_owned(), |planned| super::fault(&planned.fault, names))
}

fn call(operation: usize, plan: &Plan) -> String {
    let Some(planned) = plan.operations.get(operation) else {
        return format!("call {operation} (of the liveness phase)");
    };
    let action = format!("{:?}", planned.action);
    let shown = if planned.action.is_write() { action } else { kind(planned.action).to_owned() };
    format!(
        "call {operation}: client {} on {}: {}, {:?}, {:?}, token {:?}",
        planned.client, planned.session, shown, planned.consistency, planned.durability, planned.token
    )
}

fn repeated(again: bool) -> &'static str {
    if again { " again" } else { "" }
}

fn answered(answer: &Answer, names: &Names) -> String {
    match answer {
        Answer::Acknowledged { node } => format!("acknowledged by {}", names.node(*node)),
        Answer::Partly { node } => format!("made at {}, but too few replicas confirmed", names.node(*node)),
        Answer::Read { node, shown } => format!("{} says: {}", names.node(*node), shown_name(shown)),
        Answer::Refused(refusal) => format!("refused: {}", refusal_name(*refusal)),
        Answer::Unknown => "unknown".to_owned(),
    }
}

fn refusal_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound => "not found",
        Refusal::Revoked => "revoked",
        Refusal::AlreadyExists => "exists already",
        Refusal::NotYet => "not yet",
        Refusal::Unavailable => "unavailable",
        Refusal::Invalid => "invalid",
    }
}

fn shown_name(shown: &Shown) -> String {
    match shown {
        Shown::Live(content) => format!("live, {}", content_name(content)),
        Shown::Revoked => "revoked".to_owned(),
        Shown::Absent => "absent".to_owned(),
        Shown::Partial => "only a part".to_owned(),
    }
}

fn content_name(content: &Content) -> String {
    let attributes: Vec<String> =
        content.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let members: Vec<&str> = content.members.iter().map(String::as_str).collect();
    format!(
        "{{{}}} n={} s={{{}}} principal {}, expires at {} of {} ms",
        attributes.join(" "),
        content.counter,
        members.join(" "),
        content.principal.as_deref().unwrap_or("none"),
        content.expires_at_ms,
        content.absolute_deadline_ms
    )
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Chaos => "chaos",
        Phase::Heal => "heal",
        Phase::Liveness => "liveness",
        Phase::Comparison => "comparison",
    }
}

fn state_name(state: NodeState) -> &'static str {
    match state {
        NodeState::Up => "is up",
        NodeState::Unready => "says that it is not ready",
        NodeState::Down => "is down",
        NodeState::Paused => "is paused",
        NodeState::Refused => "was refused, or ended itself",
        NodeState::Removed => "is removed",
    }
}

fn lost_name(lost: LostDisk) -> &'static str {
    match lost {
        LostDisk::Unsynced => "what its disk had not synced",
        LostDisk::Record => "a record of its disk, perhaps",
        LostDisk::All => "its disk",
        LostDisk::SinceBackup => "all that came after its backup",
    }
}
