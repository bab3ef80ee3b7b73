//! Reads a certificate (RFC 5280) from a file that somebody uploads, and verifies that an issuer of ours signed it.

use super::{request, subject};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use der::{Decode, DecodePem, Encode};
use ring::{digest, signature};
use x509_cert::Certificate;
use x509_cert::ext::pkix::BasicConstraints;
use x509_cert::time::Time;
use yinxin_core::rules::NamedValue;
use yinxin_core::time::Millis;

/// Bytes of a file. A certificate has one to three thousand, with those above it perhaps ten.
pub const FILE_LIMIT: u64 = 64 * 1024;

/// Why a file is not taken, in words for the person who uploads it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    #[error("请选择证书文件，扩展名通常为 .cer、.crt、.pem 或 .der。")]
    Empty,
    #[error("文件超过 64 KB，不是单张证书。请重新选择 .cer、.crt、.pem 或 .der 文件。")]
    TooLarge,
    #[error(
        "这个文件含有私钥，没有保存。私钥请勿交给任何人；这里只需要证书文件（.cer、.crt、.pem 或 .der）。"
    )]
    PrivateKey,
    #[error("这是证书请求，不是证书。请选择签发后下载的证书文件。")]
    Request,
    #[error("这是证书包（.p7b）。请将其中您的证书单独导出为 .cer 文件后再上传。")]
    Bundle,
    #[error(
        "无法读取这个文件。请在浏览器或证书工具中将证书导出为 .cer 文件（DER 或 Base64 均可）后再上传。"
    )]
    Unreadable,
    #[error("这是签发机构自己的证书。请选择发给您的证书。")]
    Authority,
    #[error("这张证书由“{0}”签发，不是本机构的证书。请到签发它的机构办理。")]
    OtherIssuer(String),
    #[error("证书的签名不正确，文件可能被改动或损坏。请重新导出后再上传。")]
    BadSignature,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Short names and values, in the order in which they are encoded.
    pub subject: Vec<NamedValue>,
    pub issuer: Vec<NamedValue>,
    /// lower-case hexadecimal
    pub serial: String,
    pub not_before: Millis,
    pub not_after: Millis,
    /// `P-256`, `RSA 2048`, `SM2`
    pub key: String,
    /// SHA-256 of the whole, lower-case hexadecimal.
    pub fingerprint: String,
    pub der: Vec<u8>,
}

impl Reading {
    /// Of a certificate in PEM or DER; in a file with several, the first is the one that the others vouch for.
    pub fn of(file: &[u8]) -> Result<Self, FileProblem> {
        let (der, certificate) = parse(file)?;
        Ok(Self::from_parsed(der, &certificate))
    }

    fn from_parsed(der: Vec<u8>, certificate: &Certificate) -> Self {
        let signed = certificate.tbs_certificate();
        let instant = |time: &Time| {
            let since = time.to_unix_duration().as_millis();
            Millis(i64::try_from(since).unwrap_or(i64::MAX))
        };
        Self {
            subject: subject::decode(signed.subject()),
            issuer: subject::decode(signed.issuer()),
            serial: hex::encode(signed.serial_number().as_bytes()),
            not_before: instant(&signed.validity().not_before),
            not_after: instant(&signed.validity().not_after),
            key: request::key_name(signed.subject_public_key_info()),
            fingerprint: hex::encode(digest::digest(&digest::SHA256, &der)),
            der,
        }
    }

    /// RFC 4514
    pub fn subject_text(&self) -> String {
        subject::text(&self.subject)
    }

