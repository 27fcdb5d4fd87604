//! The last things that happened before an invariant broke.

use std::collections::BTreeMap;

use super::escape::{Escaped, shortened};
use super::named::Named;
use super::time::spoken;
use crate::plan::{NodeId, Plan, SessionId};
use crate::prose::{self, Names};
use crate::record::{Happening, Outcome, Shown};

const ROWS_MAX: usize = 100;
const LETTERS_MAX: usize = 400;

/// The section, if an invariant broke. Samples and stamps are left out, and so are
/// probes that show nothing new or nothing of what the violation names.
pub(super) fn section(plan: &Plan, names: &Names, outcome: &Outcome, named: &Named) -> String {
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
        let (kind, text) = (kind(happening), prose::happened(happening, plan, names));
        html.push_str(&format!(
            "<tr class=\"k-{kind}\"><td>{at}</td><td>−{before}</td><td>{kind}</td><td>{}</td></tr>\n",
            Escaped(&shortened(&text, LETTERS_MAX))
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
        Happening::Applied { .. } => "receipt",
        Happening::Fresh { .. } => "freshness",
        Happening::Fed { .. } => "feed",
        Happening::Sampled { .. } => "sample",
        Happening::Stamped { .. } => "stamp",
        Happening::PoisonRefused { .. } | Happening::PoisonSpread { .. } => "poison",
        Happening::FencingFailed { .. } => "fencing",
        Happening::HeldBack => "held back",
        Happening::Impossible { .. } => "impossible",
    }
}
