//! The seam to whoever signs certificates: the embedded issuer, or a CA far away.

use async_trait::async_trait;
use yinxin_core::ids::SiteId;
use yinxin_core::rules::NamedValue;
use yinxin_core::time::Millis;
use yinxin_store::StoreError;

use super::SubjectProblem;

#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error("the site {0} has no issuer yet; `yinxin issuer establish` makes one")]
    NotEstablished(SiteId),
    #[error("the site {0} has no address for its revocation list")]
    NoListAddress(SiteId),
    #[error(transparent)]
    Subject(#[from] SubjectProblem),
    #[error("{0} months; 1 to 60 are allowed")]
    Months(u32),
    /// A certificate must not outlive the one that vouches for it.
    #[error("the certificate would outlive the issuer's, which ends {}", not_after.day())]
    Outlives { not_after: Millis },
    /// Mistake of ours or a damaged stored value; the text names the part, never a value.
    #[error("{part} cannot be encoded or read: {reason}")]
    Encoding { part: &'static str, reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl IssuerError {
    pub(crate) fn encoding(part: &'static str) -> impl Fn(x509_cert::builder::Error) -> Self {
        move |error| Self::Encoding {
            part,
            reason: error.to_string(),
        }
    }

    pub(crate) fn der(part: &'static str) -> impl Fn(der::Error) -> Self {
        move |error| Self::Encoding {
            part,
            reason: error.to_string(),
        }
    }

    /// True when asking again cannot help.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Subject(_) | Self::Months(_) | Self::Outlives { .. } | Self::Encoding { .. }
        )
    }
}

/// What is to be certified.
#[derive(Clone, Debug)]
pub struct Wish {
    /// DER of the SubjectPublicKeyInfo from a verified request.
    pub public_key: Vec<u8>,
    pub subject: Vec<NamedValue>,
    /// 1 to 60
    pub months: u32,
}

/// All that is decided of a certificate before it is signed.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// lower-case hexadecimal
    pub serial: String,
    /// RFC 4514
    pub subject: String,
    pub not_before: Millis,
    pub not_after: Millis,
    /// DER of TBSCertificate
    pub tbs: Vec<u8>,
}

#[derive(Clone, Debug)]
pub struct Signed {
    pub signature: Vec<u8>,
    /// The whole certificate.
    pub pem: String,
}

/// One line of a revocation list.
#[derive(Clone, Debug)]
pub struct ListEntry {
    /// lower-case hexadecimal
    pub serial: String,
    pub at: Millis,
    /// certificateHold; else revoked for good.
    pub held: bool,
    /// A name of RFC 5280's CRLReason, or words that the list does not carry.
    pub reason: String,
}

#[derive(Clone, Debug)]
pub struct ListToSign {
    pub number: i64,
    pub this_update: Millis,
    pub next_update: Millis,
    pub entries: Vec<ListEntry>,
}

/// Signs for a site. What [`Issuer::prepare`] returned is stored before [`Issuer::sign`] is called, and `sign` may be
/// called again with the same bytes after a crash: it then returns the same certificate.
#[async_trait]
pub trait Issuer: Send + Sync {
    async fn prepare(&self, site: &SiteId, wish: &Wish) -> Result<Prepared, IssuerError>;

    async fn sign(&self, site: &SiteId, tbs: &[u8]) -> Result<Signed, IssuerError>;

    /// PEM of the issuing certificate and those above it, the root last.
    async fn chain(&self, site: &SiteId) -> Result<Vec<String>, IssuerError>;

    /// DER of the list.
    async fn sign_list(&self, site: &SiteId, list: &ListToSign) -> Result<Vec<u8>, IssuerError>;
}
