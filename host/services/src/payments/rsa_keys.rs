//! RSA keys as payment providers hand them out, and SHA256withRSA (RSASSA-PKCS1-v1_5, RFC 8017), which both use.

use base64::{Engine, engine::general_purpose::STANDARD};
use der::Decode;
use ring::rand::SystemRandom;
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// Why a configured key cannot be used. Never holds any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error(
        "no private key: PEM `PRIVATE KEY` or `RSA PRIVATE KEY`, or its base64 alone, is expected"
    )]
    Private,
    #[error("no public key: PEM `PUBLIC KEY` or `CERTIFICATE`, or its base64 alone, is expected")]
    Public,
    #[error("the APIv3 key has 32 characters")]
    ApiV3,
    #[error("no platform key is configured")]
    NoPlatformKey,
}

/// A private key.
pub(super) struct SigningKey(RsaKeyPair);

/// A public key: DER of PKCS#1's RSAPublicKey.
pub(super) struct VerifyingKey(Vec<u8>);

/// Label and content of a PEM text; without its frame the label is empty. More lenient than RFC 7468, since the
/// providers' consoles hand out keys in one long line.
fn unwrap_pem(text: &str) -> Option<(&str, Vec<u8>)> {
    let text = text.trim();
    let (label, body) = match text.strip_prefix("-----BEGIN ") {
        Some(rest) => {
            let (label, rest) = rest.split_once("-----")?;
            (label, rest.split_once("-----END")?.0)
        }
        None => ("", text),
    };
    let body: String = body
        .chars()
        .filter(|character| !character.is_whitespace())
        .collect();
    Some((label, STANDARD.decode(body).ok()?))
}

impl SigningKey {
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let (label, der) = unwrap_pem(text).ok_or(KeyError::Private)?;
        let pair = match label {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der),
            "" => RsaKeyPair::from_pkcs8(&der).or_else(|_| RsaKeyPair::from_der(&der)),
            _ => return Err(KeyError::Private),
        };
        pair.map(Self).map_err(|_| KeyError::Private)
    }

    /// base64; empty only when the system has no random numbers, and then nobody accepts it.
    pub fn sign(&self, message: &[u8]) -> String {
        let mut signature = vec![0; self.0.public().modulus_len()];
        match self.0.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            message,
            &mut signature,
        ) {
            Ok(()) => STANDARD.encode(signature),
            Err(_) => String::new(),
        }
    }
}

impl VerifyingKey {
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let (label, der) = unwrap_pem(text).ok_or(KeyError::Public)?;
        let of_info =
            |info: SubjectPublicKeyInfoRef<'_>| info.subject_public_key.raw_bytes().to_vec();
        let key = match label {
            "PUBLIC KEY" | "" => SubjectPublicKeyInfoRef::from_der(&der).map(of_info),
            "CERTIFICATE" => x509_cert::Certificate::from_der(&der).map(|certificate| {
                let info = certificate.tbs_certificate().subject_public_key_info();
                info.subject_public_key.raw_bytes().to_vec()
            }),
            _ => return Err(KeyError::Public),
        };
        key.map(Self).map_err(|_| KeyError::Public)
    }

    /// Whether `signature`, in base64, is of this key.
    pub fn verifies(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else {
            return false;
        };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0)
            .verify(message, &signature)
            .is_ok()
    }
}
