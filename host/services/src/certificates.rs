//! Certificates from the request to the revocation list.
//!
//! Issuing is a job, because an issuer may be far away. It goes write, sign, write: serial and to-be-signed bytes are
//! stored before the issuer signs, so that a crash in between is resumed with the same bytes and no order ever gets a
//! second serial. The certificate and the event that tells the case of it are committed together.

mod embedded;
mod holdings;
mod issuer;
pub mod outside;
mod profile;
mod reading;
mod register;
mod request;
mod revocation;
mod subject;

pub use embedded::{EmbeddedIssuer, IssuerNames};
pub use holdings::{BindError, Holding, Proof};
pub use issuer::{Issuer, IssuerError, ListEntry, ListToSign, Prepared, Signed, Wish};
pub use reading::{FILE_LIMIT, FileProblem, Reading};
pub use register::{ENDING_DAYS, Outlook, Page, Registered, Sought};
pub use request::{ExaminedRequest, RequestProblem, examine};
pub use revocation::Turn;
pub use subject::SubjectProblem;
pub use yinxin_store::certificates::CertificateState;

use crate::case_event::CaseEvent;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::rules::{CertificateFact, Fact, NamedValue};
use yinxin_core::time::{Clock, Millis};
use yinxin_store::certificates::{self as rows, Certificate, Request};
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::{Connection, Store, StoreError};

/// Kind of the job that issues.
pub const ISSUE_JOB: &str = "certificate-issue";

#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The uploaded request is not acceptable; a sentence for the person.
    #[error("{0}")]
    Request(#[from] RequestProblem),
    #[error(transparent)]
    Subject(#[from] SubjectProblem),
    /// No certificate request was uploaded for the case.
    #[error("the case has no certificate request")]
    NoRequest,
    /// No certificate of this serial, or it stands where this cannot be done.
    #[error("the certificate cannot change to this standing")]
    NotPossible,
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the order to issue cannot be read")]
    Payload(#[from] serde_json::Error),
}

impl CertificateError {
    /// True when no repetition helps: the case hears that issuing failed.
    fn is_permanent(&self) -> bool {
        match self {
            Self::Request(_) | Self::Subject(_) | Self::NoRequest | Self::Payload(_) => true,
            Self::Issuer(error) => error.is_permanent(),
            Self::NotPossible | Self::Store(_) => false,
        }
    }

    /// Why issuing failed, for the clerk who has to do something about it.
    fn in_words(&self) -> String {
        match self {
            Self::Request(problem) => problem.to_string(),
            Self::NoRequest => "本申请没有证书请求，请上传后重新签发。".to_owned(),
            Self::Subject(problem) | Self::Issuer(IssuerError::Subject(problem)) => match problem {
                SubjectProblem::Unknown(name) => {
                    format!("证书主题里的 {name} 不是可用的属性，请联系技术人员。")
                }
                SubjectProblem::Value(name) => {
                    format!("证书主题里的 {name} 为空或含有不允许的字符，请核对申请信息。")
                }
                SubjectProblem::Empty => "证书主题是空的，请联系技术人员。".to_owned(),
            },
            Self::Issuer(IssuerError::Months(months)) => {
                format!("有效期 {months} 个月超出了 1 至 60 个月的范围。")
            }
            Self::Issuer(IssuerError::Outlives { not_after }) => {
                format!(
                    "签发机构的证书在 {} 到期，不能签发有效期更长的证书。",
                    not_after.day()
                )
            }
            _ => "签发程序出错，请联系技术人员。".to_owned(),
        }
    }
}

/// What a plugin asked to have issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueOrder {
    /// Short names and values, in the order in which they are encoded.
    pub subject: Vec<NamedValue>,
    pub months: u32,
}

/// How a certificate stands today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStanding {
    Valid,
    Held,
    Revoked,
    Expired,
}

/// An issued certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateView {
    pub case: CaseId,
    /// lower-case hexadecimal
    pub serial: String,
    /// RFC 4514
    pub subject: String,
    pub not_before: Millis,
    pub not_after: Millis,
    pub standing: CertificateStanding,
    /// Why it is held or revoked, or empty.
    pub reason: String,
    pub pem: String,
}

#[derive(Clone)]
pub struct Certificates {
    store: Store,
    clock: Arc<dyn Clock>,
    issuer: Arc<dyn Issuer>,
}

impl Certificates {
    pub fn new(store: Store, clock: Arc<dyn Clock>, issuer: Arc<dyn Issuer>) -> Self {
        Self {
            store,
            clock,
            issuer,
        }
    }

    /// Verifies a PKCS#10 request and keeps it for the case; the newest one counts.
    pub async fn accept_request(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        pem: &str,
        by: &str,
    ) -> Result<ExaminedRequest, CertificateError> {
        let examined = examine(pem)?;
        if rows::key_is_taken(conn, site, &examined.key_digest, case).await? {
            return Err(RequestProblem::KeyInUse.into());
        }
        let request = Request {
            id: uuid::Uuid::now_v7().to_string(),
            case: case.clone(),
            pem: examined.pem.clone(),
            subject: examined.subject.clone(),
            key_digest: examined.key_digest.clone(),
            created_at: self.clock.now(),
            created_by: by.to_owned(),
        };
        rows::insert_request(conn, site, &request).await?;
        Ok(examined)
    }

    /// True when a request was accepted for the case.
    pub async fn has_request(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
    ) -> Result<bool, StoreError> {
        Ok(rows::latest_request(conn, site, case).await?.is_some())
    }

