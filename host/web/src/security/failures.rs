//! Turns what went wrong into a page with an id and a way out, or into problem JSON (RFC 9457) for a script.

use super::request_log::RequestId;
use crate::error::{Failure, WebError, kind_of};
use crate::page;
use crate::site::ChosenSite;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use std::any::Any;

#[derive(Serialize)]
struct FailurePage<'a> {
    title: &'a str,
    sentence: &'a str,
    id: &'a str,
    status: u16,
}

pub async fn show(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    let chosen = request.extensions().get::<ChosenSite>().cloned();
    let wants_json = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.starts_with("application/json"));
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status();
    let failure = response.extensions().get::<Failure>().cloned();
    if !(status.is_client_error() || status.is_server_error()) || is_finished(&response, &failure) {
        return response;
    }
    let failure = failure.unwrap_or_else(|| Failure {
        kind: kind_of(status),
        cause: String::new(),
    });
    if status.is_server_error() {
        tracing::error!(request_id = %id, status = status.as_u16(), cause = %failure.cause, "request failed");
    } else {
        tracing::debug!(request_id = %id, status = status.as_u16(), cause = %failure.cause, "request refused");
    }
    let texts = state.texts();
    let view = FailurePage {
        title: texts.get(&format!("errors.{}.title", failure.kind)),
        sentence: texts.get(&format!("errors.{}.sentence", failure.kind)),
        id: &id,
        status: status.as_u16(),
    };
    let kept = response.headers().clone();
    let mut answer = if wants_json {
        problem_json(status, &view)
    } else {
        match page::bare(&state, chosen.as_ref(), "error.html", &path, &view) {
            Ok(html) => (status, Html(html)).into_response(),
            Err(error) => {
                tracing::error!(request_id = %id, %error, "the error page failed");
                (status, view.title.to_owned()).into_response()
            }
        }
    };
    keep(&kept, answer.headers_mut());
    answer
}

/// A page or an answer that a handler made on purpose, such as a form with its problems.
fn is_finished(response: &Response, failure: &Option<Failure>) -> bool {
    let made = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|media_type| media_type.to_str().ok())
        .is_some_and(|m| m.starts_with("text/html") || m.contains("json") || m.contains("xml"));
    failure.is_none() && made
}

fn problem_json(status: StatusCode, view: &FailurePage<'_>) -> Response {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": view.title,
        "status": view.status,
        "detail": view.sentence,
        "sentence": view.sentence,
        "instance": view.id,
    });
    let media_type = HeaderValue::from_static("application/problem+json");
    (status, [(CONTENT_TYPE, media_type)], body.to_string()).into_response()
}

/// What the failed answer said beside its body.
fn keep(from: &HeaderMap, to: &mut HeaderMap) {
    for name in ["retry-after", "allow", "set-cookie"] {
        for value in from.get_all(name) {
            if let Ok(name) = name.parse::<http::HeaderName>() {
                to.append(name, value.clone());
            }
        }
    }
}

/// For `CatchPanicLayer`: a panic is a mistake of ours and ends like any other.
pub fn from_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let what = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    WebError::Internal(format!("panic: {what}")).into_response()
}

pub async fn unknown_path() -> WebError {
    WebError::NotFound
}
