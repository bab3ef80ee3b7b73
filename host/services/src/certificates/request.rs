//! Reads a PKCS#10 certificate request (RFC 2986) and verifies that its sender holds the key.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Reader, SliceReader};
use ring::{digest, signature};
use x509_cert::request::CertReq;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// Characters of PEM. A request with an RSA key of 8192 bits has 3,000.
const LIMIT: usize = 16_384;
/// Bits of an RSA modulus.
const LEAST_RSA_BITS: usize = 2048;
const MOST_RSA_BITS: usize = 8192;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");

/// Why a request is not taken, in words for the person who uploads it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestProblem {
    #[error("这不是证书请求。请提交以“-----BEGIN CERTIFICATE REQUEST-----”开头的 PEM 内容。")]
    NotPem,
    #[error("证书请求过长，请确认没有选错文件。")]
    TooLong,
    #[error("证书请求不完整或已损坏。请重新生成后再提交。")]
    Damaged,
    #[error("证书请求的自签名不正确，内容可能被改动过。请重新生成后再提交。")]
    BadSignature,
    #[error("密钥种类不符合要求。请使用 P-256 椭圆曲线密钥，或 2048 位以上的 RSA 密钥。")]
    KeyKind,
    #[error("RSA 密钥有 {0} 位，要求 2048 至 8192 位。请重新生成密钥和证书请求。")]
    RsaLength(usize),
    #[error("证书请求的签名算法不符合要求。请使用 SHA-256 或更强的算法重新生成。")]
    SignatureAlgorithm,
    #[error("这个密钥已经用于另一份申请。请确认没有选错文件，或为本次申请重新生成密钥。")]
    KeyInUse,
}

/// A request whose self-signature is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminedRequest {
    /// Its PEM in normal form.
    pub pem: String,
    /// RFC 4514; told to the clerk, not used for the certificate.
    pub subject: String,
    /// `P-256` or `RSA 2048`.
    pub key: String,
    /// SHA-256 of the SubjectPublicKeyInfo, lower-case hexadecimal.
    pub key_digest: String,
    /// DER of the SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
}

/// Parses and verifies a request in PEM.
pub fn examine(pem: &str) -> Result<ExaminedRequest, RequestProblem> {
    if pem.len() > LIMIT {
        return Err(RequestProblem::TooLong);
    }
    let bytes = decode_pem(pem)?;
    let request = CertReq::from_der(&bytes).map_err(|_| RequestProblem::Damaged)?;
    let key = &request.info.public_key;
    let (key_name, algorithm) = policy(key, request.algorithm.oid)?;
    // The signature is over the bytes as they came, not over what we would write.
    let signed = signed_part(&bytes).map_err(|_| RequestProblem::Damaged)?;
    let signature = request
        .signature
        .as_bytes()
        .ok_or(RequestProblem::Damaged)?;
    signature::UnparsedPublicKey::new(algorithm, key.subject_public_key.raw_bytes())
        .verify(signed, signature)
        .map_err(|_| RequestProblem::BadSignature)?;
    let public_key = key.to_der().map_err(|_| RequestProblem::Damaged)?;
    Ok(ExaminedRequest {
        pem: super::profile::pem("CERTIFICATE REQUEST", &bytes),
        subject: request.info.subject.to_string(),
        key: key_name,
        key_digest: hex::encode(digest::digest(&digest::SHA256, &public_key)),
        public_key,
    })
}

/// The bytes between the lines; programs differ in line length and line ends.
fn decode_pem(pem: &str) -> Result<Vec<u8>, RequestProblem> {
    let body = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]
        .into_iter()
        .find_map(|label| {
            let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
            let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
            Some(body)
        });
    let body: String = body
        .ok_or(RequestProblem::NotPem)?
        .split_whitespace()
        .collect();
    BASE64_STANDARD
        .decode(body)
        .map_err(|_| RequestProblem::Damaged)
}

/// The first element of a SEQUENCE, as the bytes came: what a signature of a request or a certificate is over.
pub(super) fn signed_part(request: &[u8]) -> Result<&[u8], der::Error> {
    let outer = AnyRef::from_der(request)?;
    let mut reader = SliceReader::new(outer.value())?;
    reader.tlv_bytes()
}

/// Which keys and signatures are taken: the key in words, and how it verifies.
pub(super) fn policy(
    key: &SubjectPublicKeyInfoOwned,
    signature: ObjectIdentifier,
) -> Result<(String, &'static dyn signature::VerificationAlgorithm), RequestProblem> {
    match key.algorithm.oid {
        EC_PUBLIC_KEY => {
            let curve = key.algorithm.parameters.as_ref();
            let curve = curve.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
            if curve != Some(P256) {
                return Err(RequestProblem::KeyKind);
            }
            let algorithm: &dyn signature::VerificationAlgorithm = match signature {
                ECDSA_SHA256 => &signature::ECDSA_P256_SHA256_ASN1,
                ECDSA_SHA384 => &signature::ECDSA_P256_SHA384_ASN1,
                _ => return Err(RequestProblem::SignatureAlgorithm),
            };
            Ok(("P-256".to_owned(), algorithm))
        }
        RSA => {
            let bits = modulus_bits(key.subject_public_key.raw_bytes())
                .map_err(|_| RequestProblem::Damaged)?;
            if !(LEAST_RSA_BITS..=MOST_RSA_BITS).contains(&bits) {
                return Err(RequestProblem::RsaLength(bits));
            }
            let algorithm: &dyn signature::VerificationAlgorithm = match signature {
                RSA_SHA256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                RSA_SHA384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                RSA_SHA512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                _ => return Err(RequestProblem::SignatureAlgorithm),
            };
            Ok((format!("RSA {bits}"), algorithm))
        }
        _ => Err(RequestProblem::KeyKind),
    }
}

/// The kind of a key in words, also of one that we would not take.
pub(super) fn key_name(key: &SubjectPublicKeyInfoOwned) -> String {
    const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
    const SM2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    match (key.algorithm.oid, curve) {
        (EC_PUBLIC_KEY, Some(P256)) => "P-256".to_owned(),
        (EC_PUBLIC_KEY, Some(P384)) => "P-384".to_owned(),
        (EC_PUBLIC_KEY, Some(SM2)) => "SM2".to_owned(),
        (RSA, _) => match modulus_bits(key.subject_public_key.raw_bytes()) {
            Ok(bits) => format!("RSA {bits}"),
            Err(_) => "RSA".to_owned(),
        },
        (other, _) => other.to_string(),
    }
}

/// Length of the first integer of an RSAPublicKey (RFC 8017, A.1.1).
fn modulus_bits(key: &[u8]) -> Result<usize, der::Error> {
    let outer = AnyRef::from_der(key)?;
    let mut reader = SliceReader::new(outer.value())?;
    let modulus: UintRef<'_> = reader.decode()?;
    let bytes = modulus.as_bytes();
    let unused = bytes
        .first()
        .map_or(0, |first| first.leading_zeros() as usize);
    Ok((bytes.len() * 8).saturating_sub(unused))
}
