//! How far a long command is: a bar on a terminal, lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::{host, output};

/// How often a line is printed where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// The bar or the lines.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: Option<u64>,
    started: Instant,
    printed: Instant,
}

impl Progress {
    /// Starts. `what` is counted, up to a total if there is one.
    pub(crate) fn new(what: &'static str, total: Option<u64>, plain: bool) -> Self {
        let bar = (!plain && io::stderr().is_terminal()).then(|| bar(total));
        let now = host::now();
        Self { bar, what, total, started: now, printed: now }
    }

    /// How long it has taken.
    pub(crate) fn real(&self) -> Duration {
        host::now() - self.started
    }

    /// So many are done, and this is how it stands.
    pub(crate) fn show(&mut self, done: u64, status: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            bar.set_message(status());
            return;
        }
        let now = host::now();
        if now - self.printed >= LINE_INTERVAL {
            self.printed = now;
            let of = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
            output::note(format!("{done}{of} {}: {}", self.what, status()));
        }
    }

    /// A line that stays, at once.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => output::note(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "[{elapsed}] {bar:24} {pos}/{len} {msg}"),
        None => (ProgressBar::no_length(), "{spinner} [{elapsed}] {pos} {msg}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
