//! What can be wrong with a configuration.

/// A configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {detail}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        detail: String,
    },
    /// Not TOML, an unknown field, a missing field, or a wrong type.
    #[error("line {line}: {detail}")]
    Malformed {
        /// Where, from 1.
        line: usize,
        /// What.
        detail: String,
    },
    /// A value out of range.
    #[error("{field} is {actual}; allowed: {allowed}")]
    OutOfRange {
        /// For example `transport.connections_max`.
        field: String,
        /// What was given.
        actual: String,
        /// What is allowed.
        allowed: String,
    },
    /// A section that its own module refused.
    #[error("{section}: {detail}")]
    Section {
        /// For example `engine`.
        section: &'static str,
        /// The module's words.
        detail: String,
    },
    /// Any of these, in a file.
    #[error("{path}: {detail}")]
    InFile {
        /// The file.
        path: String,
        /// The error.
        detail: String,
    },
}

impl ConfigError {
    pub(super) fn in_file(self, path: &str) -> Self {
        Self::InFile { path: path.to_owned(), detail: self.to_string() }
    }

    /// Checks a number against a range.
    pub(crate) fn check_range<T: PartialOrd + std::fmt::Display>(
        field: &str,
        actual: T,
        least: T,
        most: T,
    ) -> Result<(), Self> {
        if actual >= least && actual <= most {
            return Ok(());
        }
        let allowed = format!("{least} to {most}");
        Err(Self::OutOfRange { field: field.to_owned(), actual: actual.to_string(), allowed })
    }
}
