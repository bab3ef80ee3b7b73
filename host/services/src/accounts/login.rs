//! Logging in. An unknown login id and a wrong password look the same, take the same time and lock the same way.

use super::error::{AccountError, item, problem};
use super::lockout::Admission;
use super::register::refused;
use super::sms_codes::{self, CodePurpose, Sent, Target};
use super::{
    Accounts, AskedProofs, Begun, Client, PictureAnswer, SessionToken, login_id, picture_codes,
};
use crate::rate_limits::in_words;
use yinxin_core::definition::AccountPolicy;
use yinxin_core::form::Values;
use yinxin_core::ids::SiteId;
use yinxin_store::StoreError;
use yinxin_store::accounts::{self as rows, AccountState};
use yinxin_store::sessions::SessionKind;

/// The log-in page as it was sent. No `Debug`: it holds a password.
pub struct LogIn<'a> {
    /// Any of the policy's login ids, as typed.
    pub login_id: &'a str,
    pub password: &'a str,
    pub picture: Option<PictureAnswer>,
    pub sms_code: &'a str,
}

impl Accounts {
    /// Sends a code to the mobile of the account, where the policy wants one for logging in. The answer is the same
    /// whether there is such an account or not.
    pub async fn send_login_code(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        login_id: &str,
        picture: Option<&PictureAnswer>,
        client: &Client,
    ) -> Result<Sent, AccountError> {
        self.guard_sending(site, AskedProofs::of(&policy.login_proofs), picture)
            .await?;
        self.send_to_account(site, policy, CodePurpose::LogIn, login_id, client)
            .await
    }

    /// Begins a session, or says what is wrong without saying who exists.
    pub async fn log_in(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        sent: LogIn<'_>,
        client: &Client,
        replaces: Option<&SessionToken>,
    ) -> Result<Begun, AccountError> {
        let normal = login_id::normalise(sent.login_id);
        let asked = AskedProofs::of(&policy.login_proofs);
        let mut problems = Vec::new();
        if normal.is_empty() {
            let message = format!("请填写{}", login_id::in_words(policy));
            problems.push(problem(Some(item::LOGIN_ID), message));
        }
        if sent.password.is_empty() {
            problems.push(problem(Some(item::PASSWORD), "请填写密码"));
        }
        if asked.picture_with_form && !self.pictures.is_right(site, sent.picture.as_ref()).await? {
            problems.push(picture_codes::wrong());
        }
        if !problems.is_empty() {
            return Err(refused(problems, Values::default()));
        }

        let key = login_id::key(&self.sealer, site, &normal);
        let mut conn = self.store.read().await?;
        let found = rows::credentials(&mut conn, site, &key).await?;
        drop(conn); // not held while the password is looked at

        let subject = match &found {
            Some(found) => format!("account/{}", found.account),
            None => format!("nobody/{key}"),
        };
        let attempt = match self.lockout.admit(site, &subject, client).await? {
            Admission::Admitted(attempt) => attempt,
            Admission::Locked { seconds } => return Err(locked(seconds)),
        };
        let hash = found.as_ref().map(|found| found.password_hash.as_str());
        let right = self.passwords.verify(sent.password, hash).await?;
        let proven = if asked.sms_code {
            let target = match &found {
                Some(found) => Target::Account(&found.account),
                None => Target::Nobody(&key),
            };
            self.codes
                .prove(site, CodePurpose::LogIn, target, sent.sms_code)
                .await?
        } else {
            None
        };
        let Some(found) = found.filter(|_| right) else {
            return Err(wrong());
        };
        if asked.sms_code && proven.is_none() {
            return Err(refused(vec![sms_codes::wrong()], Values::default()));
        }
        match found.state {
            AccountState::Active => {}
            AccountState::Locked => {
                return Err(AccountError::refused(None, "该账号已停用，请联系客服"));
            }
            AccountState::Closed => return Err(AccountError::refused(None, "该账号已注销")),
        }

        let renewed = match self.passwords.is_outdated(&found.password_hash) {
            true => Some(self.passwords.hash(sent.password).await?),
            false => None,
        };
        let mut tx = self.store.begin().await?;
        if let Some(proven) = &proven {
            self.codes.use_up(&mut tx, site, proven).await?;
        }
        if let Some(renewed) = renewed {
            rows::set_password_hash(&mut tx, site, &found.account, &renewed).await?;
        }
        self.lockout.succeeded(&mut tx, site, &attempt).await?;
        self.note(&mut tx, site, &found.account, "logged-in", "", client)
            .await?;
        let (kind, subject) = (SessionKind::Applicant, found.account.as_str());
        let begun = self
            .sessions
            .begin(&mut tx, site, kind, subject, client, replaces)
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(begun)
    }
}

/// The one sentence for an unknown login id and a wrong password.
fn wrong() -> AccountError {
    AccountError::refused(Some(item::PASSWORD), "登录名或密码不正确，请核对后重新输入")
}

pub(super) fn locked(seconds: i64) -> AccountError {
    let wait = in_words(seconds);
    let message = format!("错误次数过多，请 {wait} 后再试；忘记密码可以重设");
    AccountError::refused(Some(item::PASSWORD), message)
}
