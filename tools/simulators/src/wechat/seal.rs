//! How WeChat Pay signs what it says and seals what a notification carries.

use crate::keys::{SigningKey, WechatKeys};
use crate::secrets::random_hex;
use crate::signed::unix_seconds;
use crate::trades::PayMode;
use anyhow::anyhow;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use ring::aead;
use serde_json::{Value, json};
use std::sync::Arc;

/// Seconds: an hour, where the merchant believes five minutes.
const OLD: u64 = 3600;

/// The resource of a notification: AES-256-GCM with the APIv3 key, nonce of 12 characters.
pub fn seal(api_v3: &str, original_type: &str, plain: &str) -> anyhow::Result<Value> {
    let nonce = random_hex::<6>()?;
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, api_v3.as_bytes())
        .map_err(|_| anyhow!("the APIv3 key has not 32 characters"))?;
    let mut sealed = plain.as_bytes().to_vec();
    aead::LessSafeKey::new(key)
        .seal_in_place_append_tag(
            aead::Nonce::try_assume_unique_for_key(nonce.as_bytes())
                .map_err(|_| anyhow!("nonce"))?,
            aead::Aad::from(original_type.as_bytes()),
            &mut sealed,
        )
        .map_err(|_| anyhow!("sealing failed"))?;
    Ok(json!({
        "original_type": original_type,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": STANDARD.encode(sealed),
        "associated_data": original_type,
        "nonce": nonce,
    }))
}

/// The headers over `TIMESTAMP\nNONCE\nBODY\n` with which answers go out.
pub fn answer_headers(keys: &WechatKeys, body: &[u8]) -> anyhow::Result<HeaderMap> {
    headers(&keys.platform, body, PayMode::Normal)
}

/// As [`answer_headers`], by somebody else's key.
pub fn forged_headers(body: &[u8]) -> anyhow::Result<HeaderMap> {
    let key = SigningKey::unknown()?;
    headers(&key, body, PayMode::Normal)
}

/// Signs a notification, well or, where the mode asks for it, badly.
pub struct Signer {
    key: Arc<SigningKey>,
    mode: PayMode,
}

impl Signer {
    pub fn new(keys: &WechatKeys, mode: PayMode) -> anyhow::Result<Self> {
        let key = match mode {
            PayMode::Forge => SigningKey::unknown()?,
            _ => Arc::clone(&keys.platform),
        };
        Ok(Self { key, mode })
    }

    pub fn headers(&self, body: &[u8]) -> anyhow::Result<HeaderMap> {
        headers(&self.key, body, self.mode)
    }
}

fn headers(key: &SigningKey, body: &[u8], mode: PayMode) -> anyhow::Result<HeaderMap> {
    let age = if mode == PayMode::Stale { OLD } else { 0 };
    let timestamp = (unix_seconds() - age).to_string();
    let nonce = random_hex::<16>()?;
    let mut message = format!("{timestamp}\n{nonce}\n").into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    let mut signature = STANDARD.encode(key.sign(&message)?);
    if mode == PayMode::Signtest {
        signature = format!("WECHATPAY/SIGNTEST/{signature}");
    }
    let pairs = [
        ("wechatpay-timestamp", timestamp.as_str()),
        ("wechatpay-nonce", &nonce),
        ("wechatpay-signature", &signature),
        ("wechatpay-signature-type", "WECHATPAY2-SHA256-RSA2048"),
        ("wechatpay-serial", WechatKeys::PLATFORM_KEY_ID),
        ("content-type", "application/json; charset=utf-8"),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value)?);
    }
    Ok(headers)
}
