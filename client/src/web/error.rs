//! Why a web session could not be used, and what to answer then.

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use thiserror::Error;

use crate::error::Error;

/// Why a web session could not be used.
///
/// It says nothing of ids or values. As an axum response it is 503 if trying again may
/// help, 401 or 409 for a session that was ended, and 500 for a fault of the application.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum WebError {
    /// A node refused, or could not be reached.
    #[error("the session could not be used: {0}")]
    Client(#[from] Error),
    /// The session was ended, by a logout or a time-out, while this request ran; nothing was written.
    #[error("the session was ended while the request ran; nothing was written")]
    Ended,
    /// A log-in gave the session a new id a moment ago, and this request came
    /// with the old one; nothing was written.
    #[error("the request came with an id that a log-in has just replaced; nothing was written")]
    Superseded,
    /// The response is on its way: what is changed now could not be saved.
    #[error("the session was changed after the response had been made")]
    Closed,
    /// A value cannot be written as JSON.
    #[error("the value of {name:?} cannot be written as JSON")]
    Encode {
        /// The attribute's name, or the type's.
        name: String,
    },
    /// What the session holds is not what was asked for.
    #[error("what the session holds does not fit {name:?}")]
    Decode {
        /// The attribute's name, or the type's.
        name: String,
    },
}

impl WebError {
    pub(super) fn encode(name: &str) -> Self {
        Self::Encode { name: name.to_owned() }
    }

    pub(super) fn decode(name: &str) -> Self {
        Self::Decode { name: name.to_owned() }
    }

    /// The status that tells it to whoever asked.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Ended => StatusCode::UNAUTHORIZED,
            Self::Superseded => StatusCode::CONFLICT,
            Self::Client(
                Error::InvalidArgument(_) | Error::LimitExceeded(_) | Error::PermissionDenied(_),
            )
            | Self::Closed
            | Self::Encode { .. }
            | Self::Decode { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Client(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        (self.status(), "the session could not be used\n").into_response()
    }
}

/// In a response's extensions: what its request did to the session was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSaved {
    /// The session was ended while the request ran.
    Ended,
    /// The request came with an id that a log-in had just replaced.
    Superseded,
    /// The changes could not be written; whether some node has them is not known.
    Unwritten,
    /// The logout is not certain: the session may live on until its time-outs.
    NotLoggedOut,
}
