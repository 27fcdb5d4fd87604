//! The middleware.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::header::COOKIE;
use http::{Request, Response};
use tower::{Layer, Service};

use super::calls::Calls;
use super::config::SessionConfig;
use super::cookie;
use super::respond::complete;
use super::session::WebSession;
use super::shared::Shared;
use crate::client::Client;
use crate::config::ConfigError;

/// Gives every request a [`WebSession`]; see the [module](super).
#[derive(Clone)]
pub struct SessionLayer {
    calls: Calls,
}

impl SessionLayer {
    /// Sessions as `config` has them.
    ///
    /// # Errors
    /// A field of `config` has a value that it must not have.
    pub fn new(client: Client, config: SessionConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        Ok(Self { calls: Calls { client, config: Arc::new(config) } })
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SessionService { inner, calls: self.calls.clone() }
    }
}

/// What [`SessionLayer`] makes of a service.
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    calls: Calls,
}

impl<S, B, R> Service<Request<B>> for SessionService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default + Send,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The clone may not be ready; the one that was asked is.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let shown = cookie::read(&self.calls.config.cookie, request.headers());
        hide_cookies(&mut request);
        let shared = Arc::new(Shared::new(self.calls.clone(), shown));
        request.extensions_mut().insert(WebSession(Arc::clone(&shared)));
        Box::pin(async move {
            let response = inner.call(request).await?;
            shared.finish(response.status().is_server_error()).await;
            let state = shared.state();
            Ok(complete(&shared.calls.config, &state, response))
        })
    }
}

/// So that no `Debug` of the headers shows them.
fn hide_cookies<B>(request: &mut Request<B>) {
    if let http::header::Entry::Occupied(mut cookies) = request.headers_mut().entry(COOKIE) {
        cookies.iter_mut().for_each(|cookie| cookie.set_sensitive(true));
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer").field("config", &self.calls.config).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService").field("config", &self.calls.config).finish_non_exhaustive()
    }
}
