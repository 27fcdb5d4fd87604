//! The last things that happened before an invariant broke.

use std::collections::BTreeMap;

use super::escape::{Escaped, shortened};
use super::named::Named;
use super::time::{spoken, spoken_offset};
use super::words;
use crate::plan::{NodeId, Plan, SessionId};
use crate::record::{Happening, Outcome, Shown};

const ROWS_MAX: usize = 100;
const LETTERS_MAX: usize = 400;

/// The section, if an invariant broke. Samples and stamps are left out, and so are
/// probes that show nothing new or nothing of what the violation names.
pub(super) fn section(plan: &Plan, outcome: &Outcome, named: &Named) -> String {
    let Some(violation) = &outcome.violation else { return String::new() };
    let mut known: BTreeMap<(NodeId, SessionId), (&Shown, u128)> = BTreeMap::new();
    let mut told: Vec<&(u64, Happening)> = Vec::new();
    for entry in outcome.timeline.iter().take_while(|(at_us, _)| *at_us <= violation.at_us) {
        let tells = match &entry.1 {
            Happening::Sampled { .. } | Happening::Stamped { .. } => false,
            Happening::Probed { node, session, shown, state_hash } => {
                let new = known.insert((*node, *session), (shown, *state_hash)) != Some((shown, *state_hash));
                new && is_named(*node, *session, named)
            }
            _ => true,
        };
        if tells {
            told.push(entry);
        }
    }
    let rows = told.split_off(told.len().saturating_sub(ROWS_MAX));
    let mut html = format!(
        "<section>\n<h2>The last happenings before {} broke</h2>\n<div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"last happenings, scrollable\">\
         <table class=\"last\">\n<thead><tr><th scope=\"col\">at</th><th scope=\"col\">before</th><th scope=\"col\">kind</th><th scope=\"col\">what</th></tr></thead>\n<tbody>\n",
        Escaped(violation.invariant)
    );
    for (at_us, happening) in rows {
        let (at, before) = (spoken(*at_us), spoken(violation.at_us.saturating_sub(*at_us)));
        let (kind, text) = (kind(happening), shortened(&text(plan, happening), LETTERS_MAX));
        html.push_str(&format!(
            "<tr class=\"k-{kind}\"><td>{at}</td><td>−{before}</td><td>{kind}</td><td>{}</td></tr>\n",
            Escaped(&text)
        ));
    }
    html.push_str("</tbody>\n</table></div>\n</section>\n");
    html
}

fn is_named(node: NodeId, session: SessionId, named: &Named) -> bool {
    match named.sessions.is_empty() {
        true => named.nodes.contains(&node),
        false => named.sessions.contains(&session),
    }
}

fn kind(happening: &Happening) -> &'static str {
    match happening {
        Happening::Phase(_) => "phase",
        Happening::Invoked { .. } => "call",
        Happening::Answered { .. } => "answer",
        Happening::Node { .. } => "node",
        Happening::DiskLost { .. } => "disk",
        Happening::FaultBegan { .. } | Happening::FaultObserved { .. } | Happening::FaultEnded { .. } => {
            "fault"
        }
        Happening::Probed { .. } => "probe",
        Happening::Sampled { .. } => "sample",
        Happening::Stamped { .. } => "stamp",
        Happening::PoisonRefused { .. } | Happening::PoisonSpread { .. } => "poison",
        Happening::FencingFailed { .. } => "fencing",
        Happening::Impossible { .. } => "impossible",
    }
}

fn text(plan: &Plan, happening: &Happening) -> String {
    let again = |again: &bool| if *again { " again" } else { "" };
    match happening {
        Happening::Phase(phase) => format!("{} begins", words::phase(*phase)),
        Happening::Invoked { operation, again: second } => {
            format!("operation {operation}{}: {}", again(second), planned(plan, *operation))
        }
        Happening::Answered { operation, again: second, answer } => {
            let (done, said) = (planned(plan, *operation), words::answer(answer));
            format!("operation {operation}{} ({done}): {said}", again(second))
        }
        Happening::Node { node, state } => format!("{node} is {}", words::state(*state)),
        Happening::DiskLost { node, lost } => format!("{node} lost of its disk {}", words::lost(*lost)),
        Happening::FaultBegan { fault, class } => format!("fault #{fault} began: {}", class.name()),
        Happening::FaultObserved { fault, class } => format!("fault #{fault} observed: {}", class.name()),
        Happening::FaultEnded { fault, class } => format!("fault #{fault} ended: {}", class.name()),
        Happening::Probed { node, session, shown, state_hash } => {
            format!("{node} holds of {session}: {} (state {state_hash:032x})", words::shown(shown))
        }
        Happening::Sampled { node, sample } => {
            let (records, offset) = (sample.records, spoken_offset(sample.clock_offset_ms));
            format!("{node} has {records} records, clock {offset}")
        }
        Happening::Stamped { node, replica, incarnation, partition, seq, hlc } => format!(
            "{node} (replica {replica}, start {incarnation}) stamped write {seq} of partition {partition} with {hlc:#x}"
        ),
        Happening::PoisonRefused { node } => format!("{node} refused poison"),
        Happening::PoisonSpread { node } => format!("poison was seen at {node}"),
        Happening::FencingFailed { node } => {
            format!("{node} was let in or served although it must be fenced")
        }
        Happening::Impossible { invariant, detail } => format!("{invariant}: {detail}"),
    }
}

fn planned(plan: &Plan, operation: usize) -> String {
    plan.operations.get(operation).map_or_else(
        || "a call of the liveness phase".into(),
        |planned| format!("{} on {}", words::action(planned.action), planned.session),
    )
}
