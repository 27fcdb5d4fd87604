//! Who may call what: a layer around all services.

use std::future::{Ready, ready};
use std::task::{Context, Poll};

use futures::future::Either;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

use super::incoming::PeerConnection;
use crate::api::status::{Failure, Reason};
use crate::security::PeerIdentity;

/// Services that only nodes may call.
const NODE_ONLY: [&str; 2] = ["/sojourn.replication.", "/sojourn.membership."];

/// Refuses callers without an identity, and clients on internal services.
#[derive(Clone, Copy, Debug)]
pub(super) struct GuardLayer;

/// See [`GuardLayer`].
#[derive(Clone, Debug)]
pub(super) struct Guard<S> {
    inner: S,
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner }
    }
}

impl<S> Service<Request<Body>> for Guard<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Response<Body>, S::Error>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match admit(request.extensions().get::<PeerConnection>(), request.uri().path()) {
            Ok(identity) => {
                request.extensions_mut().insert(identity);
                Either::Right(self.inner.call(request))
            }
            Err(failure) => Either::Left(ready(Ok(failure.into_status().into_http()))),
        }
    }
}

fn admit(connection: Option<&PeerConnection>, path: &str) -> Result<PeerIdentity, Failure> {
    let identity = match connection.map(|connection| &connection.identity) {
        Some(Ok(identity)) => identity.clone(),
        Some(Err(reason)) => return Err(Failure::new(Reason::BadCertificate, reason.to_string())),
        None => return Err(Failure::new(Reason::BadCertificate, "no certificate was shown")),
    };
    let internal = NODE_ONLY.iter().any(|prefix| path.starts_with(prefix));
    if internal && !matches!(identity, PeerIdentity::Node { .. }) {
        let message = format!("{path} is between nodes only; {identity} may not call it");
        return Err(Failure::new(Reason::NodeCertificateRequired, message));
    }
    Ok(identity)
}
