//! What went wrong by plan: as bars, and in prose.

use std::collections::BTreeMap;

use super::canvas::{Canvas, Label, Look};
use super::escape::Escaped;
use super::target::target;
use super::time::spoken;
use crate::plan::{Fault, FaultClass, Plan};
use crate::prose::{self, Names};
use crate::record::{Happening, Outcome};

/// One fault of the plan and what became of it.
pub(super) struct FaultStory<'a> {
    /// Its index in the plan.
    pub(super) index: usize,
    pub(super) class: FaultClass,
    /// As it was planned; none if the plan does not have it.
    pub(super) fault: Option<&'a Fault>,
    pub(super) began_us: Option<u64>,
    observed_us: Option<u64>,
    ended_us: Option<u64>,
}

impl FaultStory<'_> {
    /// When it acted; one that did not end acted until the end of the run.
    pub(super) fn span(&self, end_us: u64) -> Option<(u64, u64)> {
        self.began_us.map(|began_us| (began_us, self.ended_us.unwrap_or(end_us)))
    }

    /// Its number and class.
    pub(super) fn name(&self) -> String {
        format!("#{} {}", self.index, self.class.name())
    }

    fn when(&self, end_us: u64) -> String {
        match (self.span(end_us), self.ended_us) {
            (None, _) => "it never applied".into(),
            (Some((from_us, _)), None) => format!("from {} to the end of the run", spoken(from_us)),
            (Some((from_us, to_us)), Some(_)) => {
                let lasted = spoken(to_us.saturating_sub(from_us));
                format!("from {} to {} ({lasted})", spoken(from_us), spoken(to_us))
            }
        }
    }

    fn observed(&self) -> String {
        match (self.began_us, self.observed_us) {
            (None, _) => "–".into(),
            (_, None) => "not observed".into(),
            (_, Some(at_us)) => format!("observed at {}", spoken(at_us)),
        }
    }

    fn sentence(&self, names: &Names) -> String {
        self.fault.map_or_else(|| "the plan does not have it".into(), |fault| prose::fault(fault, names))
    }
}

/// All faults of the plan, and any other that was told of.
pub(super) fn collect<'a>(plan: &'a Plan, outcome: &Outcome) -> Vec<FaultStory<'a>> {
    let planned = plan.faults.iter().enumerate();
    let mut stories: BTreeMap<usize, FaultStory<'a>> = planned
        .map(|(index, planned)| (index, new(index, planned.fault.class(), Some(&planned.fault))))
        .collect();
    for (at_us, happening) in &outcome.timeline {
        let (Happening::FaultBegan { fault, class }
        | Happening::FaultObserved { fault, class }
        | Happening::FaultEnded { fault, class }) = happening
        else {
            continue;
        };
        let story = stories.entry(*fault).or_insert_with(|| new(*fault, *class, None));
        let moment = match happening {
            Happening::FaultBegan { .. } => &mut story.began_us,
            Happening::FaultObserved { .. } => &mut story.observed_us,
            _ => &mut story.ended_us,
        };
        moment.get_or_insert(*at_us);
    }
    stories.into_values().collect()
}

fn new(index: usize, class: FaultClass, fault: Option<&Fault>) -> FaultStory<'_> {
    FaultStory { index, class, fault, began_us: None, observed_us: None, ended_us: None }
}

/// A row for each fault that began.
pub(super) fn draw(canvas: &mut Canvas, names: &Names, outcome: &Outcome, faults: &[FaultStory<'_>]) {
    canvas.heading("Faults");
    for story in faults {
        let Some(span) = story.span(outcome.simulated_us) else { continue };
        let aim = story.fault.map(|fault| target(fault, names)).unwrap_or_default();
        let text = format!("{} · {aim}", story.name());
        let when = story.when(outcome.simulated_us);
        let title = format!("{}: {}, {when}, {}", story.name(), story.sentence(names), story.observed());
        let top = canvas.row(18, &Label { text: &text, title: &title, ..Label::default() });
        let class = if story.observed_us.is_some() { "fault" } else { "fault-unseen" };
        canvas.bar(span, (top + 3, 12), &Look { class, words: "", title: &title });
        let lasted = spoken(span.1.saturating_sub(span.0));
        if canvas.scale.fits(span.0, span.1, &format!("{lasted}  ")) {
            let (x, y) = (canvas.scale.x(span.1), top + 13);
            canvas.draw(format_args!(
                "<text class=\"in-bar on-{class}\" x=\"{x}\" dx=\"-5\" y=\"{y}\" text-anchor=\"end\">{lasted}</text>"
            ));
        }
        if let Some(at_us) = story.observed_us {
            canvas.mark(at_us, top + 9, "seen", &format!("{} {}", story.name(), story.observed()));
        }
    }
    if faults.iter().all(|story| story.began_us.is_none()) {
        canvas.row(18, &Label { text: "none began", ..Label::default() });
    }
}

/// The list in prose.
pub(super) fn section(names: &Names, outcome: &Outcome, faults: &[FaultStory<'_>]) -> String {
    let mut html = String::from("<section>\n<h2>Faults</h2>\n");
    if faults.is_empty() {
        html.push_str("<p>The plan has none.</p>\n</section>\n");
        return html;
    }
    html.push_str("<ul class=\"faults\">\n");
    for story in faults {
        let (name, when) = (story.name(), story.when(outcome.simulated_us));
        let class = match (story.began_us, story.observed_us) {
            (None, _) => "idle",
            (_, None) => "unseen",
            _ => "acted",
        };
        let observed =
            if story.began_us.is_some() { format!(", {}", story.observed()) } else { String::new() };
        html.push_str(&format!(
            "<li class=\"{class}\"><b>{}</b> {}: {when}{observed}.</li>\n",
            Escaped(&name),
            Escaped(&story.sentence(names)),
        ));
    }
    html.push_str("</ul>\n</section>\n");
    html
}
