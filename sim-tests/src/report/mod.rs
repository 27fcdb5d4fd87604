//! What happened in a run, as one page of HTML for a person: a timeline of nodes,
//! links, faults, calls and digests, and the same in words.

mod axis;
mod calls;
mod canvas;
mod digest_strip;
mod digests;
mod escape;
mod fault_words;
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
#[cfg(test)]
mod tests;
mod time;
mod timeline;
mod words;

use crate::plan::Plan;
use crate::record::Outcome;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// One page that needs nothing but itself: the style, the drawing and a little
/// script are in it. The same outcome gives the same bytes. The outcome must
/// have kept its timeline; without it only the verdict and the plan are told.
/// Long runs are thinned, so that the page stays below 2 MB.
#[must_use]
pub fn page(plan: &Plan, outcome: &Outcome) -> String {
    let places = places::Places::new(plan, outcome);
    let named = named::Named::new(outcome);
    let faults = faults::collect(plan, outcome);
    let calls = calls::collect(plan, outcome);
    let parts =
        timeline::Parts { plan, outcome, places: &places, named: &named, faults: &faults, calls: &calls };
    let title = head::title(plan, outcome);
    let head = head::section(plan, outcome, &calls);
    let timeline = timeline::section(&parts);
    let last = last::section(plan, outcome, &named);
    let prose = faults::prose(plan, outcome, &faults);
    let table = table::section(plan, &calls, &named);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         {head}{timeline}{last}{prose}{table}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}
