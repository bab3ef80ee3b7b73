//! Two SMS providers behind one address: Aliyun's API and Tencent Cloud's, told apart by the scheme of `Authorization`
//! as each client posts to `/`. What is sent lands on one phone, which the page `/sms` shows.

mod aliyun;
mod phone;
mod templates;
mod tencent;

pub use phone::Text;
pub use templates::Template;

use crate::misbehave::{self, Misbehaviour, Mode, Turn};
use crate::secrets::Secrets;
use crate::signed::Nonces;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use phone::Phone;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use templates::Templates;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Aliyun,
    Tencent,
}

/// Both providers and the phone.
pub struct Sms {
    secrets: Secrets,
    nonces: Nonces,
    templates: Templates,
    phone: Phone,
    pub misbehaviour: Arc<Misbehaviour>,
}

/// One request as the signature sees it.
struct Call<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

impl Call<'_> {
    /// A header's value without the blanks around it, or empty.
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .trim()
    }

    /// `name:value\n` for each of `names`.
    fn canonical_headers(&self, names: &[&str]) -> String {
        names
            .iter()
            .map(|name| format!("{name}:{}\n", self.header(name)))
            .collect()
    }
}

impl Sms {
    pub fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            nonces: Nonces::default(),
            templates: Templates::default(),
            phone: Phone::default(),
            misbehaviour: Arc::default(),
        }
    }

    /// What the phone has received, oldest first.
    pub fn texts(&self) -> Vec<Text> {
        self.phone.texts()
    }

    /// Registers a text, as a CA does with its provider beforehand. With the first one of a provider, that provider
    /// refuses codes it does not know; until then it takes every well-formed one.
    pub fn register(&self, template: Template) {
        self.templates.register(template);
    }

    /// Takes an accepted text to the phone as the temper says.
    fn deliver(&self, text: Text, turn: &Turn) {
        if turn.mode == Mode::Repeat {
            self.phone.receive(text.clone());
        }
        self.phone.receive(text);
    }
}

pub fn routes(sms: Arc<Sms>) -> Router {
    Router::new()
        .route("/", post(api))
        .route("/sms", get(phone::page))
        .route("/control/sms", get(phone::list).delete(phone::clear))
        .route("/control/sms/templates", post(templates::register))
        .with_state(sms.clone())
        .merge(misbehave::control("sms", "/sms", sms.misbehaviour.clone()))
}

async fn api(
    State(sms): State<Arc<Sms>>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = Call {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        headers: &headers,
        body: &body,
    };
    let scheme = call
        .header("authorization")
        .split(' ')
        .next()
        .unwrap_or_default();
    let is_aliyun = scheme.starts_with("ACS3-") || headers.contains_key("x-acs-action");
    let turn = sms.misbehaviour.turn();
    let answer = if is_aliyun {
        aliyun::answer(&sms, &call, &turn)
    } else {
        tencent::answer(&sms, &call, &turn)
    };
    match turn.mode {
        Mode::Drop => return misbehave::broken_answer(),
        // A captive portal or a wrong proxy answers in the provider's place.
        Mode::Forge => {
            return (
                [(header::CONTENT_TYPE, "text/html")],
                "<html><body>OK</body></html>",
            )
                .into_response();
        }
        Mode::Delay => tokio::time::sleep(turn.delay).await,
        Mode::Normal | Mode::Repeat | Mode::Error => {}
    }
    let (status, json) = answer;
    (status, axum::Json(json)).into_response()
}

/// Status and body of an answer.
type Answer = (StatusCode, serde_json::Value);

fn request_id() -> String {
    crate::secrets::random_hex::<16>()
        .unwrap_or_default()
        .to_uppercase()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// `key=value` pairs of an `Authorization` header after its scheme.
fn authorization_part<'a>(authorization: &'a str, name: &str) -> &'a str {
    let parts = authorization.split_once(' ').map_or("", |(_, rest)| rest);
    parts
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
        .unwrap_or_default()
}
