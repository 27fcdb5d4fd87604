//! The verdict, and what identifies the run.

use std::collections::BTreeMap;

use super::calls::{Call, Ending};
use super::escape::{Escaped, shortened};
use super::time::spoken;
use super::words;
use crate::plan::Plan;
use crate::prose::{Names, with_names};
use crate::record::Outcome;

/// A violation's words beyond this are cut.
const DETAIL_LETTERS_MAX: usize = 4_000;

/// The page's name.
pub(super) fn title(plan: &Plan, outcome: &Outcome) -> String {
    let verdict = match &outcome.violation {
        None => "held".to_owned(),
        Some(violation) => format!("{} broken", violation.invariant),
    };
    format!("Seed {}, {} level: {verdict}", plan.seed, plan.level.name())
}

/// The header. `replay` is the command that runs the same again.
pub(super) fn section(
    plan: &Plan,
    names: &Names,
    outcome: &Outcome,
    calls: &[Call<'_>],
    replay: &str,
) -> String {
    format!(
        "<header>\n<p class=\"over\">sojourn-sim · simulated run</p>\n<h1>Seed {}</h1>\n{}{}{}</header>\n",
        plan.seed,
        verdict(outcome, names),
        facts(plan, outcome, replay),
        tally(outcome, calls)
    )
}

fn verdict(outcome: &Outcome, names: &Names) -> String {
    let Some(violation) = &outcome.violation else {
        return "<div class=\"verdict held\"><b>✓ Held</b><p>Every invariant held, to the end of the run.</p></div>\n".into();
    };
    let detail = shortened(&with_names(&violation.detail, names), DETAIL_LETTERS_MAX);
    format!(
        "<div class=\"verdict broken\"><b>✗ {} broken after {}</b><p class=\"law\">{}.</p><p>{}</p></div>\n",
        Escaped(violation.invariant),
        spoken(violation.at_us),
        words::invariant(violation.invariant),
        Escaped(&detail)
    )
}

fn facts(plan: &Plan, outcome: &Outcome, replay: &str) -> String {
    let regions: Vec<String> =
        plan.shape.regions.iter().map(|region| format!("{} ({})", region.name, region.nodes)).collect();
    let cluster = format!(
        "{} nodes in {}; {} replicas in each region, {} partitions",
        plan.shape.nodes(),
        regions.join(", "),
        plan.shape.replicas_per_region,
        plan.shape.partition_count
    );
    let observed = outcome.faults.values().filter(|observed| **observed).count();
    let classes = format!("{} classes began, {observed} of them observed", outcome.faults.len());
    let rows = [
        ("level", plan.level.name().to_owned()),
        ("scenario", plan.scenario.clone().unwrap_or_else(|| "none, drawn from the seed".into())),
        ("cluster", cluster),
        ("simulated", format!("{} in {} happenings", spoken(outcome.simulated_us), outcome.happenings)),
        ("faults", format!("{} planned; {classes}", plan.faults.len())),
        ("trace", format!("{:032x}", outcome.trace_hash)),
        ("replay", replay.to_owned()),
    ];
    let mut html = String::from("<dl>\n");
    for (name, value) in rows {
        let tag = if matches!(name, "trace" | "replay") { "code" } else { "span" };
        html.push_str(&format!("<dt>{name}</dt><dd><{tag}>{}</{tag}></dd>\n", Escaped(&value)));
    }
    html.push_str("</dl>\n");
    html
}

/// The calls by ending: as the timeline tells, or as they were counted if it was not kept.
fn tally(outcome: &Outcome, calls: &[Call<'_>]) -> String {
    let mut counts: BTreeMap<Ending, u64> = BTreeMap::new();
    for call in calls {
        *counts.entry(call.ending()).or_default() += 1;
    }
    if outcome.timeline.is_empty() {
        counts.insert(Ending::Succeeded, outcome.counts.succeeded);
        counts.insert(Ending::Refused, outcome.counts.refused);
        counts.insert(Ending::Unknown, outcome.counts.unknown);
    }
    let all: u64 = counts.values().sum();
    let mut html = format!("<ul class=\"tally\">\n<li><b>{all}</b> calls</li>\n");
    for ending in Ending::ALL {
        let (count, name) = (counts.get(&ending).copied().unwrap_or(0), ending.name());
        if count > 0 || ending == Ending::Succeeded {
            html.push_str(&format!("<li class=\"t-{name}\"><b>{count}</b> {name}</li>\n"));
        }
    }
    html.push_str("</ul>\n");
    html
}
