//! What stands before the service: access tokens, signature, time and the header with the seller's tax number. Codes of
//! refusals begin with 07 as the real ones do; `070101` for an unknown application is documented, the others are not.

use super::{APP_KEY, InvoiceOffice, TAX_NUMBER, random_token};
use crate::signed::unix_seconds;
use axum::Form;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, body::Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// Seconds by which the envelope's time may be away.
const WINDOW: u64 = 300;
/// Seconds that a token lives.
const TOKEN_AGE: u64 = 86_400;
/// Tokens in thirty days.
const TOKENS: usize = 50;

#[derive(Default)]
pub(super) struct Tokens {
    /// By token: until when it is good.
    good: BTreeMap<String, u64>,
    given: usize,
}

impl Tokens {
    pub(super) fn given(&self) -> usize {
        self.given
    }

    pub(super) fn revoke(&mut self) {
        self.good.clear();
    }

    pub(super) fn next_month(&mut self) {
        self.given = 0;
    }
}

/// A refusal: code and words.
pub(super) type Refused = (&'static str, String);

#[derive(Deserialize)]
pub(super) struct Credentials {
    client_id: String,
    client_secret: String,
    grant_type: String,
}

pub(super) async fn access_token(
    State(office): State<Arc<InvoiceOffice>>,
    Form(given): Form<Credentials>,
) -> Response {
    let right = given.client_id == APP_KEY
        && given.client_secret == office.secrets.nuonuo
        && given.grant_type == "client_credentials";
    let mut tokens = office.tokens.lock().unwrap_or_else(PoisonError::into_inner);
    if !right || tokens.given >= TOKENS {
        let (code, words) = if right {
            ("070306", "获取令牌次数超过上限")
        } else {
            ("070304", "应用凭证有误")
        };
        return Json(json!({ "error": code, "error_description": words })).into_response();
    }
    let token = random_token();
    tokens.given += 1;
    tokens
        .good
        .insert(token.clone(), unix_seconds() + TOKEN_AGE);
    Json(json!({ "access_token": token, "expires_in": TOKEN_AGE })).into_response()
}

/// The envelope, which travels in the query.
#[derive(Deserialize)]
pub(super) struct Envelope {
    senid: String,
    nonce: String,
    timestamp: String,
    appkey: String,
}

impl InvoiceOffice {
    /// Checks everything about a call but its content.
    pub(super) fn admit(
        &self,
        envelope: &Envelope,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(), Refused> {
        let header = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default()
        };
        let refused = |code, words: &str| Err((code, words.to_owned()));
        if envelope.appkey != APP_KEY {
            return refused("070101", "获取app密钥失败或appkey无效");
        }
        let now = unix_seconds();
        let at = envelope.timestamp.parse::<u64>().unwrap_or(0);
        if at.abs_diff(now) > WINDOW {
            return refused("070102", "时间戳已过期");
        }
        let is_nonce = envelope.nonce.len() == 8
            && !envelope.nonce.starts_with('0')
            && envelope.nonce.bytes().all(|byte| byte.is_ascii_digit());
        if !is_nonce || envelope.senid.len() != 32 {
            return refused("070103", "nonce应为8位正整数，senid应为32位");
        }
        if !header("content-type").starts_with("application/json") {
            return refused("070104", "Content-type应为application/json");
        }
        let text = format!(
            "a=services&l=v1&p=open&k={}&i={}&n={}&t={}&f={}",
            envelope.appkey,
            envelope.senid,
            envelope.nonce,
            envelope.timestamp,
            String::from_utf8_lossy(body)
        );
        let key = hmac::Key::new(
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            self.secrets.nuonuo.as_bytes(),
        );
        let signature = STANDARD.decode(header("x-nuonuo-sign")).unwrap_or_default();
        if hmac::verify(&key, text.as_bytes(), &signature).is_err() {
            return refused("070201", "签名错误");
        }
        if !self.nonces.fresh(&envelope.senid, now, WINDOW) {
            return refused("070202", "请求重复");
        }
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let token = tokens.good.get(header("accesstoken"));
        if token.is_none_or(|until| *until <= now) {
            return refused("070305", "accessToken无效或已过期");
        }
        if header("usertax") != TAX_NUMBER {
            return refused("070307", "userTax与应用授权的税号不符");
        }
        Ok(())
    }
}

/// The form of every answer of the service.
pub(super) fn answer(
    result: Result<serde_json::Value, Refused>,
) -> (StatusCode, serde_json::Value) {
    let json = match result {
        Ok(json) => json,
        Err((code, words)) => json!({ "code": code, "describe": words, "result": null }),
    };
    (StatusCode::OK, json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secrets;

    const BODY: &str = r#"{"orderNos":["1"]}"#;

    fn office() -> InvoiceOffice {
        let secret = "secret".to_owned();
        InvoiceOffice::new(Secrets {
            aliyun: secret.clone(),
            tencent: secret.clone(),
            face: secret.clone(),
            courier: secret.clone(),
            nuonuo: secret,
        })
    }

    struct Call {
        envelope: Envelope,
        headers: HeaderMap,
        body: Bytes,
    }

    /// A call as a merchant makes it, with a token that is good.
    fn call(office: &InvoiceOffice, senid: char) -> Call {
        let token = "token".to_owned();
        let until = unix_seconds() + TOKEN_AGE;
        office.tokens.lock().unwrap().good.insert(token, until);
        let envelope = Envelope {
            senid: senid.to_string().repeat(32),
            nonce: "12345678".into(),
            timestamp: unix_seconds().to_string(),
            appkey: APP_KEY.into(),
        };
        let text = format!(
            "a=services&l=v1&p=open&k={APP_KEY}&i={}&n=12345678&t={}&f={BODY}",
            envelope.senid, envelope.timestamp
        );
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"secret");
        let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-nuonuo-sign", signature.as_str()),
            ("accesstoken", "token"),
            ("usertax", TAX_NUMBER),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        Call {
            envelope,
            headers,
            body: BODY.into(),
        }
    }

    fn code(office: &InvoiceOffice, call: &Call) -> &'static str {
        let admitted = office.admit(&call.envelope, &call.headers, &call.body);
        admitted.map_or_else(|(code, _)| code, |()| "")
    }

    #[test]
    fn a_call_is_admitted_once() {
        let office = office();
        let call = call(&office, 'a');
        assert_eq!(code(&office, &call), "");
        assert_eq!(code(&office, &call), "070202");
    }

    /// A code, and what is done to a call to be answered with it.
    type Tampering = (&'static str, fn(&mut Call));

    #[test]
    fn whatever_is_tampered_with_is_noticed() {
        let office = office();
        let tampered: [Tampering; 9] = [
            ("070201", |call| call.body = r#"{"orderNos":["2"]}"#.into()),
            ("070201", |call| call.envelope.senid = "b".repeat(32)),
            ("070201", |call| call.envelope.nonce = "12345679".into()),
            ("070201", |call| {
                call.headers
                    .insert("x-nuonuo-sign", "AAAA".parse().unwrap());
            }),
            ("070101", |call| call.envelope.appkey = "SD2".into()),
            ("070102", |call| {
                call.envelope.timestamp = (unix_seconds() - WINDOW - 1).to_string();
            }),
            ("070103", |call| call.envelope.nonce = "1234567".into()),
            ("070305", |call| {
                call.headers.insert("accesstoken", "other".parse().unwrap());
            }),
            ("070307", |call| {
                call.headers.insert("usertax", "other".parse().unwrap());
            }),
        ];
        for (index, (expected, tamper)) in tampered.into_iter().enumerate() {
            let senid = char::from(b'c' + u8::try_from(index).unwrap());
            let mut call = call(&office, senid);
            tamper(&mut call);
            assert_eq!(code(&office, &call), expected, "case {index}");
        }
    }
}
