//! Identity checks: a person proves by a face on a phone to be who the form says.
//!
//! A check is bound to a case and to a name and number. Its QR code carries a random token; whoever scans it comes to the
//! phone's page and from there to the provider. The provider's result, verified by its signature, settles the check once
//! and becomes an event of the case in the same transaction. Another name or number voids the check, and so does the end
//! of the case.

mod provider;
mod signature;

pub use provider::{
    About, FaceAccount, FaceCheck, FaceError, HttpFaceCheck, Notification, Opened, Report, Visit,
};
pub use yinxin_store::identity_checks::{IdentityCheck, State};

use crate::case_event::CaseEvent;
use crate::job_end::JobEnd;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use yinxin_core::ids::{CaseId, CheckId, SiteId};
use yinxin_core::rules::Fact;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::identity_checks::{self, Session};
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::{Connection, Store, StoreError, seal::Sealer};

/// Kind of the job that asks for a result which was not notified.
pub const RESULT_JOB: &str = "identity-result";

/// Visits to the provider until the QR code is renewed: each costs the CA money.
pub const ATTEMPTS: i64 = 5;
/// Seconds that a QR code works; it is renewed when its page is shown again.
const LIFETIME: i64 = 24 * 3600;
/// Seconds after which a visit is over whatever the provider says.
const VISIT: i64 = 30 * 60;
/// Seconds between questions for a result that was not notified.
const QUESTION: i64 = 60;