    /// RFC 4514
    pub fn issuer_text(&self) -> String {
        subject::text(&self.issuer)
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> String {
        super::profile::pem("CERTIFICATE", &self.der)
    }
}

/// Reads a file and verifies that one of the authorities, in PEM, has signed the certificate in it. Its age does not
/// matter.
pub(super) fn verified(file: &[u8], authorities: &[String]) -> Result<Reading, FileProblem> {
    let (der, certificate) = parse(file)?;
    let signed = certificate.tbs_certificate();
    let constraints = signed.get_extension::<BasicConstraints>();
    if constraints
        .map_err(|_| FileProblem::Unreadable)?
        .is_some_and(|(_, constraints)| constraints.ca)
    {
        return Err(FileProblem::Authority);
    }
    let authorities = authorities
        .iter()
        .filter_map(|pem| Certificate::from_pem(pem.as_bytes()).ok())
        .filter(|authority| authority.tbs_certificate().subject() == signed.issuer())
        .collect::<Vec<_>>();
    if authorities.is_empty() {
        return Err(FileProblem::OtherIssuer(called(&subject::decode(
            signed.issuer(),
        ))));
    }
    // The algorithm stands twice, inside and outside of what is signed (RFC 5280, 4.1.1.2).
    if signed.signature() != certificate.signature_algorithm() {
        return Err(FileProblem::BadSignature);
    }
    if authorities
        .iter()
        .any(|authority| is_signed_by(&der, &certificate, authority))
    {
        Ok(Reading::from_parsed(der, &certificate))
    } else {
        Err(FileProblem::BadSignature)
    }
}

fn is_signed_by(der: &[u8], certificate: &Certificate, authority: &Certificate) -> bool {
    let key = authority.tbs_certificate().subject_public_key_info();
    let Ok((_, algorithm)) = request::policy(key, certificate.signature_algorithm().oid) else {
        return false;
    };
    // Over the bytes as they came, not over what we would write.
    let (Ok(signed), Some(signature)) = (
        request::signed_part(der),
        certificate.signature().as_bytes(),
    ) else {
        return false;
    };
    signature::UnparsedPublicKey::new(algorithm, key.subject_public_key.raw_bytes())
        .verify(signed, signature)
        .is_ok()
}

/// Whom people know the owner of a name as: its common name, else the organisation, else all of it.
fn called(name: &[NamedValue]) -> String {
    /// Characters that a sentence bears.
    const LONGEST: usize = 64;
    let found = ["CN", "O"]
        .iter()
        .find_map(|wanted| name.iter().find(|attribute| attribute.name == *wanted));
    let text = found.map_or_else(|| subject::text(name), |found| found.value.clone());
    text.chars().take(LONGEST).collect()
}

/// The bytes and the certificate in them.
fn parse(file: &[u8]) -> Result<(Vec<u8>, Certificate), FileProblem> {
    if file.is_empty() {
        return Err(FileProblem::Empty);
    }
    if file.len() as u64 > FILE_LIMIT {
        return Err(FileProblem::TooLarge);
    }
    let der = bytes_of(file)?;
    match Certificate::from_der(&der) {
        // What would be written must be what came, so that one certificate has one fingerprint.
        Ok(certificate) if certificate.to_der().is_ok_and(|again| again == der) => {
            Ok((der, certificate))
        }
        _ => Err(kind_of(&der)),
    }
}

/// DER as it is, or what stands between the lines of PEM.
fn bytes_of(file: &[u8]) -> Result<Vec<u8>, FileProblem> {
    let Ok(text) = std::str::from_utf8(file) else {
        return Ok(file.to_vec());
    };
    let text = text.trim_start_matches('\u{feff}');
    if text.contains("PRIVATE KEY-----") {
        return Err(FileProblem::PrivateKey);
    }
    if text.contains("-----BEGIN PKCS7-----") || text.contains("-----BEGIN CMS-----") {
        return Err(FileProblem::Bundle);
    }
    let body = text
        .split_once("-----BEGIN CERTIFICATE-----")
        .and_then(|(_, rest)| rest.split_once("-----END CERTIFICATE-----"))
        .map(|(body, _)| body);
    let body = match body {
        Some(body) => body,
        None if text.contains("CERTIFICATE REQUEST-----") => return Err(FileProblem::Request),
        None if text.contains("-----BEGIN") => return Err(FileProblem::Unreadable),
        // Some tools leave the two lines out.
        None => text,
    };
    let body: String = body.split_whitespace().collect();
    BASE64_STANDARD
        .decode(body)
        .map_err(|_| FileProblem::Unreadable)
}

/// What a file is that holds no certificate: tools export several kinds under names that people mistake for it.
fn kind_of(der: &[u8]) -> FileProblem {
    /// PFX begins with its version, 3 (RFC 7292, 4).
    const PFX: &[u8] = &[0x02, 0x01, 0x03];
    /// ContentInfo begins with the identifier of SignedData, 1.2.840.113549.1.7.2 (RFC 5652, 3 and 5.1).
    const SIGNED_DATA: &[u8] = &[
        0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x02,
    ];
    let Ok(outer) = der::asn1::AnyRef::from_der(der) else {
        return FileProblem::Unreadable;
    };
    if outer.value().starts_with(PFX) {
        FileProblem::PrivateKey
    } else if outer.value().starts_with(SIGNED_DATA) {
        FileProblem::Bundle
    } else if x509_cert::request::CertReq::from_der(der).is_ok() {
        FileProblem::Request
    } else {
        FileProblem::Unreadable
    }
}
