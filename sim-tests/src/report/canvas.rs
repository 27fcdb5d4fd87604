//! Two drawings side by side, row by row: labels that stay, and marks that scroll.

use std::fmt::Display;

use super::escape::{Escaped, shortened};
use super::time::Scale;

/// The labels' width in pixels.
pub(super) const LABELS_PX: u32 = 236;
/// As many small letters fit beside each other in the labels' width.
const LABEL_LETTERS_MAX: usize = 35;

/// The drawing so far.
pub(super) struct Canvas {
    /// Where things lie in time.
    pub(super) scale: Scale,
    labels: String,
    marks: String,
    y: u32,
}

impl Canvas {
    pub(super) fn new(scale: Scale) -> Self {
        Self { scale, labels: String::new(), marks: String::new(), y: 0 }
    }

    /// How high the drawing is, in pixels.
    pub(super) fn height(&self) -> u32 {
        self.y
    }

    /// Both drawings.
    pub(super) fn parts(self) -> (String, String) {
        (self.labels, self.marks)
    }

    /// Empty room.
    pub(super) fn gap(&mut self, pixels: u32) {
        self.y += pixels;
    }

    /// A section begins.
    pub(super) fn heading(&mut self, text: &str) {
        self.y += 14;
        let (y, text) = (self.y + 13, Escaped(text));
        self.labels.push_str(&format!("<text class=\"heading\" x=\"0\" y=\"{y}\">{text}</text>\n"));
        self.marks.push_str(&format!(
            "<line class=\"rule\" x1=\"0\" x2=\"100%\" y1=\"{0}\" y2=\"{0}\"/>\n",
            self.y
        ));
        self.y += 20;
    }

    /// A row with its label; gives its upper edge.
    pub(super) fn row(&mut self, height: u32, label: &Label<'_>) -> u32 {
        let top = self.y;
        let y = top + height / 2 + 4;
        let short = shortened(label.text, LABEL_LETTERS_MAX);
        let title = if label.title.is_empty() { label.text } else { label.title };
        let class = if label.strong { " class=\"strong\"" } else { "" };
        self.labels.push_str(&format!(
            "<text{class} x=\"10\" y=\"{y}\">{}<title>{}</title></text>\n",
            Escaped(&short),
            Escaped(title)
        ));
        if !label.aside.is_empty() {
            let (x, aside) = (LABELS_PX - 10, Escaped(label.aside));
            self.labels.push_str(&format!("<text class=\"aside\" x=\"{x}\" y=\"{y}\">{aside}</text>\n"));
        }
        self.y += height;
        top
    }

    /// A bar from one moment to another, with words in it where they fit.
    pub(super) fn bar(&mut self, (from_us, to_us): (u64, u64), (y, height): (u32, u32), look: &Look<'_>) {
        let (x, width) = (self.scale.x(from_us), self.scale.width(from_us, to_us));
        let (class, title) = (look.class, Escaped(look.title));
        self.marks.push_str(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"><title>{title}</title></rect>\n"
        ));
        if !look.words.is_empty() && self.scale.fits(from_us, to_us, look.words) {
            let (base, words) = (y + height / 2 + 4, Escaped(look.words));
            let words_class = format!("in-bar on-{class}");
            self.marks.push_str(&format!(
                "<text class=\"{words_class}\" x=\"{x}\" dx=\"5\" y=\"{base}\">{words}</text>\n"
            ));
        }
    }

    /// A symbol at a moment, its middle at `y`.
    pub(super) fn mark(&mut self, at_us: u64, y: u32, symbol: &str, title: &str) {
        let (x, title) = (self.scale.x(at_us), Escaped(title));
        self.marks.push_str(&format!(
            "<use href=\"#{symbol}\" class=\"{symbol}\" x=\"{x}\" y=\"{y}\"><title>{title}</title></use>\n"
        ));
    }

    /// Anything else that belongs to the marks.
    pub(super) fn draw(&mut self, svg: impl Display) {
        self.marks.push_str(&format!("{svg}\n"));
    }
}

/// What stands at the left of a row.
#[derive(Default)]
pub(super) struct Label<'a> {
    /// Its name.
    pub(super) text: &'a str,
    /// Something small at the label's right edge.
    pub(super) aside: &'a str,
    /// What a reader sees who points at it; the text if empty.
    pub(super) title: &'a str,
    /// It has to do with what broke.
    pub(super) strong: bool,
}

/// How a bar looks.
pub(super) struct Look<'a> {
    /// Its class in the style sheet.
    pub(super) class: &'a str,
    /// Words in the bar.
    pub(super) words: &'a str,
    /// What a reader sees who points at it.
    pub(super) title: &'a str,
}

/// Gives each span a row so that none lies over another; says how many rows there are.
pub(super) fn packed(spans: &[(u64, u64)]) -> (Vec<usize>, usize) {
    let mut free_from: Vec<u64> = Vec::new();
    let rows = spans
        .iter()
        .map(|(from, to)| {
            let row = free_from.iter().position(|free| free <= from).unwrap_or(free_from.len());
            if row == free_from.len() {
                free_from.push(0);
            }
            free_from[row] = (*to).max(from + 1);
            row
        })
        .collect();
    (rows, free_from.len())
}

#[cfg(test)]
mod tests {
    use super::packed;

    #[test]
    fn spans_that_overlap_lie_in_different_rows() {
        assert_eq!(packed(&[(0, 10), (5, 8), (8, 9), (10, 12)]), (vec![0, 1, 1, 0], 2));
        assert_eq!(packed(&[]), (vec![], 0));
    }
}
