//! One structured line a request: what was asked by its route, never a query's values or a body.

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use std::time::Instant;
use uuid::Uuid;

/// Names a request in the log, in the header `x-request-id` and on an error's page.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

pub async fn record(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = Uuid::now_v7().simple().to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let mut response = next.run(request).await;
    let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(
        target: "yinxin::request",
        request_id = %id,
        method = %method,
        route = %route,
        status = response.status().as_u16(),
        ms = milliseconds,
    );
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}
