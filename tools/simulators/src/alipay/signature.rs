//! RSA2: SHA256withRSA over the sorted, undecoded `k=v&…`.

use crate::keys::SigningKey;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::collections::BTreeMap;

/// What is signed: the fields that are not empty, sorted by name. The caller leaves out `sign`.
pub fn content<K: AsRef<str> + Ord>(fields: &BTreeMap<K, String>) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{}={value}", name.as_ref()))
        .collect();
    pairs.join("&")
}

pub fn sign(key: &SigningKey, content: &str) -> anyhow::Result<String> {
    Ok(STANDARD.encode(key.sign(content.as_bytes())?))
}

pub fn verifies(key: &SigningKey, content: &str, signature: &str) -> bool {
    STANDARD
        .decode(signature)
        .is_ok_and(|signature| key.verifies(content.as_bytes(), &signature))
}
