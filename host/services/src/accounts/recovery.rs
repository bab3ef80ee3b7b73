//! A forgotten password, and a changed one.

use super::error::{AccountError, item};
use super::lockout::Admission;
use super::login::locked;
use super::register::{password_problems, refused};
use super::sms_codes::{self, CodePurpose, Sent, Target};
use super::{Accounts, AskedProofs, Client, PictureAnswer, login_id, mobile_of};
use std::time::Duration;
use yinxin_core::definition::AccountPolicy;
use yinxin_core::form::Values;
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_store::StoreError;
use yinxin_store::accounts::{self as rows, AccountState};
use yinxin_store::sessions::{self, Session, SessionKind};

/// Answers to "send a code to this account" take at least this long, so that the queued message of an account that
/// exists is not seen in the time.
const LEAST_TIME: Duration = Duration::from_millis(300);

/// The page for a forgotten password as it was sent. No `Debug`: it holds a password.
pub struct Recovery<'a> {
    /// Any of the policy's login ids, as typed.
    pub login_id: &'a str,
    pub sms_code: &'a str,
    pub password: &'a str,
    pub password_again: &'a str,
}

/// The page for changing the password as it was sent. No `Debug`: it holds passwords.
pub struct NewPassword<'a> {
    pub old: &'a str,
    pub password: &'a str,
    pub password_again: &'a str,
}

impl Accounts {
    /// Sends a code for a new password to the mobile of the account. The answer is the same whether there is such an
    /// account or not.
    pub async fn send_recovery_code(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        login_id: &str,
        picture: Option<&PictureAnswer>,
        client: &Client,
    ) -> Result<Sent, AccountError> {
        self.guard_sending(site, AskedProofs::of_recovery(policy), picture)
            .await?;
        self.send_to_account(site, policy, CodePurpose::Recover, login_id, client)
            .await
    }

    pub(super) async fn send_to_account(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        purpose: CodePurpose,
        login_id: &str,
        client: &Client,
    ) -> Result<Sent, AccountError> {
        let normal = login_id::normalise(login_id);
        if normal.is_empty() {
            let message = format!("请填写{}", login_id::in_words(policy));
            return Err(AccountError::refused(Some(item::LOGIN_ID), message));
        }
        self.codes.allow(site, &normal, client).await?;
        let answer_at = tokio::time::Instant::now() + LEAST_TIME;
        let key = login_id::key(&self.sealer, site, &normal);
        match self.reachable(site, policy, &key).await? {
            Some((account, mobile)) => {
                // A mobile that is the login id itself has been counted already.
                let reach =
                    mobile.as_str() == normal || self.codes.may_reach(site, &mobile).await?;
                let mobile = reach.then_some(&mobile);
                self.codes
                    .issue(site, purpose, Target::Account(&account), mobile)
                    .await?;
            }
            None => {
                self.codes
                    .issue(site, purpose, Target::Nobody(&key), None)
                    .await?
            }
        }
        tokio::time::sleep_until(answer_at).await;
        Ok(sms_codes::SENT)
    }

    /// The active account behind a login id's key, with the mobile that gets its codes.
    async fn reachable(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        key: &str,
    ) -> Result<Option<(AccountId, Mobile)>, AccountError> {
        let mut conn = self.store.read().await?;
        let found = rows::credentials(&mut conn, site, key).await?;
        let Some(found) = found.filter(|found| found.state == AccountState::Active) else {
            return Ok(None);
        };
        let profile = self.get_profile(&mut conn, site, &found.account).await?;
        Ok(mobile_of(policy, &profile.values).map(|mobile| (found.account, mobile)))
    }

    /// Sets a new password for who has the account's mobile; ends all its sessions and its lock-out.
    pub async fn recover(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        sent: Recovery<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let normal = login_id::normalise(sent.login_id);
        let own = [normal.clone()];
        let mut problems = password_problems(sent.password, sent.password_again, policy, &own);
        let key = login_id::key(&self.sealer, site, &normal);
        let mut conn = self.store.read().await?;
        let account = rows::find_by_login_id(&mut conn, site, &key).await?;
        drop(conn);
        let target = match &account {
            Some(account) => Target::Account(account),
            None => Target::Nobody(&key),
        };
        let proven = self
            .codes
            .prove(site, CodePurpose::Recover, target, sent.sms_code)
            .await?;
        let (Some(account), Some(proven)) = (&account, &proven) else {
            problems.push(sms_codes::wrong());
            return Err(refused(problems, Values::default()));
        };
        if !problems.is_empty() {
            return Err(refused(problems, Values::default()));
        }

        let hash = self.passwords.hash(sent.password).await?;
        let mut tx = self.store.begin().await?;
        self.codes.use_up(&mut tx, site, proven).await?;
        rows::set_password_hash(&mut tx, site, account, &hash).await?;
        sessions::end_all(
            &mut tx,
            site,
            SessionKind::Applicant,
            account.as_str(),
            None,
        )
        .await?;
        self.lockout
            .forgive(&mut tx, site, &format!("account/{account}"))
            .await?;
        self.note(&mut tx, site, account, "password-recovered", "", client)
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Changes the password of who is logged in; ends all other sessions.
    pub async fn change_password(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        session: &Session,
        sent: NewPassword<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let account = AccountId::from_stored(session.subject.as_str());
        let mut conn = self.store.read().await?;
        let hash = rows::password_hash(&mut conn, site, &account).await?;
        let profile = self.get_profile(&mut conn, site, &account).await?;
        drop(conn);

        // The profile's texts stand for the login ids: nothing that a clerk reads in it should be the password.
        let own: Vec<String> = profile
            .values
            .iter()
            .map(|entry| login_id::normalise(&entry.value))
            .collect();
        let mut problems = password_problems(sent.password, sent.password_again, policy, &own);
        // Counted like a log-in: a session left open somewhere is no way to try passwords.
        let subject = format!("account/{account}");
        let attempt = match self.lockout.admit(site, &subject, client).await? {
            Admission::Admitted(attempt) => attempt,
            Admission::Locked { seconds } => return Err(locked(seconds)),
        };
        if !self.passwords.verify(sent.old, Some(&hash)).await? {
            let message = "原密码不正确，请重新输入";
            problems.insert(0, super::problem(Some(item::OLD_PASSWORD), message));
            return Err(refused(problems, Values::default()));
        }
        if problems.is_empty() && sent.password == sent.old {
            problems.push(super::problem(
                Some(item::PASSWORD),
                "新密码与原密码相同，请换一个",
            ));
        }
        if !problems.is_empty() {
            let mut tx = self.store.begin().await?;
            self.lockout.succeeded(&mut tx, site, &attempt).await?;
            tx.commit().await.map_err(StoreError::from)?;
            return Err(refused(problems, Values::default()));
        }

        let renewed = self.passwords.hash(sent.password).await?;
        let mut tx = self.store.begin().await?;
        self.lockout.succeeded(&mut tx, site, &attempt).await?;
        rows::set_password_hash(&mut tx, site, &account, &renewed).await?;
        let (kind, except) = (SessionKind::Applicant, Some(session.id.as_str()));
        sessions::end_all(&mut tx, site, kind, account.as_str(), except).await?;
        self.note(&mut tx, site, &account, "password-changed", "", client)
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }
}
