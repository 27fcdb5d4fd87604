//! What can go wrong on the command line, and the exit code of each kind.

use std::io;
use std::path::Path;

/// A failed command. Exit codes: 1 something did not hold, 2 wrong use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The arguments or files cannot be used as they are.
    #[error("{0}")]
    Usage(String),
    /// Something did not hold; the particulars have been printed.
    #[error("{0}")]
    Broken(String),
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl CliError {
    /// An operating system error about one file.
    pub(crate) fn file(what: &str, path: &Path, source: io::Error) -> Self {
        Self::Io { what: format!("{what} {}", path.display()), source }
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Broken(_) => 1,
            Self::Usage(_) | Self::Io { .. } => 2,
        }
    }
}

impl From<sojourn_sim::Unknown> for CliError {
    fn from(unknown: sojourn_sim::Unknown) -> Self {
        Self::Usage(unknown.to_string())
    }
}
