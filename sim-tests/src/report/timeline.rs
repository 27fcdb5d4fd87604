//! The timeline: everything over time, in one drawing.

use super::calls::{Call, Ending};
use super::canvas::{Canvas, LABELS_PX};
use super::faults::FaultStory;
use super::named::Named;
use super::places::Places;
use super::time::Scale;
use super::{axis, digest_strip, faults, links, nodes, operations};
use crate::plan::Plan;
use crate::prose::Names;
use crate::record::Outcome;

/// Patterns and symbols: colour is never the only mark.
const SYMBOLS: &str = include_str!("symbols.svg");

/// What the drawing is made from.
pub(super) struct Parts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) outcome: &'a Outcome,
    pub(super) names: &'a Names,
    pub(super) places: &'a Places,
    pub(super) named: &'a Named,
    pub(super) faults: &'a [FaultStory<'a>],
    pub(super) calls: &'a [Call<'a>],
}

/// The section with the drawing, its legend and the buttons that stretch it.
pub(super) fn section(parts: &Parts<'_>) -> String {
    let scale = Scale::new(parts.outcome);
    let mut canvas = Canvas::new(scale);
    axis::draw(&mut canvas, parts.outcome);
    faults::draw(&mut canvas, parts.names, parts.outcome, parts.faults);
    links::draw(&mut canvas, parts.names, parts.outcome, parts.places, parts.faults);
    nodes::draw(&mut canvas, parts);
    operations::draw(&mut canvas, parts.plan, parts.names, parts.calls, parts.named);
    digest_strip::draw(&mut canvas, parts.plan, parts.outcome);
    canvas.gap(8);
    let height = canvas.height();
    let (labels, marks) = canvas.parts();
    let shading = axis::shading(parts.outcome, scale, height);
    let break_line = axis::break_line(parts.outcome, scale, height);
    let (legend, end_us) = (legend(), scale.end_us());
    format!(
        "<section>\n<div class=\"bar\"><h2>Timeline</h2>\
         <div class=\"zoom\"><output id=\"cursor\"></output>\
         <button type=\"button\" data-zoom=\"0.5\" aria-label=\"zoom out\">−</button>\
         <button type=\"button\" data-zoom=\"0\">whole run</button>\
         <button type=\"button\" data-zoom=\"2\" aria-label=\"zoom in\">+</button></div></div>\n\
         <div class=\"chart\">\n\
         <svg class=\"labels\" width=\"{LABELS_PX}\" height=\"{height}\" aria-hidden=\"true\">\n{labels}</svg>\n\
         <div class=\"scroll\" id=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"timeline, scrollable\">\
         <svg id=\"timeline\" width=\"100%\" height=\"{height}\" role=\"img\" data-end-us=\"{end_us}\" aria-labelledby=\"chart-title chart-desc\">\n\
         <title id=\"chart-title\">Timeline of the run</title>\n\
         <desc id=\"chart-desc\">Faults, links between regions, the state of every node, calls and the digests \
         of partitions over simulated time. The lists below tell the same in words.</desc>\n\
         {SYMBOLS}{shading}{marks}{break_line}\
         <line id=\"hair\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"{height}\" visibility=\"hidden\"/>\n\
         </svg></div>\n</div>\n{legend}</section>\n"
    )
}

fn legend() -> String {
    let mut html = String::from("<div class=\"legend\">\n");
    let states =
        ["up", "unready", "down", "paused", "refused", "removed"].map(|name| (format!("s-{name}"), name));
    group(&mut html, "Nodes", &states);
    symbols(
        &mut html,
        &[
            ("lost", "lost of its disk"),
            ("poison-refused", "refused poison"),
            ("bad", "let in what it must not"),
        ],
    );
    bars(&mut html, &[("clock-large", "clock off by over half of σ"), ("clock-forbidden", "over σ")]);
    html.push_str("</p>\n");
    group(&mut html, "Faults", &[("fault".into(), "observed"), ("fault-unseen".into(), "not observed")]);
    symbols(&mut html, &[("seen", "first observed")]);
    html.push_str("</p>\n");
    let links = ["cut", "partly-cut", "one-way", "clogged", "delayed", "reset"];
    group(&mut html, "Links", &links.map(|name| (name.to_owned(), name)));
    html.push_str("</p>\n<p><b>Calls</b>");
    for ending in Ending::ALL {
        symbols(&mut html, &[(&format!("c-{}", ending.name()), ending.name())]);
    }
    html.push_str("</p>\n");
    let digests = [("d1", "equal"), ("d2", "2"), ("d3", "3"), ("d4", "4 or more")];
    group(&mut html, "Distinct digests", &digests.map(|(class, name)| (class.to_owned(), name)));
    html.push_str("</p>\n</div>\n");
    html
}

fn group(html: &mut String, name: &str, items: &[(String, &str)]) {
    html.push_str(&format!("<p><b>{name}</b>"));
    for (class, text) in items {
        bars(html, &[(class, text)]);
    }
}

fn bars(html: &mut String, items: &[(&str, &str)]) {
    for (class, text) in items {
        html.push_str(&format!(
            "<span><svg width=\"22\" height=\"12\" aria-hidden=\"true\"><rect class=\"{class}\" x=\"1\" y=\"1\" width=\"20\" height=\"10\"/></svg>{text}</span>"
        ));
    }
}

fn symbols(html: &mut String, items: &[(&str, &str)]) {
    for (symbol, text) in items {
        html.push_str(&format!(
            "<span><svg width=\"16\" height=\"16\" aria-hidden=\"true\"><use href=\"#{symbol}\" class=\"{symbol}\" x=\"8\" y=\"8\"/></svg>{text}</span>"
        ));
    }
}
