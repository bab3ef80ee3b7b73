//! The provider's signature: HMAC-SHA256 with the shared secret over five lines, each but the last ended by `\n`:
//! timestamp (Unix seconds), nonce, method, path with query, raw body. Headers: `x-key-id`, `x-timestamp`, `x-nonce`,
//! `x-signature` (hex). An answer is signed with the method `ANSWER` and repeats the request's nonce.

use jiff::Timestamp;
use reqwest::header::HeaderMap;
use ring::hmac;

/// Seconds by which the provider's clock may differ from ours.
const WINDOW: u64 = 300;

pub const ANSWER: &str = "ANSWER";

/// What is signed beside time and nonce.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub body: &'a [u8],
}

/// The four headers for a request of ours.
pub fn sign(
    key_id: &str,
    secret: &str,
    nonce: &str,
    signed: Signed<'_>,
) -> [(&'static str, String); 4] {
    let timestamp = Timestamp::now().as_second().to_string();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, &message(&timestamp, nonce, signed));
    [
        ("x-key-id", key_id.to_owned()),
        ("x-timestamp", timestamp),
        ("x-nonce", nonce.to_owned()),
        ("x-signature", hex::encode(signature.as_ref())),
    ]
}

/// Whether the headers prove that the provider sent this, now.
pub fn verify(key_id: &str, secret: &str, headers: &HeaderMap, signed: Signed<'_>) -> bool {
    let timestamp = header(headers, "x-timestamp");
    let now = Timestamp::now().as_second();
    let fresh = timestamp
        .parse::<i64>()
        .is_ok_and(|at| at.abs_diff(now) <= WINDOW);
    let Ok(signature) = hex::decode(header(headers, "x-signature")) else {
        return false;
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let message = message(timestamp, header(headers, "x-nonce"), signed);
    fresh
        && header(headers, "x-key-id") == key_id
        && hmac::verify(&key, &message, &signature).is_ok()
}

pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn message(timestamp: &str, nonce: &str, signed: Signed<'_>) -> Vec<u8> {
    let mut message =
        format!("{timestamp}\n{nonce}\n{}\n{}\n", signed.method, signed.path).into_bytes();
    message.extend_from_slice(signed.body);
    message
}
