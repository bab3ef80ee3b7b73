//! The signature of the face check and the courier: HMAC-SHA256 with the shared secret over five lines, each ended by
//! `\n`: timestamp (Unix seconds), nonce, method, path with query, and the raw body (without an end). The headers are
//! `x-key-id`, `x-timestamp`, `x-nonce` and `x-signature` (hex). An answer is signed alike with the method `ANSWER` and
//! the request's path, and repeats the request's nonce.

use anyhow::bail;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds by which the two clocks may differ.
const WINDOW: u64 = 300;

pub const ANSWER: &str = "ANSWER";

pub fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

pub fn signature(
    secret: &str,
    timestamp: &str,
    nonce: &str,
    method: &str,
    path: &str,
    body: &[u8],
) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for line in [timestamp, nonce, method, path] {
        context.update(line.as_bytes());
        context.update(b"\n");
    }
    context.update(body);
    hex::encode(context.sign().as_ref())
}

/// The headers for a request, an answer or a notification.
pub fn headers(
    key_id: &str,
    secret: &str,
    nonce: &str,
    method: &str,
    path: &str,
    body: &[u8],
) -> HeaderMap {
    let timestamp = unix_seconds().to_string();
    let signature = signature(secret, &timestamp, nonce, method, path, body);
    let pairs = [
        ("x-key-id", key_id),
        ("x-timestamp", &timestamp),
        ("x-nonce", nonce),
        ("x-signature", &signature),
    ];
    pairs
        .into_iter()
        .filter_map(|(name, value)| {
            Some((
                HeaderName::from_static(name),
                HeaderValue::from_str(value).ok()?,
            ))
        })
        .collect()
}

/// Nonces of the last minutes: a request is taken once.
#[derive(Default)]
pub struct Nonces {
    seen: Mutex<BTreeMap<String, u64>>,
}

impl Nonces {
    /// True the first time within `window` seconds.
    pub fn fresh(&self, nonce: &str, now: u64, window: u64) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, at| *at + window >= now);
        seen.insert(nonce.to_owned(), now).is_none()
    }
}

/// Checks a request as a careful provider does; the error says what was wrong.
pub fn verify(
    (key_id, secret): (&str, &str),
    nonces: &Nonces,
    headers: &HeaderMap,
    (method, path): (&str, &str),
    body: &[u8],
) -> anyhow::Result<()> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let (timestamp, nonce) = (header("x-timestamp"), header("x-nonce"));
    if header("x-key-id") != key_id {
        bail!("unknown key id");
    }
    let now = unix_seconds();
    if timestamp
        .parse::<u64>()
        .map_or(true, |at| at.abs_diff(now) > WINDOW)
    {
        bail!("timestamp is more than {WINDOW} seconds away");
    }
    if nonce.len() < 16 {
        bail!("nonce is shorter than 16 characters");
    }
    let given = hex::decode(header("x-signature")).unwrap_or_default();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut message = format!("{timestamp}\n{nonce}\n{method}\n{path}\n").into_bytes();
    message.extend_from_slice(body);
    if hmac::verify(&key, &message, &given).is_err() {
        bail!("signature does not match");
    }
    if !nonces.fresh(nonce, now, WINDOW * 2) {
        bail!("nonce was used before");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_once_and_only_unchanged() {
        let nonces = Nonces::default();
        let signed = headers("id", "secret", "0123456789abcdef", "POST", "/x", b"body");
        assert!(verify(("id", "secret"), &nonces, &signed, ("POST", "/x"), b"bodY").is_err());
        assert!(verify(("id", "other"), &nonces, &signed, ("POST", "/x"), b"body").is_err());
        assert!(verify(("id", "secret"), &nonces, &signed, ("POST", "/y"), b"body").is_err());
        assert!(verify(("id", "secret"), &nonces, &signed, ("POST", "/x"), b"body").is_ok());
        assert!(verify(("id", "secret"), &nonces, &signed, ("POST", "/x"), b"body").is_err());
    }
}
