//! What a response tells of its session: the cookie, and what was not kept.

use http::header::{CACHE_CONTROL, HeaderValue, SET_COOKIE};
use http::{Response, StatusCode};

use super::config::{OnEnded, SessionConfig};
use super::cookie::{removal, set};
use super::error::NotSaved;
use super::state::{CookieChange, State};

/// The response as it should be sent.
pub(super) fn complete<B: Default>(
    config: &SessionConfig,
    state: &State,
    response: Response<B>,
) -> Response<B> {
    let mut response = match state.not_saved {
        Some(problem) => refuse(config.on_ended, problem, response),
        None => response,
    };
    let cookie = match state.cookie {
        CookieChange::Keep => None,
        CookieChange::Set if !state.owns_the_cookie() => None,
        CookieChange::Set => state.content().and_then(|content| set(&config.cookie, &content)),
        CookieChange::Remove => removal(&config.cookie),
    };
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
        // A shared cache would hand this user's session to others.
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

/// A response that claims what did not happen is not sent; one that is an error already is.
fn refuse<B: Default>(on_ended: OnEnded, problem: NotSaved, mut response: Response<B>) -> Response<B> {
    let status = match problem {
        NotSaved::Ended | NotSaved::Superseded if on_ended == OnEnded::PassOn => None,
        NotSaved::Ended => Some(StatusCode::UNAUTHORIZED),
        NotSaved::Superseded => Some(StatusCode::CONFLICT),
        NotSaved::Unwritten | NotSaved::NotLoggedOut => Some(StatusCode::SERVICE_UNAVAILABLE),
    };
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if let Some(status) = status.filter(|_| !is_error) {
        response = Response::new(B::default());
        *response.status_mut() = status;
    }
    response.extensions_mut().insert(problem);
    response
}
