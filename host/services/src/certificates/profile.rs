//! What our certificates and lists look like (RFC 5280), and how they are put together.

use super::issuer::{IssuerError, ListEntry, ListToSign};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use der::asn1::{AnyRef, BitString, Ia5String, ObjectIdentifier};
use der::referenced::OwnedToRef;
use der::{DateTime, Encode, Tag};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use std::time::Duration;
use x509_cert::Certificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::crl::{RevokedCert, TbsCertList};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, CrlDistributionPoints, CrlNumber, CrlReason,
    ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};
use x509_cert::time::Time;
use yinxin_core::time::Millis;

const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");

/// The three kinds of certificates that the embedded issuer signs.
#[derive(Clone, Copy)]
pub(super) enum Purpose<'a> {
    Root,
    /// Signs certificates of subjects only; nothing below it may sign again.
    Issuing,
    /// A subject's: logs in and signs. The list is found at the address.
    Subject {
        list_address: &'a str,
    },
}

pub(super) struct Profile<'a> {
    pub(super) issuer: Name,
    pub(super) subject: Name,
    pub(super) purpose: Purpose<'a>,
}

impl BuilderProfile for Profile<'_> {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        issuer_key: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let subject = tbs.subject();
        let mut extensions = Vec::new();
        let issuer_id = SubjectKeyIdentifier::try_from(issuer_key)?.0;
        let authority = AuthorityKeyIdentifier {
            key_identifier: Some(issuer_id),
            ..Default::default()
        };
        let signs_certificates = !matches!(self.purpose, Purpose::Subject { .. });
        let constraints = BasicConstraints {
            ca: signs_certificates,
            path_len_constraint: matches!(self.purpose, Purpose::Issuing).then_some(0),
        };
        let usage = if signs_certificates {
            KeyUsages::KeyCertSign | KeyUsages::CRLSign
        } else {
            KeyUsages::DigitalSignature | KeyUsages::NonRepudiation
        };
        extensions
            .push((&SubjectKeyIdentifier::try_from(key)?).to_extension(subject, &extensions)?);
        extensions.push((&authority).to_extension(subject, &extensions)?);
        // Critical on every kind, as RFC 5280 demands of issuers and allows for others.
        extensions.push((true, &constraints).to_extension(subject, &extensions)?);
        extensions.push((&KeyUsage(usage)).to_extension(subject, &extensions)?);
        if let Purpose::Subject { list_address } = self.purpose {
            extensions
                .push((&ExtendedKeyUsage(vec![CLIENT_AUTH])).to_extension(subject, &extensions)?);
            let address = GeneralName::UniformResourceIdentifier(Ia5String::new(list_address)?);
            let point = DistributionPoint {
                distribution_point: Some(DistributionPointName::FullName(vec![address])),
                reasons: None,
                crl_issuer: None,
            };
            extensions
                .push((&CrlDistributionPoints(vec![point])).to_extension(subject, &extensions)?);
        }
        Ok(extensions)
    }
}

/// Seconds only: X.509 has no fractions.
pub(super) fn time(at: Millis) -> Result<Time, IssuerError> {
    let seconds = u64::try_from(at.0 / 1000).unwrap_or(0);
    let instant = DateTime::from_unix_duration(Duration::from_secs(seconds))
        .map_err(IssuerError::der("a time"))?;
    Ok(Time::from(instant))
}

/// Signs by ECDSA with SHA-256. The nonce is derived from the message (RFC 6979), so the same bytes get the same
/// signature.
pub(super) fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    let signature: DerSignature = key.sign(message);
    signature.as_bytes().to_vec()
}

/// A Certificate or CertificateList from its signed part: SEQUENCE of it, the algorithm and the signature.
pub(super) fn assemble(signed: &[u8], signature: &[u8]) -> Result<Vec<u8>, der::Error> {
    let algorithm = AlgorithmIdentifierOwned {
        oid: ECDSA_SHA256,
        parameters: None,
    };
    let mut content = signed.to_vec();
    content.extend(algorithm.to_der()?);
    content.extend(BitString::from_bytes(signature)?.to_der()?);
    AnyRef::new(Tag::Sequence, &content)?.to_der()
}

/// DER of the list, signed.
pub(super) fn revocation_list(
    issuer: &Certificate,
    key: &SigningKey,
    list: &ListToSign,
) -> Result<Vec<u8>, IssuerError> {
    const PART: &str = "the revocation list";
    let number = u64::try_from(list.number).unwrap_or(0);
    let number = CrlNumber::try_from(number).map_err(IssuerError::der(PART))?;
    let own = issuer.tbs_certificate();
    // Not by x509-cert's CrlBuilder: it names the key above the issuer's, and verifiers then do not find the list.
    let own_key = SubjectKeyIdentifier::try_from(own.subject_public_key_info().owned_to_ref());
    let own_key = own_key.map_err(IssuerError::der(PART))?.0;
    let authority = AuthorityKeyIdentifier {
        key_identifier: Some(own_key),
        ..Default::default()
    };
    let extensions = [
        (&authority)
            .to_extension(own.subject(), &[])
            .map_err(IssuerError::der(PART))?,
        (&number)
            .to_extension(own.subject(), &[])
            .map_err(IssuerError::der(PART))?,
    ];
    let entries: Vec<RevokedCert> = list.entries.iter().map(entry).collect::<Result<_, _>>()?;
    let signed = TbsCertList {
        version: Version::V2,
        signature: AlgorithmIdentifierOwned {
            oid: ECDSA_SHA256,
            parameters: None,
        },
        issuer: own.subject().clone(),
        this_update: time(list.this_update)?,
        next_update: Some(time(list.next_update)?),
        // An empty list of entries is left out altogether (RFC 5280, 5.1.2.6).
        revoked_certificates: (!entries.is_empty()).then_some(entries),
        crl_extensions: Some(extensions.to_vec()),
    };
    let signed = signed.to_der().map_err(IssuerError::der(PART))?;
    assemble(&signed, &sign(key, &signed)).map_err(IssuerError::der(PART))
}

fn entry(entry: &ListEntry) -> Result<RevokedCert, IssuerError> {
    const PART: &str = "an entry of the revocation list";
    let serial = hex::decode(&entry.serial).map_err(|error| IssuerError::Encoding {
        part: PART,
        reason: error.to_string(),
    })?;
    let reason = if entry.held {
        Some(CrlReason::CertificateHold)
    } else {
        named_reason(&entry.reason)
    };
    let extension = reason
        .map(|reason| (&reason).to_extension(&Name::default(), &[]))
        .transpose();
    Ok(RevokedCert {
        serial_number: SerialNumber::new(&serial).map_err(IssuerError::der(PART))?,
        revocation_date: time(entry.at)?,
        crl_entry_extensions: extension
            .map_err(IssuerError::der(PART))?
            .map(|extension| vec![extension]),
    })
}

/// Reasons that a plugin gives by their name in RFC 5280, 5.3.1. Anything else is unspecified, which is left out.
pub(super) fn named_reason(reason: &str) -> Option<CrlReason> {
    match reason {
        "keyCompromise" => Some(CrlReason::KeyCompromise),
        "affiliationChanged" => Some(CrlReason::AffiliationChanged),
        "superseded" => Some(CrlReason::Superseded),
        "cessationOfOperation" => Some(CrlReason::CessationOfOperation),
        "privilegeWithdrawn" => Some(CrlReason::PrivilegeWithdrawn),
        _ => None,
    }
}

/// PEM (RFC 7468): lines of 64 characters.
pub(super) fn pem(label: &str, bytes: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for (index, c) in BASE64_STANDARD.encode(bytes).chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}
