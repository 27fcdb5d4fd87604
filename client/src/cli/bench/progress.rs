//! One line on a terminal that says what is being measured.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::output::Output;

const TICK: Duration = Duration::from_millis(200);

/// The line; nothing where nobody watches.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows the line.
    pub(crate) fn new(output: &Output) -> Self {
        let bar = ProgressBar::new_spinner();
        if !output.is_interactive() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{elapsed}] {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// What happens now.
    pub(crate) fn step(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
