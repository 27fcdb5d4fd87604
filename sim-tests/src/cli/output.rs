//! What is printed.

use std::io::{self, Write};

/// A line of the result, on standard output.
pub(crate) fn line(text: impl AsRef<str>) {
    print(&mut io::stdout().lock(), text.as_ref());
}

/// Lines of the result.
pub(crate) fn lines(lines: impl IntoIterator<Item = String>) {
    lines.into_iter().for_each(line);
}

/// A note beside the result, on standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    print(&mut io::stderr().lock(), text.as_ref());
}

fn print(out: &mut impl Write, text: &str) {
    // A reader that went away (`| head`) is no error of this command.
    let _ = writeln!(out, "{text}");
}

/// Columns of text, as wide as their widest cell.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new<const N: usize>(headings: [&str; N]) -> Self {
        Self { rows: vec![headings.map(str::to_owned).into()] }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// The lines, without trailing blanks.
    pub(crate) fn render(&self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let padded = |row: &Vec<String>| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}  "));
            cells.collect::<String>().trim_end().to_owned()
        };
        self.rows.iter().map(padded).collect()
    }

    /// The same for a README.
    #[cfg(any(test, feature = "planted-bugs"))]
    pub(crate) fn markdown(&self) -> Vec<String> {
        let line = |row: &Vec<String>| format!("| {} |", row.join(" | "));
        let mut lines: Vec<String> = self.rows.iter().map(line).collect();
        let columns = self.rows.first().map_or(0, Vec::len);
        lines.insert(1, format!("|{}", "---|".repeat(columns)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["plant", "seeds"]);
        table.row(["a-long-name".into(), "7".into()]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        assert_eq!(table().render(), ["plant        seeds", "a-long-name  7"]);
    }

    #[test]
    fn a_table_for_a_readme() {
        assert_eq!(table().markdown(), ["| plant | seeds |", "|---|---|", "| a-long-name | 7 |"]);
    }
}