/// Why a check could not be made, begun or settled.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No check has this token.
    #[error("no such identity check")]
    Unknown,
    /// The QR code is of a letter that no longer counts.
    #[error("the identity check was voided")]
    Voided,
    /// The QR code ran out; its page renews it.
    #[error("the identity check ran out")]
    Expired,
    /// It was passed before.
    #[error("the identity check was passed before")]
    Passed,
    /// All attempts are used up until the QR code is renewed the next day.
    #[error("the identity check has no attempts left")]
    UsedUp,
    /// The site has no provider.
    #[error("the site has no identity provider")]
    Unconfigured,
    #[error("a job cannot be read")]
    BadJob,
    /// The random source failed.
    #[error("no random numbers")]
    Random,
    #[error(transparent)]
    Provider(#[from] FaceError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A site's provider and addresses.
#[derive(Clone)]
pub struct IdentitySite {
    pub provider: Arc<dyn FaceCheck>,
    /// Where applicants reach the site, without a slash at the end.
    pub address: String,
    /// Where the provider posts results.
    pub notify_url: String,
}

pub struct Identity {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    sites: HashMap<SiteId, IdentitySite>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    session: String,
}

/// Path of the phone's page of a check.
pub fn phone_path(check: &IdentityCheck) -> String {
    format!("/p/{}", check.token)
}

impl Identity {
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        sites: HashMap<SiteId, IdentitySite>,
    ) -> Self {
        Self {
            store,
            sealer,
            clock,
            sites,
        }
    }

    /// The case's check for this person: the one there is, renewed where it ran out, or a new one. One for another name or
    /// number is voided, passed or not.
    pub async fn ensure(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        check_name: &str,
        name: &str,
        identity_number: &str,
    ) -> Result<IdentityCheck, IdentityError> {
        let now = self.clock.now();
        if let Some(mut check) =
            identity_checks::current(conn, &self.sealer, site, case, check_name).await?
        {
            if check.name == name && check.identity_number == identity_number {
                if check.state != State::Passed && check.expires_at <= now {
                    check.expires_at = now.plus(LIFETIME);
                    check.attempts = 0;
                    identity_checks::renew(conn, site, &check.id, check.expires_at).await?;
                }
                return Ok(check);
            }
            identity_checks::void(conn, site, case, Some(check_name)).await?;
        }
        let check = IdentityCheck {
            id: CheckId::generate(),
            case: case.clone(),
            check_name: check_name.to_owned(),
            number: number(now)?,
            token: hex::encode(random::<16>()?),
            name: name.to_owned(),
            identity_number: identity_number.to_owned(),
            state: State::Waiting,
            attempts: 0,
            created_at: now,
            expires_at: now.plus(LIFETIME),
            finished_at: None,
        };
        match identity_checks::insert(conn, &self.sealer, site, &check).await {
            Ok(()) => Ok(check),
            // Another transaction made one in between.
            Err(error) if error.is_duplicate() => Err(StoreError::Conflict.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Voids the case's check of this name, or all of them: their QR codes stop working.
    pub async fn void(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        case: &CaseId,
        check_name: Option<&str>,
    ) -> Result<(), IdentityError> {
        identity_checks::void(conn, site, case, check_name).await?;
        Ok(())
    }

    /// The check behind a scanned QR code, whatever its state.
    pub async fn by_token(
        &self,
        site: &SiteId,
        token: &str,
    ) -> Result<IdentityCheck, IdentityError> {
        let mut conn = self.store.read().await?;
        let check = identity_checks::by_token(&mut conn, &self.sealer, site, token).await?;
        check.ok_or(IdentityError::Unknown)
    }

    /// Begins a visit to the provider; gives the address of its page, where the phone goes now. The visit is written
    /// before the provider is asked, so that no result comes to nobody.
    pub async fn start(&self, site: &SiteId, token: &str) -> Result<String, IdentityError> {
        let configured = self.sites.get(site).ok_or(IdentityError::Unconfigured)?;
        let (check, session) = self.reserve(site, token).await?;
        let visit = Visit {
            name: &check.name,
            identity_number: &check.identity_number,
            reference: &session,
            return_url: &format!("{}{}", configured.address, phone_path(&check)),
            notify_url: &configured.notify_url,
        };
        let opened = configured.provider.begin(&visit).await;
        let mut tx = self.store.begin().await?;
        match &opened {
            Ok(opened) => {
                identity_checks::name_session(&mut tx, site, &session, &opened.provider_no).await?
            }
            Err(_) => {
                let now = self.clock.now();
                identity_checks::end_session(&mut tx, site, &session, Report::Closed.as_str(), now)
                    .await?;
                identity_checks::return_attempt(&mut tx, site, &check.id).await?;
            }
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(opened?.page_url)
    }

    /// Takes an attempt and writes the visit, with the job that asks for its result should the notification be lost.
    async fn reserve(
        &self,
        site: &SiteId,
        token: &str,
    ) -> Result<(IdentityCheck, String), IdentityError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let check = identity_checks::by_token(&mut tx, &self.sealer, site, token).await?;
        let check = check.ok_or(IdentityError::Unknown)?;
        if !identity_checks::take_attempt(&mut tx, site, &check.id, now, ATTEMPTS).await? {
            return Err(match check.state {
                State::Voided => IdentityError::Voided,
                State::Passed => IdentityError::Passed,
                State::Waiting | State::Failed if check.expires_at <= now => IdentityError::Expired,
                State::Waiting | State::Failed => IdentityError::UsedUp,
            });
        }
        let session = uuid::Uuid::now_v7().to_string();
        identity_checks::begin_session(&mut tx, site, &session, &check.id, now).await?;
        let payload = json!(Payload {
            session: session.clone()
        })
        .to_string();
        let job = NewJob {
            kind: RESULT_JOB,
            key: session.clone(),
            case_id: check.case.to_string(),
            payload,
            run_at: now.plus(QUESTION),
        };
        jobs::enqueue(&mut tx, site, job).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok((check, session))
    }

    /// Takes a notification of the provider's. `Ok` is to be acknowledged, also for one that came before or came too late;
    /// an error is not. Gives the case that it was about.
    pub async fn notified(
        &self,
        site: &SiteId,
        notification: &Notification<'_>,
    ) -> Result<Option<CaseId>, IdentityError> {
        let configured = self.sites.get(site).ok_or(IdentityError::Unconfigured)?;
        let (session, report) = configured.provider.read(notification)?;
        self.settle(site, &session.reference, &session.provider_no, report)
            .await
    }

    /// Asks the provider about a check's visits whose results are not known: for the phone that came back and for pages
    /// that wait. Gives the case when something became known.
    pub async fn refresh(
        &self,
        site: &SiteId,
        check: &CheckId,
    ) -> Result<Option<CaseId>, IdentityError> {
        let sessions = {
            let mut conn = self.store.read().await?;
            identity_checks::open_sessions(&mut conn, site, check).await?
        };
        let mut changed = None;
        for session in sessions
            .iter()
            .filter(|session| !session.provider_no.is_empty())
        {
            changed = self.ask(site, session).await?.or(changed);
        }
        Ok(changed)
    }

    async fn ask(&self, site: &SiteId, session: &Session) -> Result<Option<CaseId>, IdentityError> {
        let configured = self.sites.get(site).ok_or(IdentityError::Unconfigured)?;
        let (opened, report) = configured.provider.result(&session.provider_no).await?;
        if opened.reference != session.id {
            return Err(FaceError::Forged.into());
        }
        self.settle(site, &session.id, &session.provider_no, report)
            .await
    }

    /// Runs a job of the kind [`RESULT_JOB`].
    pub async fn run(&self, site: &SiteId, payload: &str) -> Result<JobEnd, IdentityError> {
        let payload: Payload = serde_json::from_str(payload).map_err(|_| IdentityError::BadJob)?;
        let now = self.clock.now();
        let session = {
            let mut conn = self.store.read().await?;
            identity_checks::session(&mut conn, site, &payload.session).await?
        };
        let Some(session) = session.filter(|session| session.result.is_empty()) else {
            return Ok(JobEnd::Done);
        };
        if !session.provider_no.is_empty() {
            match self.ask(site, &session).await {
                Ok(_) | Err(IdentityError::Provider(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut tx = self.store.begin().await?;
        let known = identity_checks::session(&mut tx, site, &session.id).await?;
        if known.is_none_or(|session| !session.result.is_empty()) {
            return Ok(JobEnd::Done);
        }
        if session.begun_at.plus(VISIT) <= now {
            identity_checks::end_session(&mut tx, site, &session.id, Report::Closed.as_str(), now)
                .await?;
            tx.commit().await.map_err(StoreError::from)?;
            return Ok(JobEnd::Done);
        }
        Ok(JobEnd::Again {
            at: now.plus(QUESTION),
            why: "核验结果还不知道".to_owned(),
        })
    }

    /// Settles a visit and its check once, and makes it an event of the case.
    async fn settle(
        &self,
        site: &SiteId,
        reference: &str,
        provider_no: &str,
        report: Report,
    ) -> Result<Option<CaseId>, IdentityError> {
        let (state, event) = match report {
            Report::Open => return Ok(None),
            Report::Passed => (Some(State::Passed), "identity-passed"),
            Report::Failed => (Some(State::Failed), "identity-failed"),
            Report::Closed => (None, ""),
        };
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let session = identity_checks::session(&mut tx, site, reference)
            .await?
            .ok_or(IdentityError::Unknown)?;
        // Empty where the process ended between the provider's answer and its writing.
        if !session.provider_no.is_empty() && session.provider_no != provider_no {
            return Err(FaceError::Forged.into());
        }
        if !identity_checks::end_session(&mut tx, site, reference, report.as_str(), now).await? {
            return Ok(None);
        }
        let mut changed = None;
        if let Some(state) = state
            && identity_checks::settle(&mut tx, site, &session.check, state, now).await?
        {
            let check = identity_checks::find(&mut tx, &self.sealer, site, &session.check).await?;
            let check = check.ok_or(StoreError::NotFound)?;
            let told = CaseEvent {
                case_id: check.case,
                event: event.to_owned(),
                fact: Fact::None,
            };
            let key = format!("identity/{reference}");
            told.enqueue(&mut tx, site, key, now).await?;
            changed = Some(told.case_id);
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(changed)
    }
}

/// `RZ20261120-483920`: the day and six digits, for people to compare; it opens nothing.
fn number(now: Millis) -> Result<String, IdentityError> {
    let digits = u32::from_le_bytes(random::<4>()?) % 1_000_000;
    Ok(format!("RZ{}-{digits:06}", now.day().strftime("%Y%m%d")))
}

fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| IdentityError::Random)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
