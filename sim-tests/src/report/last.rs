//! The last things that happened before an invariant broke.

use std::collections::BTreeMap;

use super::escape::{Escaped, shortened};
use super::named::Named;
use super::time::{spoken, spoken_offset};
use super::words;
use crate::plan::Plan;
use crate::record::{Happening, Outcome};

const ROWS_MAX: usize = 100;
const LETTERS_MAX: usize = 400;

struct Row {
    at_us: u64,
    kind: &'static str,
    text: String,
}

/// The section, if an invariant broke and the timeline was kept. Looks into
/// nodes that are not about what the violation names are counted, not listed.
pub(super) fn section(plan: &Plan, outcome: &Outcome, named: &Named) -> String {
    let Some(violation) = &outcome.violation else { return String::new() };
    let mut rows: Vec<Row> = Vec::new();
    let mut looks: BTreeMap<&'static str, u64> = BTreeMap::new();
    let before = outcome.timeline.iter().rev().filter(|(at_us, _)| *at_us <= violation.at_us);
    for (at_us, happening) in before {
        if is_mere_look(happening, named) && !rows.is_empty() {
            *looks.entry(kind(happening)).or_default() += 1;
            continue;
        }
        rows.extend(counted(*at_us, &mut looks));
        if rows.len() >= ROWS_MAX {
            break;
        }
        rows.push(Row { at_us: *at_us, kind: kind(happening), text: text(plan, happening) });
    }
    let mut html = format!(
        "<section>\n<h2>The last happenings before {} broke</h2>\n<div class=\"table\" tabindex=\"0\" role=\"group\" aria-label=\"last happenings, scrollable\">\
         <table class=\"last\">\n<thead><tr><th scope=\"col\">at</th><th scope=\"col\">before</th><th scope=\"col\">kind</th><th scope=\"col\">what</th></tr></thead>\n<tbody>\n",
        Escaped(violation.invariant)
    );
    for row in rows.iter().rev() {
        let (at, before) = (spoken(row.at_us), spoken(violation.at_us.saturating_sub(row.at_us)));
        let (class, text) = (row.kind, shortened(&row.text, LETTERS_MAX));
        html.push_str(&format!(
            "<tr class=\"k-{class}\"><td>{at}</td><td>−{before}</td><td>{}</td><td>{}</td></tr>\n",
            row.kind,
            Escaped(&text)
        ));
    }
    html.push_str("</tbody>\n</table></div>\n</section>\n");
    html
}

fn counted(at_us: u64, looks: &mut BTreeMap<&'static str, u64>) -> Option<Row> {
    let counts: Vec<String> = looks.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
    looks.clear();
    (!counts.is_empty()).then(|| Row { at_us, kind: "looks", text: counts.join(", ") })
}

fn is_mere_look(happening: &Happening, named: &Named) -> bool {
    match happening {
        Happening::Probed { session, node, .. } => match named.sessions.is_empty() {
            true => !named.nodes.contains(node),
            false => !named.sessions.contains(session),
        },
        Happening::Sampled { .. } | Happening::Stamped { .. } => true,
        _ => false,
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
        Happening::DiskLost { node, lost } => format!("the disk of {node} lost {}", words::lost(*lost)),
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
