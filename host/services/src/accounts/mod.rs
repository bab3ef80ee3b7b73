//! Applicants' accounts: registering, logging in, forgotten passwords, profiles and sessions. What logs in and what proves
//! it is the plugin's account policy; how it is kept safe is decided here for every site.

mod client;
mod error;
mod lockout;
mod login;
pub mod login_id;
mod password;
mod picture_codes;
mod profile;
mod recovery;
mod register;
mod sessions;
mod sms_codes;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use error::{AccountError, Refusal, item};
pub use lockout::{Admission, Lockout};
pub use login::LogIn;
pub use password::{PasswordError, Passwords};
pub use picture_codes::{Picture, PictureAnswer, PictureCodes, Question};
pub use profile::{Editor, Profile, ProfileEdit, RememberError};
pub use recovery::{NewPassword, Recovery};
pub use register::Registration;
pub use sessions::{Begun, SessionToken, Sessions};
pub use sms_codes::{CodeMessage, CodePurpose, CodeSendError, CodeSender, Sent};

pub(crate) use error::problem;
pub(crate) use password::problem_of as password_problem;
pub(crate) use picture_codes::wrong as wrong_picture;
pub(crate) use profile::stored_profile;

use crate::rate_limits::RateLimits;
use sms_codes::SmsCodes;
use std::sync::Arc;
use yinxin_core::definition::{AccountPolicy, Proof};
use yinxin_core::form::Values;
use yinxin_core::ids::{AccountId, ClerkId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::account_events::{self, AccountEvent, NewAccountEvent};
use yinxin_store::accounts::{self as rows, Account, AccountState};
use yinxin_store::seal::Sealer;
use yinxin_store::sessions::{Session, SessionKind};
use yinxin_store::{Connection, Store, StoreError};

/// Which proofs a page has to ask for, and where.
///
/// Where a policy asks for both, the picture guards the sending of the SMS, which costs money and disturbs people, and the
/// code that came by SMS then speaks for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AskedProofs {
    /// The form itself needs a picture code.
    pub picture_with_form: bool,
    /// The form needs a code sent by SMS.
    pub sms_code: bool,
    /// Sending the SMS needs a picture code.
    pub picture_with_sms: bool,
}

impl AskedProofs {
    pub fn of(proofs: &[Proof]) -> Self {
        let sms_code = proofs.contains(&Proof::SmsCode);
        let picture = proofs.contains(&Proof::PictureCode);
        Self {
            picture_with_form: picture && !sms_code,
            sms_code,
            picture_with_sms: picture && sms_code,
        }
    }

    /// For a forgotten password. A code to the account's mobile is needed whatever the policy says: a picture proves
    /// that there is a person, not that it is this one.
    pub fn of_recovery(policy: &AccountPolicy) -> Self {
        let picture = policy.recovery_proofs.contains(&Proof::PictureCode);
        Self {
            picture_with_form: false,
            sms_code: true,
            picture_with_sms: picture,
        }
    }
}

/// The accounts of all sites of one host. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    lockout: Lockout,
    pictures: PictureCodes,
    codes: SmsCodes,
    sessions: Sessions,
    limits: RateLimits,
}

