//! Certificates in people's hands: those of an account's own cases, and those whose file it has uploaded.

use super::profile::named_reason;
use super::reading::{self, FileProblem};
use super::register::{Outlook, Sought, outlook};
use super::{CertificateError, Certificates};
use yinxin_core::ids::{AccountId, CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::bound_certificates::{self as rows, Bound, Line};
use yinxin_store::certificates::{self, Certificate, CertificateState};
use yinxin_store::{Connection, StoreError};

pub use yinxin_store::bound_certificates::Proof;

/// Certificates that one account binds. A bookkeeper of many units has some dozens.
const MOST: i64 = 500;

#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The file is not taken; a sentence for the person.
    #[error("{0}")]
    File(#[from] FileProblem),
    #[error("一个账号最多绑定 500 张证书，请先解除不再使用的绑定。")]
    TooMany,
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl From<StoreError> for BindError {
    fn from(error: StoreError) -> Self {
        Self::Certificate(error.into())
    }
}

/// A certificate in an account's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Where the next page of a list goes on.
    pub id: String,
    /// lower-case hexadecimal
    pub serial: String,
    /// RFC 4514
    pub subject: String,
    pub not_before: Millis,
    pub not_after: Millis,
    pub outlook: Outlook,
    /// Why it is held or revoked, or empty. Who has only the file is told a name of RFC 5280's CRLReason and no words.
    pub reason: String,
    /// Serial of the certificate that was issued in its place, or empty.
    pub successor: String,
    pub proof: Proof,
    /// The account's own case that it was issued for, with the plugin and the service.
    pub case: Option<CaseId>,
    pub plugin: String,
    pub service: String,
    pub pem: String,
    pub bound_at: Millis,
}

impl Certificates {
    /// The account's certificates, the newest first, before the line `before`.
    pub async fn holdings(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        account: &AccountId,
        sought: &Sought,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Holding>, StoreError> {
        let now = self.clock.now();
        let filter = sought.filter(now);
        let found = rows::list(conn, site, account, &filter, before, limit).await?;
        Ok(found.into_iter().map(|line| holding(line, now)).collect())
    }

    /// One certificate of the account.
    pub async fn holding(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        account: &AccountId,
        serial: &str,
    ) -> Result<Option<Holding>, StoreError> {
        let found = rows::find(conn, site, account, serial).await?;
        Ok(found.map(|line| holding(line, self.clock.now())))
    }

    /// Binds the certificate in an uploaded file: strictly parsed, signed by an issuer of the site, of whatever age. Gives
    /// its serial; the same one twice is fine.
    pub async fn bind_file(
        &self,
        site: &SiteId,
        account: &AccountId,
        file: &[u8],
    ) -> Result<String, BindError> {
        let chain = self.issuer.chain(site).await;
        let read = reading::verified(file, &chain.map_err(CertificateError::from)?)?;
        let mut tx = self.store.begin().await?;
        let registered = certificates::find(&mut tx, site, &read.serial).await?;
        let registered = registered.filter(|row| row.state != CertificateState::Reserved);
        let bound = Bound {
            id: uuid::Uuid::now_v7().to_string(),
            serial: read.serial.clone(),
            proof: Proof::File,
            case: None,
            subject: registered
                .as_ref()
                .map_or_else(|| read.subject_text(), |row| row.subject.clone()),
            not_before: read.not_before,
            not_after: read.not_after,
            // Where we have it ourselves, ours is handed out again.
            pem: registered.map_or_else(|| read.pem(), |row| row.pem),
            bound_at: self.clock.now(),
        };
        if rows::count(&mut tx, site, account).await? >= MOST
            && rows::find(&mut tx, site, account, &read.serial)
                .await?
                .is_none()
        {
            return Err(BindError::TooMany);
        }
        rows::bind(&mut tx, site, account, &bound).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(read.serial)
    }

    /// Takes a bound certificate off the account's list. False for one of its own cases, which stays, and for one that is
    /// not there.
    pub async fn unbind(
        &self,
        site: &SiteId,
        account: &AccountId,
        serial: &str,
    ) -> Result<bool, StoreError> {
        let mut tx = self.store.begin().await?;
        let gone = rows::unbind(&mut tx, site, account, serial).await?;
        tx.commit().await?;
        Ok(gone)
    }

    /// Gives a certificate that was just issued to the case's account, and marks the one that the case began from.
    pub(super) async fn hand_over(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        issued: &Certificate,
        pem: &str,
    ) -> Result<(), StoreError> {
        let bound = Bound {
            id: uuid::Uuid::now_v7().to_string(),
            serial: issued.serial.clone(),
            proof: Proof::Case,
            case: Some(issued.case.clone()),
            subject: issued.subject.clone(),
            not_before: issued.not_before,
            not_after: issued.not_after,
            pem: pem.to_owned(),
            bound_at: self.clock.now(),
        };
        rows::bind_issued(conn, site, &issued.case, &bound).await?;
        if let Some(origin) = certificates::origin_of(conn, site, &issued.case).await? {
            certificates::succeed(conn, site, &origin, &issued.serial).await?;
        }
        Ok(())
    }
}

fn holding(line: Line, now: Millis) -> Holding {
    let Line {
        bound,
        state,
        reason,
        successor,
        successor_kind,
        plugin,
        service,
    } = line;
    Holding {
        outlook: outlook(
            state.unwrap_or(CertificateState::Valid),
            &successor_kind,
            bound.not_after,
            now,
        ),
        id: bound.id,
        serial: bound.serial,
        subject: bound.subject,
        not_before: bound.not_before,
        not_after: bound.not_after,
        // What the list says is public; words are between the CA and whose certificate it is.
        reason: if bound.proof == Proof::Case || named_reason(&reason).is_some() {
            reason
        } else {
            String::new()
        },
        successor,
        proof: bound.proof,
        case: bound.case,
        plugin,
        service,
        pem: bound.pem,
        bound_at: bound.bound_at,
    }
}
