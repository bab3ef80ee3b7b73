//! Clerks log in with user name and password, and with a picture code after some failures.

use super::{Staff, refuse_if_any};
use crate::accounts::{
    AccountError, Admission, Begun, Client, PictureAnswer, SessionToken, item, login_id, problem,
    wrong_picture,
};
use crate::rate_limits::in_words;
use yinxin_core::ids::{ClerkId, SiteId};
use yinxin_store::StoreError;
use yinxin_store::clerks::{self as rows, Clerk};
use yinxin_store::sessions::{Session, SessionKind};

/// Failures after which a log-in needs a picture code too.
const FAILURES_BEFORE_PICTURE: i64 = 3;

/// The clerks' log-in page as it was sent. No `Debug`: it holds a password.
pub struct ClerkLogIn<'a> {
    pub login: &'a str,
    pub password: &'a str,
    pub picture: Option<PictureAnswer>,
}

impl Staff {
    /// Whether the log-in page has to show a picture code for this login. The same for logins that do not exist.
    pub async fn needs_picture(&self, site: &SiteId, login: &str) -> Result<bool, StoreError> {
        let failures = self
            .lockout
            .failures(site, &self.subject(site, login))
            .await?;
        Ok(failures >= FAILURES_BEFORE_PICTURE)
    }

    /// Begins a session, or says what is wrong without saying who exists.
    pub async fn log_in(
        &self,
        site: &SiteId,
        sent: ClerkLogIn<'_>,
        client: &Client,
        replaces: Option<&SessionToken>,
    ) -> Result<(Begun, Clerk), AccountError> {
        let login = login_id::normalise(sent.login);
        let mut problems = Vec::new();
        if login.is_empty() {
            problems.push(problem(Some(item::LOGIN_ID), "请填写用户名"));
        }
        if sent.password.is_empty() {
            problems.push(problem(Some(item::PASSWORD), "请填写密码"));
        }
        if self.needs_picture(site, &login).await?
            && !self.pictures.is_right(site, sent.picture.as_ref()).await?
        {
            problems.push(wrong_picture());
        }
        refuse_if_any(problems)?;

        let mut conn = self.store.read().await?;
        let found = rows::find_by_login(&mut conn, site, &login).await?;
        let hash = match &found {
            Some(clerk) => Some(rows::password_hash(&mut conn, site, &clerk.id).await?),
            None => None,
        };
        drop(conn); // not held while the password is looked at
        let subject = self.subject(site, &login);
        let attempt = match self.lockout.admit(site, &subject, client).await? {
            Admission::Admitted(attempt) => attempt,
            Admission::Locked { seconds } => {
                let wait = in_words(seconds);
                let message = format!("错误次数过多，请 {wait} 后再试，或请管理员重设密码");
                return Err(AccountError::refused(Some(item::PASSWORD), message));
            }
        };
        let right = self
            .passwords
            .verify(sent.password, hash.as_deref())
            .await?;
        let Some(clerk) = found.filter(|_| right) else {
            let message = "用户名或密码不正确，请核对后重新输入";
            return Err(AccountError::refused(Some(item::PASSWORD), message));
        };
        if clerk.disabled {
            return Err(AccountError::refused(None, "该用户已停用，请联系管理员"));
        }
        let mut tx = self.store.begin().await?;
        self.lockout.succeeded(&mut tx, site, &attempt).await?;
        rows::note_login(&mut tx, site, &clerk.id, self.clock.now()).await?;
        let ip = client.key(&self.sealer, site);
        self.note(&mut tx, site, &clerk.id, "logged-in", "", "", &ip)
            .await?;
        let (kind, id) = (SessionKind::Clerk, clerk.id.as_str());
        let begun = self
            .sessions
            .begin(&mut tx, site, kind, id, client, replaces)
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok((begun, clerk))
    }

    /// A clerk's own change of password; ends the clerk's other sessions.
    pub async fn change_password(
        &self,
        site: &SiteId,
        session: &Session,
        old: &str,
        password: &str,
        password_again: &str,
        client: &Client,
    ) -> Result<(), AccountError> {
        let clerk = self
            .get(site, &ClerkId::from_stored(session.subject.as_str()))
            .await?;
        let mut conn = self.store.read().await?;
        let hash = rows::password_hash(&mut conn, site, &clerk.id).await?;
        drop(conn);
        let subject = self.subject(site, &clerk.login);
        let attempt = match self.lockout.admit(site, &subject, client).await? {
            Admission::Admitted(attempt) => attempt,
            Admission::Locked { seconds } => {
                let message = format!("错误次数过多，请 {} 后再试", in_words(seconds));
                return Err(AccountError::refused(Some(item::OLD_PASSWORD), message));
            }
        };
        if !self.passwords.verify(old, Some(&hash)).await? {
            let message = "原密码不正确，请重新输入";
            return Err(AccountError::refused(Some(item::OLD_PASSWORD), message));
        }
        let mut tx = self.store.begin().await?;
        self.lockout.succeeded(&mut tx, site, &attempt).await?;
        tx.commit().await.map_err(StoreError::from)?;
        if password != password_again {
            let message = "两次输入的密码不一致，请重新输入";
            return Err(AccountError::refused(Some(item::PASSWORD_AGAIN), message));
        }
        if password == old {
            let message = "新密码与原密码相同，请换一个";
            return Err(AccountError::refused(Some(item::PASSWORD), message));
        }
        self.set_password(site, &clerk, password, false, Some(&session.id), None)
            .await
    }
}
