//! The embedded issuer: a root and an issuing authority of P-256 keys, made once for a site by the operator's command.
//! Its keys lie sealed in the database.

use super::issuer::{Issuer, IssuerError, ListToSign, Prepared, Signed, Wish};
use super::profile::{self, Profile, Purpose};
use super::subject;
use async_trait::async_trait;
use der::{Decode, DecodePem};
use jiff::{Span, civil::Date};
use p256::SecretKey;
use p256::ecdsa::SigningKey;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::collections::BTreeMap;
use std::sync::Arc;
use x509_cert::Certificate;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Validity;
use yinxin_core::ids::SiteId;
use yinxin_core::rules::NamedValue;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::issuers::{self, IssuerKey};
use yinxin_store::{Store, StoreError, seal::Sealer};

const ROOT: &str = "root";
const ISSUING: &str = "issuing";

/// The root outlives two issuing authorities, an issuing authority the longest certificate (5 years).
const ROOT_YEARS: i64 = 20;
const ISSUING_YEARS: i64 = 10;
/// A certificate holds from a little before now, because clocks of offices are late.
const BACKDATE_SECONDS: i64 = 300;
/// Bytes of a serial: 128 random bits behind a byte that makes it positive. RFC 5280 allows 20 bytes, the CA/Browser Forum
/// asks for 64 random bits.
const SERIAL_BYTES: usize = 17;
const MONTHS: std::ops::RangeInclusive<u32> = 1..=60;

/// What the two authorities of a site are called.
#[derive(Clone, Debug)]
pub struct IssuerNames {
    /// `O` of both.
    pub organisation: String,
    /// `CN` of the root.
    pub root: String,
    /// `CN` of the issuing authority.
    pub issuing: String,
}

#[derive(Clone)]
pub struct EmbeddedIssuer {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    /// Where each site's revocation list is found, as it stands in the certificates.
    list_addresses: BTreeMap<SiteId, String>,
}

/// A key ready for use.
struct Authority {
    certificate: Certificate,
    key: SigningKey,
}

impl EmbeddedIssuer {
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        list_addresses: BTreeMap<SiteId, String>,
    ) -> Self {
        Self {
            store,
            sealer,
            clock,
            list_addresses,
        }
    }

    /// Makes root and issuing authority of a site. False when it has them: a key is never replaced by this.
    pub async fn establish(&self, site: &SiteId, names: &IssuerNames) -> Result<bool, IssuerError> {
        let now = self.clock.now();
        let name = |common: &str| {
            let attribute = |name: &str, value: &str| NamedValue {
                name: name.into(),
                value: value.into(),
            };
            subject::encode(&[
                attribute("C", "CN"),
                attribute("O", &names.organisation),
                attribute("CN", common),
            ])
        };
        let (root_name, issuing_name) = (name(&names.root)?, name(&names.issuing)?);
        let (root_key, issuing_key) = (generate_key()?, generate_key()?);
        let root_profile = Profile {
            issuer: root_name.clone(),
            subject: root_name.clone(),
            purpose: Purpose::Root,
        };
        let root = self_made(root_profile, &root_key, &root_key, now, ROOT_YEARS)?;
        let issuing_profile = Profile {
            issuer: root_name,
            subject: issuing_name,
            purpose: Purpose::Issuing,
        };
        let issuing = self_made(issuing_profile, &issuing_key, &root_key, now, ISSUING_YEARS)?;
        let mut tx = self.store.begin().await?;
        for (role, certificate, key) in [(ROOT, root, &root_key), (ISSUING, issuing, &issuing_key)]
        {
            let private_key = key
                .to_pkcs8_der()
                .map_err(|error| unreadable("a new key", error))?;
            let key = IssuerKey {
                certificate,
                private_key: private_key.as_bytes().to_vec(),
            };
            if !issuers::insert_issuer_key(&mut tx, &self.sealer, site, role, &key, now).await? {
                return Ok(false);
            }
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(true)
    }

    async fn key(&self, site: &SiteId, role: &str) -> Result<IssuerKey, IssuerError> {
        let mut conn = self.store.read().await?;
        let key = issuers::issuer_key(&mut conn, &self.sealer, site, role).await?;
        key.ok_or_else(|| IssuerError::NotEstablished(site.clone()))
    }

    async fn issuing(&self, site: &SiteId) -> Result<Authority, IssuerError> {
        let stored = self.key(site, ISSUING).await?;
        let certificate = Certificate::from_pem(stored.certificate.as_bytes());
        let key = SecretKey::from_pkcs8_der(&stored.private_key);
        Ok(Authority {
            certificate: certificate.map_err(IssuerError::der("the issuing certificate"))?,
            key: SigningKey::from(key.map_err(|error| unreadable("the issuing key", error))?),
        })
    }
}

