//! The seam to the face check's provider, and the one that speaks HTTP:
//!
//! | call | body | answer |
//! |---|---|---|
//! | `POST /face/v1/sessions` | `{name, id_number, reference, return_url, notify_url}` | `{session, page_url}` |
//! | `GET /face/v1/sessions/{session}` | | `{session, reference, result}` |
//! | `POST {notify_url}`, by the provider | `{session, reference, result}` | `success` |

use super::signature::{self, ANSWER, Signed};
use async_trait::async_trait;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, redirect};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use url::Url;

/// A person with a phone waits for it.
const PATIENCE: Duration = Duration::from_secs(8);

/// Bytes of an answer.
const ANSWER_LIMIT: usize = 64 << 10;

/// Why the provider did not help.
#[derive(Debug, thiserror::Error)]
pub enum FaceError {
    /// It did not answer, or said that it is busy: try again later.
    #[error("the identity provider does not answer")]
    Unavailable,
    /// It refused the request; carries its code.
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// What claims to come from it is not signed by it, or is about something else.
    #[error("the message is not the identity provider's")]
    Forged,
}

/// What is asked of the provider.
pub struct Visit<'a> {
    pub name: &'a str,
    pub identity_number: &'a str,
    /// Our own number of the visit; the result repeats it.
    pub reference: &'a str,
    pub return_url: &'a str,
    pub notify_url: &'a str,
}

/// A visit that the provider has opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub provider_no: String,
    /// Where the phone goes.
    pub page_url: String,
}

/// Whose result a report is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub reference: String,
    pub provider_no: String,
}

/// What the provider says of a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Report {
    /// The person is still at it.
    Open,
    Passed,
    Failed,
    /// The person went away.
    Closed,
}

impl Report {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Closed => "closed",
        }
    }
}

/// A notification as it came over the wire.
pub struct Notification<'a> {
    /// Path and query of the request.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// A provider of face checks.
#[async_trait]
pub trait FaceCheck: Send + Sync {
    /// Opens a visit.
    async fn begin(&self, visit: &Visit<'_>) -> Result<Opened, FaceError>;

    /// Asks for the result of a visit by the provider's number.
    async fn result(&self, provider_no: &str) -> Result<(About, Report), FaceError>;

    /// Reads a notification whose signature is the provider's.
    fn read(&self, notification: &Notification<'_>) -> Result<(About, Report), FaceError>;
}

/// A CA's account with the provider.
#[derive(Clone)]
pub struct FaceAccount {
    /// `https://face.example.cn/`
    pub endpoint: Url,
    pub key_id: String,
    pub secret: String,
}

/// The provider over HTTP.
pub struct HttpFaceCheck {
    account: FaceAccount,
    client: Client,
}

#[derive(Deserialize)]
struct OpenedAnswer {
    session: String,
    page_url: String,
}

#[derive(Deserialize)]
struct ReportBody {
    session: String,
    reference: String,
    result: Report,
}

impl HttpFaceCheck {
    /// An error when the system's certificates or random source cannot be used.
    pub fn new(account: FaceAccount) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Self { account, client })
    }

    /// One signed call; the body of its signed answer.
    async fn call(&self, method: Method, path: &str, body: String) -> Result<Vec<u8>, FaceError> {
        let url = self
            .account
            .endpoint
            .join(path)
            .map_err(|_| FaceError::Refused("address".into()))?;
        let nonce = uuid::Uuid::new_v4().simple().to_string();
        let signed = Signed {
            method: method.as_str(),
            path: url.path(),
            body: body.as_bytes(),
        };
        let headers = signature::sign(&self.account.key_id, &self.account.secret, &nonce, signed);
        let path = url.path().to_owned();
        let mut request = self
            .client
            .request(method, url)
            .header("content-type", "application/json")
            .body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = request.send().await.map_err(|_| FaceError::Unavailable)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|_| FaceError::Unavailable)? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_LIMIT {
                return Err(FaceError::Unavailable);
            }
        }
        if status.is_server_error() {
            return Err(FaceError::Unavailable);
        }
        if !status.is_success() {
            return Err(FaceError::Refused(status.as_u16().to_string()));
        }
        let signed = Signed {
            method: ANSWER,
            path: &path,
            body: &body,
        };
        let genuine =
            signature::verify(&self.account.key_id, &self.account.secret, &headers, signed)
                && signature::header(&headers, "x-nonce") == nonce;
        if genuine {
            Ok(body)
        } else {
            Err(FaceError::Forged)
        }
    }
}

fn report(body: &[u8]) -> Result<(About, Report), FaceError> {
    let read: ReportBody = serde_json::from_slice(body).map_err(|_| FaceError::Forged)?;
    Ok((
        About {
            reference: read.reference,
            provider_no: read.session,
        },
        read.result,
    ))
}

#[async_trait]
impl FaceCheck for HttpFaceCheck {
    async fn begin(&self, visit: &Visit<'_>) -> Result<Opened, FaceError> {
        let body = json!({
            "name": visit.name, "id_number": visit.identity_number, "reference": visit.reference,
            "return_url": visit.return_url, "notify_url": visit.notify_url,
        });
        let answer = self
            .call(Method::POST, "/face/v1/sessions", body.to_string())
            .await?;
        let answer: OpenedAnswer =
            serde_json::from_slice(&answer).map_err(|_| FaceError::Unavailable)?;
        Ok(Opened {
            provider_no: answer.session,
            page_url: answer.page_url,
        })
    }

    async fn result(&self, provider_no: &str) -> Result<(About, Report), FaceError> {
        let answer = self
            .call(
                Method::GET,
                &format!("/face/v1/sessions/{provider_no}"),
                String::new(),
            )
            .await?;
        report(&answer)
    }

    fn read(&self, notification: &Notification<'_>) -> Result<(About, Report), FaceError> {
        let signed = Signed {
            method: "POST",
            path: notification.path,
            body: notification.body,
        };
        if !signature::verify(
            &self.account.key_id,
            &self.account.secret,
            notification.headers,
            signed,
        ) {
            return Err(FaceError::Forged);
        }
        report(notification.body)
    }
}
