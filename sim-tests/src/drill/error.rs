//! What is wrong with a drill's file.

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{detail}", place(*line))]
pub struct DrillError {
    /// Counted from 1; none if it is about the whole file.
    pub line: Option<usize>,
    /// What was given and what is allowed.
    pub detail: String,
}

fn place(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

impl DrillError {
    /// About the whole file.
    pub(super) fn whole(detail: impl Into<String>) -> Self {
        Self { line: None, detail: detail.into() }
    }

    /// About something that begins so many bytes after the start of the text.
    pub(super) fn at(text: &str, offset: usize, detail: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        Self { line: Some(1 + before.matches('\n').count()), detail: detail.into() }
    }

    /// One line, where the parser would draw a picture.
    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let detail = error.message().replace('\n', " ");
        match error.span() {
            Some(span) => Self::at(text, span.start, detail),
            None => Self::whole(detail),
        }
    }
}
