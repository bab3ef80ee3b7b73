//! Requests to a provider of invoices: bounded in time and size, never redirected.

use super::provider::ProviderError;
use reqwest::{Client, RequestBuilder, redirect};
use std::time::Duration;

/// Handing in an invoice takes the provider some seconds; a job waits for it, no person.
const PATIENCE: Duration = Duration::from_secs(20);
const CONNECT_PATIENCE: Duration = Duration::from_secs(4);

/// Bytes of an answer; one with a PDF's address has a few thousand.
pub(super) const ANSWER_LIMIT: usize = 1 << 20;

pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(PATIENCE)
        .connect_timeout(CONNECT_PATIENCE)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("yinxin/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends the request and reads its answer. A status other than 200 says nothing about what was done.
pub(super) async fn ask(request: RequestBuilder, limit: usize) -> Result<Vec<u8>, ProviderError> {
    // The error's own text may hold the address with its query, so only its kind is kept.
    let unreachable = |error: reqwest::Error| {
        let kind = match () {
            () if error.is_connect() => "连不上开票服务",
            () if error.is_timeout() => "开票服务超时未答复",
            () => "与开票服务的连接中断",
        };
        ProviderError::Unreachable(kind.to_owned())
    };
    let mut answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    if !status.is_success() {
        let why = format!("开票服务暂时不能使用（{}）", status.as_u16());
        return Err(ProviderError::Unreachable(why));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > limit {
            return Err(ProviderError::Malformed("过长"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
