//! Time at the head of the timeline: numbers, phases, and the moment an invariant broke.

use super::canvas::{Canvas, Label, packed};
use super::escape::Escaped;
use super::time::{Scale, spoken};
use crate::prose::phase_name;
use crate::record::{Happening, Outcome, Phase};

/// As many numbers as there is room for, about.
const NUMBERS: u64 = 10;
const FLAG_PX: u32 = 17;

/// A phase and when it went on.
struct PhaseSpan {
    phase: Phase,
    span: (u64, u64),
}

fn phases(outcome: &Outcome) -> Vec<PhaseSpan> {
    let mut spans: Vec<PhaseSpan> = Vec::new();
    for (at_us, happening) in &outcome.timeline {
        let Happening::Phase(phase) = happening else { continue };
        if let Some(last) = spans.last_mut() {
            last.span.1 = *at_us;
        }
        spans.push(PhaseSpan { phase: *phase, span: (*at_us, outcome.simulated_us.max(*at_us)) });
    }
    spans
}

/// Flags with the names of phases, and numbers below them.
pub(super) fn draw(canvas: &mut Canvas, outcome: &Outcome) {
    let mut flags: Vec<(u64, &str, String)> = Vec::new();
    for PhaseSpan { phase, span } in phases(outcome) {
        let words = phase_name(phase);
        let lasted = spoken(span.1.saturating_sub(span.0));
        flags.push((span.0, words, format!("{words} from {} ({lasted})", spoken(span.0))));
    }
    let scale = canvas.scale;
    let spans: Vec<(u64, u64)> =
        flags.iter().map(|(at_us, words, _)| scale.flag(*at_us, words).edges).collect();
    let (rows, count) = packed(&spans);
    let height = FLAG_PX * u32::try_from(count.max(1)).unwrap_or(1);
    let top = canvas.row(height, &Label { text: "phase", ..Label::default() });
    for ((at_us, words, title), row) in flags.iter().zip(rows) {
        let y = top + FLAG_PX * u32::try_from(row).unwrap_or(0) + 12;
        let turned = scale.flag(*at_us, words).turned;
        let (anchor, dx) = if turned { ("end", "-4") } else { ("start", "4") };
        canvas.draw(format_args!(
            "<text class=\"phase\" x=\"{}\" dx=\"{dx}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}<title>{}</title></text>",
            scale.x(*at_us),
            Escaped(title)
        ));
    }
    if let Some(violation) = &outcome.violation {
        draw_break_flag(canvas, violation.invariant, violation.at_us);
    }
    draw_numbers(canvas);
}

fn draw_break_flag(canvas: &mut Canvas, invariant: &str, at_us: u64) {
    let words = format!("{invariant} broken at {}", spoken(at_us));
    let top = canvas.row(FLAG_PX, &Label { text: "what broke", strong: true, ..Label::default() });
    let turned = canvas.scale.flag(at_us, &words).turned;
    let (anchor, dx) = if turned { ("end", "-6") } else { ("start", "6") };
    canvas.draw(format_args!(
        "<text class=\"break-flag\" x=\"{}\" dx=\"{dx}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
        canvas.scale.x(at_us),
        top + 12,
        Escaped(&words)
    ));
}

fn draw_numbers(canvas: &mut Canvas) {
    let top = canvas.row(18, &Label { text: "simulated time", ..Label::default() });
    let (step_us, fine) = step(canvas.scale.end_us());
    let fine_us = step_us / fine;
    for number in 0..=canvas.scale.end_us() / fine_us {
        let at_us = number * fine_us;
        let coarse = number % fine == 0;
        let class = if coarse { "tick" } else { "tick fine" };
        let (x, words) = (canvas.scale.x(at_us), number_words(at_us, step_us));
        let (low, high) = (top + 14, top + 18);
        canvas
            .draw(format_args!("<line class=\"{class}\" x1=\"{x}\" x2=\"{x}\" y1=\"{low}\" y2=\"{high}\"/>"));
        if canvas.scale.ppm(at_us) < 965_000 {
            let y = top + 12;
            canvas.draw(format_args!("<text class=\"{class}\" x=\"{x}\" dx=\"3\" y=\"{y}\">{words}</text>"));
        }
    }
}

/// The distance of numbers: 1, 2 or 5 by a power of ten, in human units above a minute; and its finer division.
fn step(end_us: u64) -> (u64, u64) {
    const SECOND: u64 = 1_000_000;
    const LONG: [(u64, u64); 9] = [
        (60 * SECOND, 4),
        (120 * SECOND, 4),
        (300 * SECOND, 5),
        (600 * SECOND, 5),
        (1_800 * SECOND, 6),
        (3_600 * SECOND, 4),
        (2 * 3_600 * SECOND, 4),
        (6 * 3_600 * SECOND, 6),
        (24 * 3_600 * SECOND, 4),
    ];
    let wanted = end_us / NUMBERS;
    if wanted > 30 * SECOND {
        return LONG.into_iter().find(|(step, _)| *step >= wanted).unwrap_or((end_us / NUMBERS, 4));
    }
    let mut power = 1_000;
    loop {
        for (times, fine) in [(1, 5), (2, 4), (5, 5)] {
            if power * times >= wanted {
                return (power * times, fine);
            }
        }
        power *= 10;
    }
}

fn number_words(at_us: u64, step_us: u64) -> String {
    let ms = at_us / 1_000;
    match step_us {
        0..1_000_000 => format!("{}.{:03} s", ms / 1_000, ms % 1_000),
        1_000_000..60_000_000 if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        1_000_000..60_000_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        60_000_000..3_600_000_000 => format!("{}:{:02}", ms / 60_000, ms / 1_000 % 60),
        _ => format!("{} h {:02}", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// The shading of phases and the line of the violation, over the whole height.
pub(super) fn shading(outcome: &Outcome, scale: Scale, height: u32) -> String {
    let mut svg = String::new();
    for PhaseSpan { phase, span } in phases(outcome) {
        let (x, width) = (scale.x(span.0), scale.width(span.0, span.1));
        let class = phase_name(phase);
        svg.push_str(&format!(
            "<rect class=\"p-{class}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"{height}\"/>\
             <line class=\"p-edge\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{height}\"/>\n"
        ));
    }
    svg
}

/// The moment an invariant broke.
pub(super) fn break_line(outcome: &Outcome, scale: Scale, height: u32) -> String {
    outcome.violation.as_ref().map_or_else(String::new, |violation| {
        let x = scale.x(violation.at_us);
        let title = format!("{} broken at {}", violation.invariant, spoken(violation.at_us));
        format!(
            "<line class=\"break\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{height}\"><title>{}</title></line>\n",
            Escaped(&title)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{number_words, step};

    #[test]
    fn numbers_stand_at_round_times() {
        assert_eq!(step(45_000_000), (5_000_000, 5));
        assert_eq!(step(150_000), (20_000, 4));
        assert_eq!(step(3_600_000_000), (600_000_000, 5));
        assert_eq!(number_words(2_500_000, 5_000_000), "2.5 s");
        assert_eq!(number_words(90_000_000, 60_000_000), "1:30");
    }
}
