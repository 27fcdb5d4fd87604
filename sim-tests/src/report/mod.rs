//! What happened in a run, as one page of HTML for a person: a timeline of nodes,
//! links, faults, calls and digests, and the same in words.

mod axis;
mod calls;
mod canvas;
mod digest_strip;
mod digests;
mod escape;
mod faults;
mod head;
mod last;
mod links;
mod named;
mod node_marks;
mod nodes;
mod operations;
mod places;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod time;
mod timeline;
mod words;

use crate::plan::Plan;
use crate::prose::Names;
use crate::record::Outcome;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// One page that needs nothing but itself: the style, the drawing and a little
/// script are in it. The same outcome gives the same bytes. The outcome must
/// have kept its timeline; without it only the verdict and the plan are told.
/// Long runs are thinned, so that the page stays below 2 MB. `replay` is the
/// command that runs the same again.
#[must_use]
pub fn page(plan: &Plan, outcome: &Outcome, replay: &str) -> String {
    let names = Names::new(&plan.shape);
    let places = places::Places::new(plan, outcome);
    let named = named::Named::new(outcome);
    let faults = faults::collect(plan, outcome);
    let calls = calls::collect(plan, outcome);
    let parts = timeline::Parts {
        plan,
        outcome,
        names: &names,
        places: &places,
        named: &named,
        faults: &faults,
        calls: &calls,
    };
    let title = head::title(plan, outcome);
    let head = head::section(plan, &names, outcome, &calls, replay);
    let timeline = timeline::section(&parts);
    let last = last::section(plan, &names, outcome, &named);
    let faults = faults::section(&names, outcome, &faults);
    let table = table::section(plan, &names, &calls, &named);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         {head}{timeline}{last}{faults}{table}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
