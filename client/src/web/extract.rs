//! A handler's argument in axum.

use axum_core::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::session::WebSession;

/// Fails with 500 where no [`SessionLayer`](super::SessionLayer) is around the handler.
impl<S: Sync> FromRequestParts<S> for WebSession {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let missing = (StatusCode::INTERNAL_SERVER_ERROR, "no SessionLayer is around this handler\n");
        parts.extensions.get::<Self>().cloned().ok_or(missing)
    }
}
