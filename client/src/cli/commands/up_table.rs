//! The nodes as they are now: in place on a terminal, a line for each change elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;

use crate::cli::cluster::{LinkReport, NodeView};
use crate::cli::output::{Output, Table};
use crate::cli::wan::LinkMode;

/// Shows the nodes again and again.
pub(super) struct LiveTable<'a> {
    output: &'a Output,
    screen: Option<(MultiProgress, Vec<ProgressBar>)>,
    last: Vec<String>,
}

impl<'a> LiveTable<'a> {
    /// Nothing shown yet.
    pub(super) fn new(output: &'a Output) -> Self {
        let screen = output.is_interactive().then(|| (MultiProgress::new(), Vec::new()));
        Self { output, screen, last: Vec::new() }
    }

    /// Shows the nodes as they are.
    pub(super) fn show(&mut self, views: &[NodeView], links: &[LinkReport]) {
        match &mut self.screen {
            Some((screen, bars)) => repaint(screen, bars, &rows(views, links)),
            None => self.print_changes(views, links),
        }
    }

    /// Something that must not be overlooked.
    pub(super) fn warn(&self, text: &str) {
        match &self.screen {
            // A terminal that cannot be written to shows nothing anyway.
            Some((screen, _)) => drop(screen.println(text)),
            None => self.output.note(text),
        }
    }

    fn print_changes(&mut self, views: &[NodeView], links: &[LinkReport]) {
        let states: Vec<String> = views.iter().map(NodeView::readiness).chain([cuts(links)]).collect();
        if states == self.last {
            return;
        }
        self.last = states;
        for row in rows(views, links) {
            self.output.line(row);
        }
        let node = |view: &NodeView| json!({ "name": view.node.name, "state": view.readiness() });
        let nodes: Vec<_> = views.iter().map(node).collect();
        self.output.json_line(&json!({ "event": "changed", "nodes": nodes, "cut": cuts(links) }));
    }
}

fn repaint(screen: &MultiProgress, bars: &mut Vec<ProgressBar>, rows: &[String]) {
    while bars.len() < rows.len() {
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        bars.push(screen.add(ProgressBar::new_spinner().with_style(style)));
    }
    for (bar, row) in bars.iter().zip(rows) {
        bar.set_message(row.clone());
        bar.tick();
    }
}

fn rows(views: &[NodeView], links: &[LinkReport]) -> Vec<String> {
    let mut table = Table::new(["NODE", "REGION", "STATE", "SESSIONS", "LAG"]);
    for view in views {
        let sessions = view.status.as_ref().map(|status| status.sessions.to_string()).unwrap_or_default();
        table.row([
            view.node.name.clone(),
            view.node.region.clone(),
            view.readiness(),
            sessions,
            format!("{} ms", view.lag_ms()),
        ]);
    }
    let mut rows = table.render();
    rows.push(format!("cut links: {}", cuts(links)));
    rows
}

fn cuts(links: &[LinkReport]) -> String {
    let cut: Vec<String> = links
        .iter()
        .filter(|link| link.mode != LinkMode::Up)
        .map(|link| format!("{} → {}", link.from, link.to))
        .collect();
    if cut.is_empty() { "none".to_owned() } else { cut.join(", ") }
}