    /// Puts an order to issue into the outbox. `key` is the order's own: the same key is the same certificate.
    pub async fn order(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        key: &str,
        order: &IssueOrder,
    ) -> Result<(), CertificateError> {
        subject::encode(&order.subject)?;
        if !self.has_request(conn, site, case).await? {
            return Err(CertificateError::NoRequest);
        }
        let job = NewJob {
            kind: ISSUE_JOB,
            key: key.to_owned(),
            case_id: case.to_string(),
            payload: serde_json::to_string(order)?,
            run_at: self.clock.now(),
        };
        jobs::enqueue(conn, site, job).await?;
        Ok(())
    }

    /// The job `certificate-issue`, repeated until it comes back well. What no repetition can mend becomes the event
    /// `issue-failed`.
    pub async fn issue(
        &self,
        site: &SiteId,
        case: &CaseId,
        key: &str,
        payload: &str,
    ) -> Result<(), CertificateError> {
        match self.try_issue(site, case, key, payload).await {
            Err(error) if error.is_permanent() => {
                tracing::error!(%site, %case, %error, "a certificate cannot be issued");
                let fact = Fact::Failure(error.in_words());
                let mut tx = self.store.begin().await?;
                self.tell(&mut tx, site, case, key, "issue-failed", fact)
                    .await?;
                Ok(tx.commit().await.map_err(StoreError::from)?)
            }
            other => other,
        }
    }

    async fn try_issue(
        &self,
        site: &SiteId,
        case: &CaseId,
        key: &str,
        payload: &str,
    ) -> Result<(), CertificateError> {
        let reserved = self.reserve(site, case, key, payload).await?;
        if reserved.state != CertificateState::Reserved {
            return Ok(());
        }
        let signed = self.issuer.sign(site, &reserved.tbs).await?;
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        rows::complete(
            &mut tx,
            site,
            &reserved.serial,
            &signed.signature,
            &signed.pem,
            now,
        )
        .await?;
        self.hand_over(&mut tx, site, &reserved, &signed.pem)
            .await?;
        let fact = Fact::Certificate(CertificateFact {
            serial: reserved.serial,
            not_before: u64::try_from(reserved.not_before.0).unwrap_or(0),
            not_after: u64::try_from(reserved.not_after.0).unwrap_or(0),
        });
        self.tell(&mut tx, site, case, key, "issued", fact).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// The order's certificate: the one that was written down before a crash, or a new one.
    async fn reserve(
        &self,
        site: &SiteId,
        case: &CaseId,
        key: &str,
        payload: &str,
    ) -> Result<Certificate, CertificateError> {
        let mut conn = self.store.read().await?;
        if let Some(certificate) = rows::of_order(&mut conn, site, key).await? {
            return Ok(certificate);
        }
        let order: IssueOrder = serde_json::from_str(payload)?;
        let request = rows::latest_request(&mut conn, site, case)
            .await?
            .ok_or(CertificateError::NoRequest)?;
        drop(conn);
        let wish = Wish {
            public_key: examine(&request.pem)?.public_key,
            subject: order.subject,
            months: order.months,
        };
        let prepared = self.issuer.prepare(site, &wish).await?;
        let now = self.clock.now();
        let new = Certificate {
            serial: prepared.serial,
            order_key: key.to_owned(),
            case: case.clone(),
            request_id: request.id,
            subject: prepared.subject,
            not_before: prepared.not_before,
            not_after: prepared.not_after,
            tbs: prepared.tbs,
            signature: Vec::new(),
            pem: String::new(),
            state: CertificateState::Reserved,
            reason: String::new(),
            successor: String::new(),
            successor_kind: String::new(),
            created_at: now,
            changed_at: now,
        };
        let mut tx = self.store.begin().await?;
        rows::reserve(&mut tx, site, &new).await?;
        // Another worker may have been first; what is stored counts.
        let stored = rows::of_order(&mut tx, site, key)
            .await?
            .ok_or(StoreError::NotFound)?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(stored)
    }

    async fn tell(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        key: &str,
        event: &str,
        fact: Fact,
    ) -> Result<(), CertificateError> {
        let told = CaseEvent {
            case_id: case.clone(),
            event: event.to_owned(),
            fact,
        };
        told.enqueue(conn, site, format!("{event}/{key}"), self.clock.now())
            .await?;
        Ok(())
    }

    /// Certificates that were issued for a case, newest first.
    pub async fn of_case(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
    ) -> Result<Vec<CertificateView>, StoreError> {
        let now = self.clock.now();
        let found = rows::of_case(conn, site, case).await?;
        Ok(found
            .into_iter()
            .filter_map(|certificate| view(certificate, now))
            .collect())
    }

    /// One certificate that was issued on the site.
    pub async fn find(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        serial: &str,
    ) -> Result<Option<CertificateView>, StoreError> {
        let found = rows::find(conn, site, serial).await?;
        Ok(found.and_then(|certificate| view(certificate, self.clock.now())))
    }

    /// The issuer's certificates as PEM, the issuing one first, the root last.
    pub async fn chain(&self, site: &SiteId) -> Result<String, CertificateError> {
        Ok(self.issuer.chain(site).await?.concat())
    }
}

/// None for a reservation: nothing was issued yet.
fn view(certificate: Certificate, now: Millis) -> Option<CertificateView> {
    let standing = match certificate.state {
        CertificateState::Reserved => return None,
        CertificateState::Revoked => CertificateStanding::Revoked,
        _ if certificate.not_after < now => CertificateStanding::Expired,
        CertificateState::Held => CertificateStanding::Held,
        CertificateState::Valid => CertificateStanding::Valid,
    };
    Some(CertificateView {
        case: certificate.case,
        serial: certificate.serial,
        subject: certificate.subject,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        standing,
        reason: certificate.reason,
        pem: certificate.pem,
    })
}

#[cfg(test)]
mod tests;
