//! How each node stood: a lane each, region by region.

use super::canvas::{Canvas, Label, Look};
use super::node_marks;
use super::time::spoken;
use super::timeline::Parts;
use super::words;
use crate::plan::NodeId;
use crate::record::{Happening, NodeState, Outcome};

/// More than this, and spans too short to be seen are joined.
const SPANS_MAX: usize = 300;
const LANE_PX: u32 = 22;

/// A node's state over a span of time.
struct StateSpan {
    span: (u64, u64),
    state: NodeState,
}

/// A heading a region and a lane a node.
pub(super) fn draw(canvas: &mut Canvas, parts: &Parts<'_>) {
    let regions = parts.places.all().map(|(_, region)| region + 1).max().unwrap_or(0);
    for region in 0..regions.max(parts.plan.shape.regions.len()) {
        canvas.heading(&format!("Region {}", parts.names.region(region)));
        for (node, _) in parts.places.all().filter(|(_, of)| *of == region) {
            draw_lane(canvas, parts, node);
        }
    }
}

fn draw_lane(canvas: &mut Canvas, parts: &Parts<'_>, node: NodeId) {
    let (name, strong) = (parts.names.node(node), parts.named.nodes.contains(&node));
    let text = if strong { format!("▸ {name}") } else { name.clone() };
    let title = if strong { format!("{name}, which the violation names") } else { name.clone() };
    let aside = node_marks::offset_at_start(parts.plan, node);
    let top = canvas.row(LANE_PX, &Label { text: &text, aside: &aside, title: &title, strong });
    for StateSpan { span, state } in spans(parts.outcome, node) {
        let words = words::state(state);
        let (from, to) = (spoken(span.0), spoken(span.1));
        let lasted = spoken(span.1.saturating_sub(span.0));
        let title = format!("{name} {words} from {from} to {to} ({lasted})");
        let class = format!("s-{words}");
        let words = if state == NodeState::Up { "" } else { words };
        canvas.bar(span, (top + 3, 14), &Look { class: &class, words, title: &title });
    }
    node_marks::draw_clock(canvas, parts, node, top + 18);
    node_marks::draw(canvas, parts, node, top + 10);
}

fn spans(outcome: &Outcome, node: NodeId) -> Vec<StateSpan> {
    let mut spans: Vec<StateSpan> = Vec::new();
    for (at_us, happening) in &outcome.timeline {
        let Happening::Node { node: of, state } = happening else { continue };
        if *of != node || spans.last().is_some_and(|last| last.state == *state) {
            continue;
        }
        if let Some(last) = spans.last_mut() {
            last.span.1 = *at_us;
        }
        spans.push(StateSpan { span: (*at_us, outcome.simulated_us.max(*at_us)), state: *state });
    }
    spans.retain(|span| span.span.0 < span.span.1);
    if spans.len() > SPANS_MAX { coarse(spans, outcome.simulated_us / SPANS_MAX as u64) } else { spans }
}

/// Joins spans until none is shorter than is told; the worst state of each stands for it.
fn coarse(spans: Vec<StateSpan>, shortest_us: u64) -> Vec<StateSpan> {
    let mut joined: Vec<StateSpan> = Vec::new();
    for next in spans {
        match joined.last_mut() {
            Some(last) if last.span.1 - last.span.0 < shortest_us => {
                last.span.1 = next.span.1;
                last.state = worse(last.state, next.state);
            }
            _ => joined.push(next),
        }
    }
    joined
}

fn worse(one: NodeState, other: NodeState) -> NodeState {
    let badness = |state: &NodeState| match state {
        NodeState::Up => 0,
        NodeState::Unready => 1,
        NodeState::Paused => 2,
        NodeState::Down => 3,
        NodeState::Refused => 4,
        NodeState::Removed => 5,
    };
    if badness(&other) > badness(&one) { other } else { one }
}
