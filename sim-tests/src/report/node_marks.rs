//! What befell a node besides its state: lost disks, clocks that are off, poison.

use super::canvas::{Canvas, Look};
use super::time::{Scale, spoken, spoken_offset};
use super::timeline::Parts;
use crate::plan::{NodeId, Plan};
use crate::prose;
use crate::record::Happening;

/// Marks of one kind that are closer than this are one, in millionths of the width.
const APART_PPM: u64 = 4_000;

/// How far a node's clock is off at the start, if it is.
pub(super) fn offset_at_start(plan: &Plan, node: NodeId) -> String {
    let offset_ms = plan.shape.clock_offsets_ms.get(usize::from(node.0)).copied().unwrap_or(0);
    if offset_ms == 0 { String::new() } else { format!("clock {}", spoken_offset(offset_ms)) }
}

struct Mark {
    at_us: u64,
    symbol: &'static str,
    text: String,
    count: u64,
}

/// Symbols on a node's lane; those that would hide each other become one.
pub(super) fn draw(canvas: &mut Canvas, parts: &Parts<'_>, node: NodeId, y: u32) {
    let mut marks: Vec<Mark> = Vec::new();
    for (at_us, happening) in &parts.outcome.timeline {
        let Some(symbol) = symbol_of(happening, node) else { continue };
        let text = prose::happened(happening, parts.plan, parts.names);
        let same = marks.iter_mut().rev().find(|mark| mark.symbol == symbol && mark.text == text);
        match same {
            Some(mark) if canvas.scale.ppm(*at_us) - canvas.scale.ppm(mark.at_us) < APART_PPM => {
                mark.count += 1;
            }
            _ => marks.push(Mark { at_us: *at_us, symbol, text, count: 1 }),
        }
    }
    for Mark { at_us, symbol, text, count } in marks {
        let times = if count > 1 { format!(", {count} times") } else { String::new() };
        canvas.mark(at_us, y, symbol, &format!("{text}{times}, at {}", spoken(at_us)));
    }
}

fn symbol_of(happening: &Happening, of: NodeId) -> Option<&'static str> {
    match happening {
        Happening::DiskLost { node, .. } if *node == of => Some("lost"),
        Happening::PoisonRefused { node } if *node == of => Some("poison-refused"),
        Happening::PoisonSpread { node } | Happening::FencingFailed { node } if *node == of => Some("bad"),
        _ => None,
    }
}

/// How far a clock is off, in steps of what is permitted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drift {
    Small,
    /// More than half of what is permitted.
    Large,
    /// More than is permitted.
    Forbidden,
}

fn drift(plan: &Plan, offset_ms: i64) -> Drift {
    let permitted_ms = plan.shape.clock_offset_ms_max;
    match offset_ms.unsigned_abs() {
        off if off > permitted_ms => Drift::Forbidden,
        off if off > permitted_ms / 2 => Drift::Large,
        _ => Drift::Small,
    }
}

/// A thin strip under the lane wherever the clock was off by much.
pub(super) fn draw_clock(canvas: &mut Canvas, parts: &Parts<'_>, node: NodeId, y: u32) {
    let name = parts.names.node(node);
    let mut open: Option<(u64, Drift, i64)> = None;
    for (at_us, happening) in &parts.outcome.timeline {
        let Happening::Sampled { node: of, sample } = happening else { continue };
        if *of != node {
            continue;
        }
        let offset_ms = sample.clock_offset_ms;
        let now = drift(parts.plan, offset_ms);
        match &mut open {
            Some((_, before, worst)) if *before == now && worst.signum() == offset_ms.signum() => {
                if offset_ms.unsigned_abs() > worst.unsigned_abs() {
                    *worst = offset_ms;
                }
            }
            _ => {
                close(canvas, open, *at_us, &name, y);
                open = Some((*at_us, now, offset_ms));
            }
        }
    }
    close(canvas, open, parts.outcome.simulated_us, &name, y);
}

fn close(canvas: &mut Canvas, open: Option<(u64, Drift, i64)>, to_us: u64, node: &str, y: u32) {
    let Some((from_us, drift, worst_ms)) = open else { return };
    let class = match drift {
        Drift::Small => return,
        Drift::Large => "clock-large",
        Drift::Forbidden => "clock-forbidden",
    };
    let off = spoken_offset(worst_ms);
    let title =
        format!("the clock of {node} was off by up to {off}, from {} to {}", spoken(from_us), spoken(to_us));
    canvas.bar((from_us, to_us), (y, 3), &Look { class, words: "", title: &title });
    let room = canvas.scale.ppm(from_us) > Scale::label_ppm(&off) + Scale::label_ppm("clock");
    let (anchor, dx) = if room { ("end", "-5") } else { ("start", "5") };
    canvas.draw(format_args!(
        "<text class=\"clock-label\" x=\"{}\" dx=\"{dx}\" y=\"{}\" text-anchor=\"{anchor}\">clock {off}</text>",
        canvas.scale.x(from_us),
        y - 4
    ));
}
