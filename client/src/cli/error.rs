//! What can go wrong on the command line, and the exit code of each kind.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sojourn_client::Partial;

/// A failed command. Exit codes: 1 failed, 2 wrong use, 3 cluster not
/// reachable, 4 refused by the cluster, 5 made, but not yet as widely as asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The arguments cannot be used as they are.
    #[error("{0}")]
    Usage(String),
    /// No cluster, or none that answers.
    #[error("{0}")]
    Unreachable(String),
    /// A node answered with an error.
    #[error("{message}")]
    Refused {
        /// For programs.
        reason: String,
        /// For people.
        message: String,
    },
    /// A write is made, but too few replicas have confirmed it.
    #[error("{0}")]
    Partial(Box<Partial>),
    /// The operating system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Checks failed that have already been printed.
    #[error("{0}")]
    ChecksFailed(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// An operating system error with what was tried.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    /// An operating system error about one file.
    pub(crate) fn file(what: &str, path: &Path, source: io::Error) -> Self {
        Self::io(format!("{what} {}", path.display()), source)
    }

    /// The process's exit code.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::Refused { .. } => 4,
            Self::Partial(_) => 5,
            Self::Io { .. } | Self::ChecksFailed(_) | Self::Failed(_) => 1,
        }
    }

    /// For programs: under `partial` what is made, under `error` anything else.
    pub(crate) fn to_json(&self) -> Json {
        let mut facts = json!({ "reason": self.kind(), "message": self.to_string() });
        let Self::Partial(partial) = self else { return json!({ "error": facts }) };
        facts["applied_regions"] = json!(partial.applied);
        facts["pending_regions"] = json!(partial.pending);
        facts["causal_token"] = STANDARD.encode(partial.token.as_bytes()).into();
        if let Some(id) = &partial.new_id {
            facts["session_id"] = id.reveal().into();
        }
        json!({ "partial": facts })
    }

    /// A word for programs.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Usage(_) => "USAGE",
            Self::Unreachable(_) => "UNREACHABLE",
            Self::Refused { reason, .. } => reason,
            Self::Partial(partial) => &partial.details.reason,
            Self::Io { .. } => "IO",
            Self::ChecksFailed(_) => "CHECKS_FAILED",
            Self::Failed(_) => "FAILED",
        }
    }
}

impl From<sojourn_client::Error> for CliError {
    fn from(error: sojourn_client::Error) -> Self {
        match error {
            sojourn_client::Error::Unavailable(_) => Self::Unreachable(format!(
                "no node could be reached: {error}; is the cluster up? `sojourn up` starts one"
            )),
            sojourn_client::Error::Partial(partial) => Self::Partial(partial),
            sojourn_client::Error::Config(error) => Self::Usage(error.to_string()),
            other => Self::Refused { reason: other.reason().to_owned(), message: other.to_string() },
        }
    }
}