impl Accounts {
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        passwords: Passwords,
        sender: Arc<dyn CodeSender>,
    ) -> Self {
        Self {
            lockout: Lockout::new(store.clone(), sealer.clone(), clock.clone()),
            pictures: PictureCodes::new(store.clone(), sealer.clone(), clock.clone()),
            codes: SmsCodes::new(store.clone(), sealer.clone(), clock.clone(), sender),
            sessions: Sessions::new(store.clone(), sealer.clone(), clock.clone()),
            limits: RateLimits::new(store.clone(), clock.clone()),
            store,
            sealer,
            clock,
            passwords,
        }
    }

    /// Picture codes and their sums in words.
    pub fn pictures(&self) -> &PictureCodes {
        &self.pictures
    }

    /// Logging out, here and everywhere, and the list of sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The applicant behind a token: the session while it lasts and the account while it is active.
    pub async fn applicant(
        &self,
        site: &SiteId,
        token: &SessionToken,
    ) -> Result<Option<(Session, Account)>, StoreError> {
        let found = self.sessions.find_applicant(site, token).await?;
        Ok(found.filter(|(_, account)| account.state == AccountState::Active))
    }

    pub async fn account(&self, site: &SiteId, id: &AccountId) -> Result<Account, StoreError> {
        let mut conn = self.store.read().await?;
        rows::get(&mut conn, site, id).await
    }

    /// Accounts whose name begins so, for a clerk; `after` is the last id of the page before.
    pub async fn list(
        &self,
        site: &SiteId,
        name_prefix: &str,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Account>, StoreError> {
        let mut conn = self.store.read().await?;
        rows::list(&mut conn, site, name_prefix, after, limit).await
    }

    /// The account that logs in with this, for a clerk.
    pub async fn find(&self, site: &SiteId, login_id: &str) -> Result<Option<Account>, StoreError> {
        let key = login_id::key(&self.sealer, site, &login_id::normalise(login_id));
        let mut conn = self.store.read().await?;
        match rows::find_by_login_id(&mut conn, site, &key).await? {
            Some(id) => rows::get(&mut conn, site, &id).await.map(Some),
            None => Ok(None),
        }
    }

    /// What happened to the account, newest first; `before` is the last id of the page before.
    pub async fn events(
        &self,
        site: &SiteId,
        id: &AccountId,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        let mut conn = self.store.read().await?;
        account_events::list(
            &mut conn,
            site,
            SessionKind::Applicant,
            id.as_str(),
            before,
            limit,
        )
        .await
    }

    /// A clerk stops, closes or opens an account; stopping and closing log it out everywhere.
    pub async fn set_state(
        &self,
        site: &SiteId,
        id: &AccountId,
        state: AccountState,
        by: &ClerkId,
        client: &Client,
    ) -> Result<(), StoreError> {
        let kind = match state {
            AccountState::Active => "opened",
            AccountState::Locked => "locked",
            AccountState::Closed => "closed",
        };
        let mut tx = self.store.begin().await?;
        rows::set_state(&mut tx, site, id, state).await?;
        if state != AccountState::Active {
            let applicant = SessionKind::Applicant;
            yinxin_store::sessions::end_all(&mut tx, site, applicant, id.as_str(), None).await?;
        }
        self.note(&mut tx, site, id, kind, by.as_str(), client)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Deletes what has run out: sessions, codes, counters. For a job that comes by every few minutes; says how many rows.
    pub async fn sweep(&self, site: &SiteId) -> Result<u64, StoreError> {
        // What has run out is kept a day longer, so that a clock that was set back does no harm.
        let before = Millis(self.clock.now().0 - 86_400_000);
        let mut conn = self.store.read().await?;
        let mut swept = yinxin_store::sessions::sweep(&mut conn, site, before).await?;
        swept += yinxin_store::codes::sweep(&mut conn, site, before).await?;
        swept += yinxin_store::login_attempts::sweep(&mut conn, site, before).await?;
        swept += yinxin_store::rate_limits::sweep(&mut conn, site, before).await?;
        Ok(swept)
    }

    /// Writes down what happened to an account. `by` is a clerk's id, or empty for the account itself.
    async fn note(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &AccountId,
        kind: &str,
        by: &str,
        client: &Client,
    ) -> Result<(), StoreError> {
        let event = NewAccountEvent {
            kind,
            subject_kind: SessionKind::Applicant,
            subject: id.as_str(),
            actor: by,
            detail: "",
            ip_digest: &client.key(&self.sealer, site),
            at: self.clock.now(),
        };
        account_events::insert(conn, site, event).await
    }
}

/// The mobile that gets the account's codes, where there is one.
fn mobile_of(policy: &AccountPolicy, values: &Values) -> Option<Mobile> {
    Mobile::parse(values.get(&policy.mobile_field)).ok()
}

/// What is shown for the account: its name and its masked mobile.
fn shown(policy: &AccountPolicy, values: &Values) -> (String, String) {
    let masked = mobile_of(policy, values)
        .map(|mobile| mobile.masked())
        .unwrap_or_default();
    let name = values.get(&policy.name_field);
    let name = if name.is_empty() {
        masked.clone()
    } else {
        name.to_owned()
    };
    (name, masked)
}
