//! A log line for each request: no cookie, no query, no form.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use sojourn_client::web::NotSaved;

pub(crate) async fn requests(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    match response.extensions().get::<NotSaved>() {
        Some(problem) => tracing::warn!(%method, path, status, ?problem, "answered"),
        None => tracing::info!(%method, path, status, "answered"),
    }
    response
}
