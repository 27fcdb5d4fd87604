//! What is printed: text for people, or one JSON document for programs.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::cli::error::CliError;

/// How results are printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// Text and tables.
    Human,
    /// JSON on standard output, nothing else there.
    Json,
}

/// The one way to print.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    /// Prints in this format.
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether a program reads the output.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Whether a person watches a terminal.
    pub(crate) fn is_interactive(&self) -> bool {
        !self.is_json() && io::stdout().is_terminal()
    }

    /// A line for people; nothing in JSON.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        if !self.is_json() {
            print(&mut io::stdout().lock(), text.as_ref());
        }
    }

    /// A table for people; nothing in JSON.
    pub(crate) fn table(&self, table: &Table) {
        for row in table.render() {
            self.line(row);
        }
    }

    /// One JSON document for programs; nothing for people.
    pub(crate) fn json(&self, value: &impl Serialize) {
        if self.is_json() {
            let text = serde_json::to_string_pretty(value).unwrap_or_default();
            print(&mut io::stdout().lock(), &text);
        }
    }

    /// One JSON document on one line, for output that goes on.
    pub(crate) fn json_line(&self, value: &impl Serialize) {
        if self.is_json() {
            let text = serde_json::to_string(value).unwrap_or_default();
            print(&mut io::stdout().lock(), &text);
        }
    }

    /// Bytes as they are, in either format.
    pub(crate) fn raw(&self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        // A reader that went away (`| head`) is no error of this command.
        let _ = out.write_all(bytes).and_then(|()| out.flush());
    }

    /// A note beside the result, on standard error.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.is_json() {
            print(&mut io::stderr().lock(), text.as_ref());
        }
    }

    /// Why the command failed, on standard error.
    pub(crate) fn error(&self, error: &CliError) {
        let text = if self.is_json() {
            error.to_json().to_string()
        } else if let CliError::Partial(partial) = error {
            let id = partial.new_id.as_ref().map(|id| format!("; the session's id is {}", id.reveal()));
            format!("partly done: {error}{}", id.unwrap_or_default())
        } else {
            format!("error: {error}")
        };
        print(&mut io::stderr().lock(), &text);
    }
}

fn print(out: &mut impl Write, text: &str) {
    // A reader that went away (`| head`) is no error of this command.
    let _ = writeln!(out, "{text}");
}

/// Columns of text, as wide as their widest cell.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines, without trailing blanks.
    pub(crate) fn render(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(|column| self.width(column)).collect();
        self.rows.iter().map(|row| render_row(row, &widths)).collect()
    }

    fn width(&self, column: usize) -> usize {
        self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

fn render_row(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        line.push_str(cell);
        let blanks = width.saturating_sub(cell.chars().count()) + 2;
        line.extend(std::iter::repeat_n(' ', blanks));
    }
    line.trim_end().to_owned()
}

/// Bytes for people: 1536 is "1.5 KiB".
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["node", "region"]);
        table.row(["eu-1".into(), "eu".into()]);
        table.row(["a-long-name".into(), "us".into()]);
        assert_eq!(table.render(), ["node         region", "eu-1         eu", "a-long-name  us"]);
    }

    #[test]
    fn width_counts_characters_not_bytes() {
        let mut table = Table::new(["ok", "x"]);
        table.row(["✓✓✓".into(), "y".into()]);
        assert_eq!(table.render(), ["ok   x", "✓✓✓  y"]);
    }

    #[test]
    fn bytes_are_readable() {
        assert_eq!(human_bytes(0), "0 B");
        assert_eq!(human_bytes(1023), "1023 B");
        assert_eq!(human_bytes(1536), "1.5 KiB");
        assert_eq!(human_bytes(5 * 1024 * 1024), "5.0 MiB");
    }
}
