//! One structured line a request: what was asked by its route, never a query's values or a body.

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use http::{HeaderValue, Method};
use std::fmt;
use std::time::Instant;
use uuid::Uuid;
use uuid::fmt::Simple;

/// Names a request in the log, in the header `x-request-id` and on an error's page.
#[derive(Clone, Copy, Debug)]
pub struct RequestId(Uuid);

impl RequestId {
    fn header(self) -> Option<HeaderValue> {
        let mut text = [0; Simple::LENGTH];
        HeaderValue::from_str(self.0.simple().encode_lower(&mut text)).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

/// The line of a request that is under way.
pub struct Line {
    started: Instant,
    id: RequestId,
    method: Method,
    route: Option<MatchedPath>,
}

impl Line {
    /// Puts the [`RequestId`] into the request's extensions.
    pub fn begin(request: &mut Request) -> Self {
        let id = RequestId(Uuid::now_v7());
        request.extensions_mut().insert(id);
        Self {
            started: Instant::now(),
            id,
            method: request.method().clone(),
            route: request.extensions().get().cloned(),
        }
    }

    pub fn end(self, response: &mut Response) {
        let milliseconds = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            target: "yinxin::request",
            request_id = %self.id,
            method = %self.method,
            route = self.route.as_ref().map_or("none", MatchedPath::as_str),
            status = response.status().as_u16(),
            ms = milliseconds,
        );
        if let Some(id) = self.id.header() {
            response.headers_mut().insert("x-request-id", id);
        }
    }
}
