//! A happening as a line.

use super::answer::{answer, shown};
use super::call::{call, short};
use super::{Names, count, with_names};
use crate::plan::{FaultClass, NodeId, Plan};
use crate::record::{FeedEvent, Happening, IdName, LostDisk, NodeState, Phase};

/// One line: the time in seconds, and what happened.
#[must_use]
pub fn happening(at_us: u64, happening: &Happening, plan: &Plan, names: &Names) -> String {
    let said = happened(happening, plan, names);
    let said = match happening {
        Happening::Phase(_) => format!("== {said} =="),
        Happening::Answered { .. } => format!("  {said}"),
        _ => said,
    };
    format!("{:>12.6}  {said}", at_us as f64 / 1e6)
}

/// What happened, without its time.
pub(crate) fn happened(happening: &Happening, plan: &Plan, names: &Names) -> String {
    let node = |id: &NodeId| names.node(*id);
    match happening {
        Happening::Phase(phase) => phase_name(*phase).to_owned(),
        Happening::Invoked { operation, again, shows } => {
            let call = call(*operation, *again, plan.operations.get(*operation));
            if *shows == IdName::First { call } else { format!("{call}, by {shows}") }
        }
        Happening::Answered { operation, again, answer: said } => {
            let call = short(*operation, *again, plan.operations.get(*operation));
            format!("{call}: {}", answer(said, names))
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
        Happening::Probed { node: id, session, shown: seen, state_hash } => {
            format!("{} holds of {session}: {} (state {state_hash:016x})", node(id), shown(seen))
        }
        Happening::Applied { node: id, session, region, replicas } => {
            let counted = count(replicas.len() as u64, "replica");
            format!("{} says that {session} is ended in {region} ({counted})", node(id))
        }
        Happening::Fresh { node: id, session, regions } => {
            let told =
                regions.iter().map(|known| format!("{} {:.3} s", known.region, known.as_of_us as f64 / 1e6));
            format!("{} knows of {session} all up to: {}", node(id), told.collect::<Vec<_>>().join(", "))
        }
        Happening::Fed { region, partition, event } => {
            let region = plan.shape.regions.get(*region).map_or("", |region| region.name.as_str());
            let told = match event {
                FeedEvent::Wrote { operation, .. } => format!("the write of call {operation}"),
                FeedEvent::Revoked { session } => format!("the end of {session}"),
                FeedEvent::Missed => "that writes are missing".to_owned(),
            };
            format!("the feed in {region} tells {told} (partition {partition})")
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
        Happening::HeldBack => "writes are held back that a wrong clock has stamped".to_owned(),
        Happening::Impossible { invariant, detail } => format!("{invariant}: {}", with_names(detail, names)),
    }
}

fn of_plan(fault: usize, class: FaultClass, plan: &Plan, names: &Names) -> String {
    let planned = plan.faults.get(fault);
    planned.map_or_else(|| class.name().to_owned(), |planned| super::fault(&planned.fault, names))
}

/// The name of a phase.
pub(crate) fn phase_name(phase: Phase) -> &'static str {
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
        LostDisk::SinceBackup { .. } => "all that came after its backup",
    }
}
