//! A browser, as far as cookies go: it keeps what one host sets and shows it again.

mod app;

use std::future::Future;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use tower::ServiceExt;

pub(crate) use app::{Gate, app};

/// A user's browser. Clones are two browsers that begin with the same cookie.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    /// `name=value`.
    pub(crate) cookie: Option<String>,
}

/// What an application answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    pub(crate) set_cookie: Option<String>,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) extensions: axum::http::Extensions,
}

impl Browser {
    /// Asks an application and keeps the cookie that it sets.
    pub(crate) async fn ask(&mut self, app: &Router, path: &str) -> Answer {
        let answer = self.send(app, path).await;
        self.keep(&answer);
        answer
    }

    /// Asks with the cookie as it is now; keeping the answer's is left to the caller.
    pub(crate) fn send(&self, app: &Router, path: &str) -> impl Future<Output = Answer> + Send + 'static {
        let mut request = Request::get(path);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap());
        async move { Answer::of(response.await.unwrap()).await }
    }

    /// What a browser does with `Set-Cookie`.
    pub(crate) fn keep(&mut self, answer: &Answer) {
        let Some(set) = &answer.set_cookie else { return };
        let pair = set.split(';').next().unwrap();
        self.cookie = (!set.contains("Max-Age=0")).then(|| pair.to_owned());
    }

    /// The cookie's value.
    pub(crate) fn value(&self) -> &str {
        self.cookie.as_deref().unwrap().split_once('=').unwrap().1
    }

    /// The session's id, where the cookie is plain.
    pub(crate) fn id(&self) -> sojourn_client::SessionId {
        self.value().split('.').next().unwrap().into()
    }
}

impl Answer {
    async fn of(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let set = parts.headers.get(header::SET_COOKIE);
        Self {
            status: parts.status,
            body: String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap(),
            set_cookie: set.map(|value| value.to_str().unwrap().to_owned()),
            headers: parts.headers,
            extensions: parts.extensions,
        }
    }

    pub(crate) fn removes_the_cookie(&self) -> bool {
        self.set_cookie.as_ref().is_some_and(|set| set.contains("Max-Age=0"))
    }
}
