//! What both SMS providers' protocols need: digests, a client with bounds, an answer of bounded size.

use super::Failure;
use reqwest::{Client, RequestBuilder, redirect};
use ring::{digest, hmac};
use serde_json::Value;
use std::time::Duration;

/// Both providers answer within a second; what takes longer is tried again later.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer; the longest is a page of ten records.
const ANSWER_LIMIT: usize = 256 << 10;

pub fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .build()
}

pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
        .as_ref()
        .to_vec()
}

/// `host` or `host:port`, as the `Host` header has it.
pub fn authority(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Sends the request and reads the JSON of its answer, whatever its status.
pub async fn ask(request: RequestBuilder) -> Result<Value, Failure> {
    let mut answer = request.send().await.map_err(|error| {
        Failure::again(match () {
            () if error.is_connect() => "连不上短信服务商",
            () if error.is_timeout() => "短信服务商超时未答复",
            () => "与短信服务商的连接中断",
        })
    })?;
    let mut body = Vec::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|_| Failure::again("与短信服务商的连接中断"))?
    {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_LIMIT {
            return Err(Failure::again("短信服务商的答复过长"));
        }
    }
    serde_json::from_slice(&body).map_err(|_| Failure::again("短信服务商的答复无法识别"))
}

/// A text in an answer, or empty.
pub fn text<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
