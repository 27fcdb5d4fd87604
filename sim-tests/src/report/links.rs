//! What happened to the links between regions, as the faults tell.

use std::collections::{BTreeMap, BTreeSet};

use super::canvas::{Canvas, Label, Look, packed};
use super::faults::FaultStory;
use super::places::Places;
use super::time::spoken;
use crate::plan::{Fault, NodeId};
use crate::prose::Names;
use crate::record::Outcome;

/// Two regions, the lower index first; the same twice for links inside of one.
type Pair = (usize, usize);

struct LinkSpan {
    span: (u64, u64),
    class: &'static str,
    words: String,
    title: String,
}

/// A row or more for each pair of regions, and for each region inside of which links suffered.
pub(super) fn draw(
    canvas: &mut Canvas,
    names: &Names,
    outcome: &Outcome,
    places: &Places,
    faults: &[FaultStory<'_>],
) {
    let regions = names.all_regions().len();
    let between = (0..regions).flat_map(|one| (one + 1..regions).map(move |other| (one, other)));
    let mut lanes: BTreeMap<Pair, Vec<LinkSpan>> = between.map(|pair| (pair, Vec::new())).collect();
    for story in faults {
        let (Some(span), Some(fault)) = (story.span(outcome.simulated_us), story.fault) else { continue };
        for (pair, (class, words)) in suffered(fault, places, names) {
            let title = format!("{}: {words}, from {} to {}", story.name(), spoken(span.0), spoken(span.1));
            lanes.entry(pair).or_default().push(LinkSpan { span, class, words, title });
        }
    }
    if lanes.is_empty() {
        return;
    }
    canvas.heading("Links between regions");
    for (pair, mut spans) in lanes {
        spans.sort_by_key(|span| span.span);
        draw_lane(canvas, &lane_name(names, pair), &spans);
    }
}

fn lane_name(names: &Names, (one, other): Pair) -> String {
    match one == other {
        true => format!("inside {}", names.region(one)),
        false => format!("{} – {}", names.region(one), names.region(other)),
    }
}

fn draw_lane(canvas: &mut Canvas, name: &str, spans: &[LinkSpan]) {
    let times: Vec<(u64, u64)> = spans.iter().map(|span| span.span).collect();
    let (rows, count) = packed(&times);
    let height = 15 * u32::try_from(count.max(1)).unwrap_or(1) + 3;
    let top = canvas.row(height, &Label { text: name, ..Label::default() });
    let (middle, bottom) = (top + height / 2, top + height);
    if spans.is_empty() {
        canvas.draw(format_args!(
            "<line class=\"whole\" x1=\"0\" x2=\"100%\" y1=\"{middle}\" y2=\"{middle}\"/>"
        ));
    }
    for (span, row) in spans.iter().zip(rows) {
        let y = top + 2 + 15 * u32::try_from(row).unwrap_or(0);
        let look = Look { class: span.class, words: &span.words, title: &span.title };
        canvas.bar(span.span, (y, 13), &look);
    }
    canvas.draw(format_args!("<line class=\"hair\" x1=\"0\" x2=\"100%\" y1=\"{bottom}\" y2=\"{bottom}\"/>"));
}

/// Which pairs of regions a fault hurts, and how.
fn suffered(fault: &Fault, places: &Places, names: &Names) -> Vec<(Pair, (&'static str, String))> {
    let (regions, name) = (names.all_regions().len(), |node: &NodeId| names.node(*node));
    match fault {
        Fault::RegionCut { region, .. } => {
            let cut_off = usize::from(*region);
            let others = (0..regions).filter(|other| *other != cut_off);
            others.map(|other| (ordered(cut_off, other), ("cut", "cut".into()))).collect()
        }
        Fault::Partition { left, .. } => parted(left, None, places),
        Fault::Bridge { node, left } => parted(left, Some(*node), places),
        Fault::OneWay { from, to } => {
            vec![(pair_of(places, *from, *to), ("one-way", format!("{} ⇥ {} lost", name(from), name(to))))]
        }
        Fault::Clog { from, to } => {
            vec![(pair_of(places, *from, *to), ("clogged", format!("{} → {} waits", name(from), name(to))))]
        }
        Fault::Reset { a, b } => {
            vec![(pair_of(places, *a, *b), ("reset", format!("{} – {} reset", name(a), name(b))))]
        }
        Fault::Delay { extra_ms } => (0..regions)
            .flat_map(|one| (one + 1..regions).map(move |other| (one, other)))
            .map(|pair| (pair, ("delayed", format!("+{extra_ms} ms"))))
            .collect(),
        _ => Vec::new(),
    }
}

/// Counts, for each pair of regions, how many pairs of nodes are parted.
fn parted(left: &[NodeId], bridge: Option<NodeId>, places: &Places) -> Vec<(Pair, (&'static str, String))> {
    let left: BTreeSet<NodeId> = left.iter().copied().collect();
    let mut counts: BTreeMap<Pair, (u32, u32)> = BTreeMap::new();
    for (one, _) in places.all() {
        for (other, _) in places.all().filter(|(other, _)| one < *other) {
            let (cut, all) = counts.entry(pair_of(places, one, other)).or_default();
            let bridged = bridge.is_some_and(|node| node == one || node == other);
            *all += 1;
            *cut += u32::from(!bridged && left.contains(&one) != left.contains(&other));
        }
    }
    let hurt = counts.into_iter().filter(|(_, (cut, _))| *cut > 0);
    hurt.map(|(pair, (cut, all))| match cut == all {
        true => (pair, ("cut", "cut".into())),
        false => (pair, ("partly-cut", format!("{cut} of {all} cut"))),
    })
    .collect()
}

fn pair_of(places: &Places, one: NodeId, other: NodeId) -> Pair {
    ordered(places.region_of(one), places.region_of(other))
}

fn ordered(one: usize, other: usize) -> Pair {
    (one.min(other), one.max(other))
}
