//! Turns what went wrong into a page with an id and a way out, or into problem JSON (RFC 9457) for a script.

use super::csrf::whole;
use super::request_log::RequestId;
use crate::error::{Failure, WebError, kind_of};
use crate::page;
use crate::site::ChosenSite;
use crate::state::AppState;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde::Serialize;
use std::any::Any;

#[derive(Serialize)]
struct FailurePage<'a> {
    title: &'a str,
    sentence: &'a str,
    id: &'a str,
    status: u16,
    /// What was typed into the form that failed, to be sent again as it is; nothing where no form was sent.
    typed: Vec<(String, String)>,
    /// Where the form goes.
    action: &'a str,
}

/// A form as it was sent, in the extensions of the answer that it failed with.
#[derive(Clone)]
struct Typed(Bytes);

/// The bytes of a form that is sent, and the request with them.
pub async fn typed(request: Request) -> Result<(Request, Option<Bytes>), WebError> {
    let is_form = request.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    });
    if request.method() != Method::POST || !is_form {
        return Ok((request, None));
    }
    let (parts, body) = request.into_parts();
    let bytes = Bytes::from(whole(body).await?);
    let again = Request::from_parts(parts, Body::from(bytes.clone()));
    Ok((again, Some(bytes)))
}

/// Keeps what was typed into a form whose answer is that something of ours does not work: the page that says so has a
/// button that sends it again. The token in it is the one that came, so nothing is accepted that would not have been.
pub fn keep_typed(bytes: Option<Bytes>, response: &mut Response) {
    if let Some(bytes) = bytes
        && response.status().is_server_error()
    {
        response.extensions_mut().insert(Typed(bytes));
    }
}

/// Names and texts to be sent again. A password is nothing that a page should hold: such a form is typed anew.
fn typed_in(response: &Response) -> Vec<(String, String)> {
    let Some(Typed(bytes)) = response.extensions().get() else {
        return Vec::new();
    };
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(bytes).into_owned().collect();
    if pairs.iter().any(|(name, _)| name.contains("password")) {
        return Vec::new();
    }
    pairs
}

/// What has to be known of a request if its answer is a failure.
pub struct Asked {
    id: Option<RequestId>,
    chosen: Option<ChosenSite>,
    wants_json: bool,
    address: Uri,
}

impl Asked {
    pub fn of(request: &Request) -> Self {
        let accept = request.headers().get(ACCEPT);
        Self {
            id: request.extensions().get().copied(),
            chosen: request.extensions().get().cloned(),
            wants_json: accept
                .is_some_and(|accept| accept.as_bytes().starts_with(b"application/json")),
            address: request.uri().clone(),
        }
    }

    /// The response as it is, or a failure's page in its place.
    pub fn answer(&self, state: &AppState, response: Response) -> Response {
        let status = response.status();
        let failure = response.extensions().get::<Failure>().cloned();
        let failed = status.is_client_error() || status.is_server_error();
        if !failed || is_finished(&response, &failure) {
            return response;
        }
        let failure = failure.unwrap_or_else(|| Failure {
            kind: kind_of(status),
            cause: String::new(),
        });
        self.shown(state, &response, &failure)
    }

    fn shown(&self, state: &AppState, response: &Response, failure: &Failure) -> Response {
        let status = response.status();
        let id = self.id.map(|id| id.to_string()).unwrap_or_default();
        if status.is_server_error() {
            tracing::error!(request_id = %id, status = status.as_u16(), cause = %failure.cause, "request failed");
        } else {
            tracing::debug!(request_id = %id, status = status.as_u16(), cause = %failure.cause, "request refused");
        }
        let texts = state.texts();
        let action = self.address.path_and_query();
        let view = FailurePage {
            title: texts.get(&format!("errors.{}.title", failure.kind)),
            sentence: texts.get(&format!("errors.{}.sentence", failure.kind)),
            id: &id,
            status: status.as_u16(),
            typed: typed_in(response),
            action: action.map_or("", |action| action.as_str()),
        };
        let mut answer = if self.wants_json {
            problem_json(status, &view)
        } else {
            let path = self.address.path();
            match page::bare(state, self.chosen.as_ref(), "error.html", path, &view) {
                Ok(html) => (status, Html(html)).into_response(),
                Err(error) => {
                    tracing::error!(request_id = %id, %error, "the error page failed");
                    (status, view.title.to_owned()).into_response()
                }
            }
        };
        keep(response.headers(), answer.headers_mut());
        answer
    }
}

/// In the extensions of an answer that is for a machine and stays as it is, whatever its status.
#[derive(Clone, Copy)]
pub struct ForMachines;

/// A page or an answer that a handler made on purpose, such as a form with its problems.
fn is_finished(response: &Response, failure: &Option<Failure>) -> bool {
    let made = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|media_type| media_type.to_str().ok())
        .is_some_and(|m| m.starts_with("text/html") || m.contains("json") || m.contains("xml"));
    failure.is_none() && made || response.extensions().get::<ForMachines>().is_some()
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

/// A panic is a mistake of ours and ends like any other.
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