#[async_trait]
impl Issuer for EmbeddedIssuer {
    async fn prepare(&self, site: &SiteId, wish: &Wish) -> Result<Prepared, IssuerError> {
        const PART: &str = "the certificate";
        if !MONTHS.contains(&wish.months) {
            return Err(IssuerError::Months(wish.months));
        }
        let authority = self.issuing(site).await?;
        let now = self.clock.now();
        let not_before = Millis(now.0 - now.0.rem_euclid(1000)).plus(-BACKDATE_SECONDS);
        let not_after = end_of(later(now, Span::new().months(i64::from(wish.months)))?);
        let issuer_ends = authority
            .certificate
            .tbs_certificate()
            .validity()
            .not_after
            .to_unix_duration();
        let issuer_ends = Millis(i64::try_from(issuer_ends.as_millis()).unwrap_or(i64::MAX));
        if not_after > issuer_ends {
            return Err(IssuerError::Outlives {
                not_after: issuer_ends,
            });
        }
        let list_address = self.list_addresses.get(site);
        let list_address = list_address.ok_or_else(|| IssuerError::NoListAddress(site.clone()))?;
        let profile = Profile {
            issuer: authority.certificate.tbs_certificate().subject().clone(),
            subject: subject::encode(&wish.subject)?,
            purpose: Purpose::Subject { list_address },
        };
        let serial = random_serial()?;
        let public_key = SubjectPublicKeyInfoOwned::from_der(&wish.public_key)
            .map_err(IssuerError::der("the public key"))?;
        let mut builder = CertificateBuilder::new(
            profile,
            SerialNumber::new(&serial).map_err(IssuerError::der(PART))?,
            validity(not_before, not_after)?,
            public_key,
        )
        .map_err(IssuerError::encoding(PART))?;
        let tbs = builder
            .finalize(&authority.key)
            .map_err(IssuerError::encoding(PART))?;
        let subject = subject::text(&wish.subject);
        Ok(Prepared {
            serial: hex::encode(serial),
            subject,
            not_before,
            not_after,
            tbs,
        })
    }

    async fn sign(&self, site: &SiteId, tbs: &[u8]) -> Result<Signed, IssuerError> {
        let authority = self.issuing(site).await?;
        let signature = profile::sign(&authority.key, tbs);
        let certificate =
            profile::assemble(tbs, &signature).map_err(IssuerError::der("the certificate"))?;
        Ok(Signed {
            signature,
            pem: profile::pem("CERTIFICATE", &certificate),
        })
    }

    async fn chain(&self, site: &SiteId) -> Result<Vec<String>, IssuerError> {
        Ok(vec![
            self.key(site, ISSUING).await?.certificate,
            self.key(site, ROOT).await?.certificate,
        ])
    }

    async fn sign_list(&self, site: &SiteId, list: &ListToSign) -> Result<Vec<u8>, IssuerError> {
        let authority = self.issuing(site).await?;
        profile::revocation_list(&authority.certificate, &authority.key, list)
    }
}

/// A certificate for one of our own authorities.
fn self_made(
    profile: Profile<'_>,
    key: &SecretKey,
    signer: &SecretKey,
    now: Millis,
    years: i64,
) -> Result<String, IssuerError> {
    const PART: &str = "an authority's certificate";
    let public_key = key
        .public_key()
        .to_public_key_der()
        .map_err(|error| unreadable(PART, error))?;
    let public_key = SubjectPublicKeyInfoOwned::from_der(public_key.as_bytes())
        .map_err(IssuerError::der(PART))?;
    let not_after = end_of(later(now, Span::new().years(years))?);
    let serial = SerialNumber::new(&random_serial()?).map_err(IssuerError::der(PART))?;
    let validity = validity(now.plus(-BACKDATE_SECONDS), not_after)?;
    let signer = SigningKey::from(signer.clone());
    let mut builder = CertificateBuilder::new(profile, serial, validity, public_key)
        .map_err(IssuerError::encoding(PART))?;
    let tbs = builder
        .finalize(&signer)
        .map_err(IssuerError::encoding(PART))?;
    let certificate =
        profile::assemble(&tbs, &profile::sign(&signer, &tbs)).map_err(IssuerError::der(PART))?;
    Ok(profile::pem("CERTIFICATE", &certificate))
}

fn validity(not_before: Millis, not_after: Millis) -> Result<Validity, IssuerError> {
    Ok(Validity::new(
        profile::time(not_before)?,
        profile::time(not_after)?,
    ))
}

fn later(now: Millis, span: Span) -> Result<Date, IssuerError> {
    now.day()
        .checked_add(span)
        .map_err(|error| unreadable("the end of validity", error))
}

/// The last second of a day in China.
fn end_of(day: Date) -> Millis {
    Millis::start_of(day).plus(24 * 3600 - 1)
}

fn generate_key() -> Result<SecretKey, IssuerError> {
    let random = SystemRandom::new();
    loop {
        let mut scalar = [0; 32];
        random
            .fill(&mut scalar)
            .map_err(|error| unreadable("random bytes", error))?;
        // One of 2³² fills is not a scalar of the curve.
        if let Ok(key) = SecretKey::from_slice(&scalar) {
            return Ok(key);
        }
    }
}

/// Positive, and without a leading zero, so that no program that shortens it shows another serial than ours.
fn random_serial() -> Result<[u8; SERIAL_BYTES], IssuerError> {
    let mut serial = [0; SERIAL_BYTES];
    SystemRandom::new()
        .fill(&mut serial)
        .map_err(|error| unreadable("random bytes", error))?;
    let [first, ..] = &mut serial;
    *first = (*first & 0x7F) | 0x40;
    Ok(serial)
}

fn unreadable(part: &'static str, error: impl std::fmt::Display) -> IssuerError {
    IssuerError::Encoding {
        part,
        reason: error.to_string(),
    }
}
