//! Certificate requests, as a maker's tool takes them out of a key.

use anyhow::Result;
use der::EncodePem;
use der::pem::LineEnding;
use p256::ecdsa::{DerSignature, SigningKey};
use std::str::FromStr;
use x509_cert::builder::{Builder, RequestBuilder};
use x509_cert::name::Name;

/// A PKCS#10 request in PEM for a new P-256 key.
pub fn certificate_request(name: &str) -> Result<String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)?;
    let key = SigningKey::from_slice(&secret)?;
    let name = Name::from_str(&format!("CN={}", name.replace([',', '+', '"', '\\'], " ")))?;
    let request = RequestBuilder::new(name)?.build::<_, DerSignature>(&key)?;
    Ok(request.to_pem(LineEnding::LF)?)
}
