//! What stands around every request and every answer.

use crate::error::WebError;
use crate::security::failures::{self, Asked};
use crate::security::headers;
use crate::security::request_log::Line;
use crate::site;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than any page may take, gateways' slowest answers included; a live page's stream counts only until it begins.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One layer in place of six: each layer of a router is copied with all below it for every request.
pub async fn around(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let line = Line::begin(&mut request);
    site::choose(&state, &mut request);
    let asked = Asked::of(&request);
    let answer = match state.kept().asked(&state, &request) {
        Some(kept) => kept,
        None => answered(request, next).await,
    };
    let mut response = asked.answer(&state, answer);
    headers::set(state.config(), response.headers_mut());
    line.end(&mut response);
    response
}

/// The answer of the page that was asked for, whatever happens in it.
async fn answered(request: Request, next: Next) -> Response {
    // What a panic leaves half done is the request's own; locks are taken over from who panicked.
    let page = AssertUnwindSafe(next.run(request)).catch_unwind();
    match timeout(TIMEOUT, page).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => failures::from_panic(panic),
        Err(_) => WebError::Unavailable("time-out".to_owned()).into_response(),
    }
}
