//! Requests to payment providers: bounded in time and size, never redirected.

use super::gateway::GatewayError;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, redirect};
use std::time::Duration;

/// Both providers answer within two seconds; a person waits at the page.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(4);

/// Bytes of an answer or a notification; real ones have a few thousand.
pub(super) const BODY_LIMIT: usize = 1 << 20;

pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(PATIENCE)
        .connect_timeout(CONNECT_PATIENCE)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("yinxin/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// An answer as it came.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Sends the request. Statuses that mean "not now" are errors already.
pub(super) async fn ask(request: RequestBuilder) -> Result<Answer, GatewayError> {
    // The error's own text may hold the address with its query, so only its kind is kept.
    let unreachable = |error: reqwest::Error| {
        let kind = if error.is_timeout() {
            "no answer in time"
        } else if error.is_connect() {
            "no connection"
        } else {
            "the connection broke"
        };
        GatewayError::Unreachable(kind.to_owned())
    };
    let mut answer = request.send().await.map_err(unreachable)?;
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(GatewayError::Malformed("it is longer than 1 MiB"));
        }
        body.extend_from_slice(&chunk);
    }
    if status >= 500 || status == 429 {
        return Err(GatewayError::Unreachable(format!("status {status}")));
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}
