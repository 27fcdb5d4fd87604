//! The digests drawn: how many partitions differ, and which.

use super::canvas::{Canvas, Label, Look};
use super::digests::{Column, collect};
use crate::plan::Plan;
use crate::record::Outcome;

const SUMMARY_PX: u32 = 34;

/// Two rows: the number of partitions that differ, and a strip a partition.
pub(super) fn draw(canvas: &mut Canvas, plan: &Plan, outcome: &Outcome) {
    let partitions = plan.shape.partition_count as usize;
    let columns = collect(outcome, partitions, canvas.scale);
    canvas.heading("Distinct digests of partitions");
    if columns.is_empty() {
        canvas.row(18, &Label { text: "nobody looked", ..Label::default() });
        return;
    }
    draw_summary(canvas, &columns, partitions);
    canvas.gap(4);
    draw_strip(canvas, &columns, partitions);
}

fn draw_summary(canvas: &mut Canvas, columns: &[Column], partitions: usize) {
    let most = columns.iter().map(Column::differing).max().unwrap_or(0);
    let aside = format!("at most {most} of {partitions}");
    let label = Label { text: "partitions that differ", aside: &aside, ..Label::default() };
    let top = canvas.row(SUMMARY_PX, &label);
    let bottom = top + SUMMARY_PX;
    canvas.draw(format_args!("<line class=\"whole\" x1=\"0\" x2=\"100%\" y1=\"{bottom}\" y2=\"{bottom}\"/>"));
    for column in columns {
        let share = column.differing() * (SUMMARY_PX as usize - 2) / partitions.max(1);
        let share = u32::try_from(share).unwrap_or(SUMMARY_PX);
        let (class, height) =
            if column.differing() == 0 { ("equal", 3) } else { ("differing", share.max(5)) };
        let title = column.title();
        let words = if column.differing() == 0 { "equal" } else { "" };
        let span = (column.from_us, column.to_us);
        canvas.bar(span, (bottom - height, height), &Look { class, words: "", title: &title });
        if canvas.scale.fits(span.0, span.1, words) {
            let (x, y) = (canvas.scale.x(span.0), bottom - 7);
            canvas.draw(format_args!("<text class=\"quiet\" x=\"{x}\" dx=\"5\" y=\"{y}\">{words}</text>"));
        }
    }
}

/// A path for each number of digests, in a drawing of its own that stretches.
fn draw_strip(canvas: &mut Canvas, columns: &[Column], partitions: usize) {
    let row_px = u32::try_from(160 / partitions.max(1)).unwrap_or(1).clamp(2, 10);
    let height = row_px * u32::try_from(partitions).unwrap_or(1);
    let aside = if partitions > 1 { format!("0 to {}", partitions - 1) } else { "0".into() };
    let label = Label { text: "by partition", aside: &aside, ..Label::default() };
    let top = canvas.row(height.max(18), &label);
    canvas.draw(format_args!(
        "<svg x=\"0\" y=\"{top}\" width=\"100%\" height=\"{height}\" viewBox=\"0 0 100000 {partitions}\" preserveAspectRatio=\"none\">"
    ));
    for (level, class) in [(1, "d1"), (2, "d2"), (3, "d3"), (4, "d4")] {
        let path = path_of(canvas, columns, level);
        if !path.is_empty() {
            canvas.draw(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
        }
    }
    canvas.draw("</svg>");
}

fn path_of(canvas: &Canvas, columns: &[Column], level: u8) -> String {
    let mut path = String::new();
    let partitions = columns.first().map_or(0, |column| column.distinct.len());
    for partition in 0..partitions {
        let is = |column: &Column| column.distinct.get(partition).map(|count| (*count).min(4)) == Some(level);
        let mut rest = columns;
        while let Some(first) = rest.iter().position(is) {
            let run = rest[first..].iter().take_while(|column| is(column)).count();
            let (from, to) = (&rest[first], &rest[first + run - 1]);
            let left = canvas.scale.ppm(from.from_us) / 10;
            let width = (canvas.scale.ppm(to.to_us) / 10).saturating_sub(left).max(100);
            path.push_str(&format!("M{left} {partition}h{width}v1h-{width}z"));
            rest = &rest[first + run..];
        }
    }
    path
}
