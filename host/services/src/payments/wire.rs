//! Requests to payment providers: bounded in time and size, never redirected.

use super::gateway::GatewayError;
use reqwest::header::HeaderMap;
use reqwest::{Client, RequestBuilder, redirect};
use std::time::Duration;
use url::Url;

/// Both providers answer within two seconds; a person waits at the page.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_PATIENCE: Duration = Duration::from_secs(4);

/// Bytes of an answer or a notification; real ones have a few thousand.
pub(super) const BODY_LIMIT: usize = 1 << 20;

/// Bytes of a bill: some 300 for each of 200,000 payments of a day.
pub(super) const BILL_LIMIT: usize = 64 << 20;
/// Seconds that fetching one may take; nobody waits at a page, but a job has a lease of 120.
pub(super) const BILL_PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(PATIENCE)
        .connect_timeout(CONNECT_PATIENCE)
        .redirect(redirect::Policy::none())
        .user_agent(concat!("yinxin/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Refuses an address that a provider names for a bill when it is not fetched by TLS. Only the simulators, which are asked
/// without it anyway, may name themselves.
pub(super) fn vouched(url: &Url, endpoint: &Url) -> Result<(), GatewayError> {
    if url.scheme() == "https" || url.origin() == endpoint.origin() {
        Ok(())
    } else {
        Err(GatewayError::Malformed("a bill's address without TLS"))
    }
}

/// An answer as it came.
pub(super) struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Sends the request. Statuses that mean "not now" are errors already.
pub(super) async fn ask(request: RequestBuilder) -> Result<Answer, GatewayError> {
    ask_for(request, BODY_LIMIT).await
}

/// As [`ask`], for a bill.
pub(super) async fn ask_for_bill(request: RequestBuilder) -> Result<Answer, GatewayError> {
    ask_for(request.timeout(BILL_PATIENCE), BILL_LIMIT).await
}

async fn ask_for(request: RequestBuilder, limit: usize) -> Result<Answer, GatewayError> {
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
        if body.len() + chunk.len() > limit {
            return Err(GatewayError::Malformed("it is longer than allowed"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_fetched_by_tls_or_from_whom_was_asked() {
        let endpoint = Url::parse("http://127.0.0.1:9010/wechat").unwrap();
        for (address, fits) in [
            (
                "https://api.mch.weixin.qq.com/v3/billdownload/file?token=x",
                true,
            ),
            ("http://127.0.0.1:9010/bill", true),
            ("http://127.0.0.1:9011/bill", false),
            ("http://169.254.169.254/latest", false),
            ("file:///etc/passwd", false),
        ] {
            let url = Url::parse(address).unwrap();
            assert_eq!(vouched(&url, &endpoint).is_ok(), fits, "{address}");
        }
    }
}
