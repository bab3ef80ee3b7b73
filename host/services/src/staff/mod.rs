//! The CA's own staff on a site: clerks, their roles, their log-in. They share nothing with applicants but the way
//! passwords and sessions are kept.

mod login;
mod reasons;
#[cfg(test)]
mod tests;

pub use login::ClerkLogIn;

use crate::accounts::{
    AccountError, Lockout, Passwords, PictureCodes, Refusal, SessionToken, Sessions, item,
    login_id, password_problem, problem,
};
use std::sync::Arc;
use yinxin_core::definition::Role;
use yinxin_core::form::Values;
use yinxin_core::ids::{ClerkId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_core::rules::Problem;
use yinxin_core::time::Clock;
use yinxin_store::account_events::{self, AccountEvent, NewAccountEvent};
use yinxin_store::clerks::{self as rows, Clerk, NewClerk};
use yinxin_store::seal::Sealer;
use yinxin_store::sessions::{self, Session, SessionKind};
use yinxin_store::{Connection, Store, StoreError};

/// Characters of a clerk's password: they see everybody's papers, so more than applicants need.
const SHORTEST_PASSWORD: u32 = 10;
/// Characters of a login; it is typed every morning.
const LOGIN_LIMIT: usize = 32;
const NAME_LIMIT: usize = 32;

/// Whether the clerk is active and has been given this very role. What an administrator may do without the other roles is
/// decided where cases are (`yinxin_engine::ClerkActor::may`).
pub fn serves_as(clerk: &Clerk, role: Role) -> bool {
    !clerk.disabled && clerk.roles.contains(&role)
}

/// A clerk to be made. No `Debug`: it holds a password.
pub struct Hiring<'a> {
    pub login: &'a str,
    pub name: &'a str,
    /// The clerk's own number, so that he is recognised where he is an applicant himself; may be empty.
    pub mobile: &'a str,
    pub roles: &'a [Role],
    /// To be changed at the first log-in.
    pub password: &'a str,
}

/// The staff of all sites of one host. Cheap to clone.
#[derive(Clone)]
pub struct Staff {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    passwords: Passwords,
    lockout: Lockout,
    pictures: PictureCodes,
    sessions: Sessions,
}

impl Staff {
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        passwords: Passwords,
    ) -> Self {
        Self {
            lockout: Lockout::new(store.clone(), sealer.clone(), clock.clone()),
            pictures: PictureCodes::new(store.clone(), sealer.clone(), clock.clone()),
            sessions: Sessions::new(store.clone(), sealer.clone(), clock.clone()),
            store,
            sealer,
            clock,
            passwords,
        }
    }

    /// Logging out, here and everywhere, and the list of sessions.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The clerk behind a token: the session while it lasts and the clerk while not disabled.
    pub async fn clerk(
        &self,
        site: &SiteId,
        token: &SessionToken,
    ) -> Result<Option<(Session, Clerk)>, StoreError> {
        let Some(session) = self.sessions.find(site, token).await? else {
            return Ok(None);
        };
        if session.kind != SessionKind::Clerk {
            return Ok(None);
        }
        let id = ClerkId::from_stored(session.subject.as_str());
        let mut conn = self.store.read().await?;
        let clerk = rows::get(&mut conn, site, &id).await?;
        Ok((!clerk.disabled).then_some((session, clerk)))
    }

    pub async fn get(&self, site: &SiteId, id: &ClerkId) -> Result<Clerk, StoreError> {
        let mut conn = self.store.read().await?;
        rows::get(&mut conn, site, id).await
    }

    /// The site's clerks by login; `after` is the last login of the page before.
    pub async fn list(
        &self,
        site: &SiteId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Clerk>, StoreError> {
        let mut conn = self.store.read().await?;
        rows::list(&mut conn, site, after, limit).await
    }

    /// Makes a clerk. `by` is the administrator, or none where the operator does it at a terminal.
    pub async fn create(
        &self,
        site: &SiteId,
        new: Hiring<'_>,
        by: Option<&ClerkId>,
    ) -> Result<ClerkId, AccountError> {
        self.insert(site, new, true, by).await
    }

    /// Makes one clerk per role, named after it, for a site that is tried out; those who exist stay as they are. Gives the
    /// logins.
    pub async fn create_demo(
        &self,
        site: &SiteId,
        password: &str,
    ) -> Result<Vec<&'static str>, AccountError> {
        const DEMO: [(&str, &str, Role); 5] = [
            ("reviewer", "演示审核员", Role::Reviewer),
            ("finance", "演示财务", Role::Finance),
            ("maker", "演示制证员", Role::Maker),
            ("shipper", "演示发货员", Role::Shipper),
            ("admin", "演示管理员", Role::Administrator),
        ];
        for (login, name, role) in DEMO {
            let mut conn = self.store.read().await?;
            let exists = rows::find_by_login(&mut conn, site, login).await?.is_some();
            drop(conn);
            if !exists {
                self.insert(
                    site,
                    Hiring {
                        login,
                        name,
                        mobile: "",
                        roles: &[role],
                        password,
                    },
                    false,
                    None,
                )
                .await?;
            }
        }
        Ok(DEMO.map(|(login, ..)| login).to_vec())
    }

    async fn insert(
        &self,
        site: &SiteId,
        new: Hiring<'_>,
        must_change_password: bool,
        by: Option<&ClerkId>,
    ) -> Result<ClerkId, AccountError> {
        let login = login_id::normalise(new.login);
        let name = new.name.trim();
        let mut problems = Vec::new();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        if login.len() < 2 || login.len() > LOGIN_LIMIT || !login.bytes().all(allowed) {
            let message = format!("用户名为 2 至 {LOGIN_LIMIT} 位字母、数字、点、横线或下划线");
            problems.push(problem(Some(item::LOGIN_ID), message));
        }
        problems.extend(name_problem(name));
        let mobile = mobile_of(new.mobile, &mut problems);
        problems.extend(roles_problem(new.roles));
        if let Some(message) = password_problem(
            new.password,
            SHORTEST_PASSWORD,
            std::slice::from_ref(&login),
        ) {
            problems.push(problem(Some(item::PASSWORD), message));
        }
        refuse_if_any(problems)?;

        let password_hash = self.passwords.hash(new.password).await?;
        let id = ClerkId::generate();
        let mut tx = self.store.begin().await?;
        let row = NewClerk {
            id: &id,
            login: &login,
            name,
            password_hash: &password_hash,
            roles: new.roles,
            must_change_password,
            created_at: self.clock.now(),
        };
        if !rows::insert(&mut tx, site, row).await? {
            let message = "该用户名已存在，请换一个";
            return Err(AccountError::refused(Some(item::LOGIN_ID), message));
        }
        rows::set_mobile(&mut tx, &self.sealer, site, &id, mobile.as_ref()).await?;
        self.note(
            &mut tx,
            site,
            &id,
            "created",
            by_id(by),
            &role_list(new.roles),
            "",
        )
        .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(id)
    }

    /// The clerk's own mobile number, where it is known.
    pub async fn mobile(&self, site: &SiteId, id: &ClerkId) -> Result<Option<Mobile>, StoreError> {
        let mut conn = self.store.read().await?;
        rows::mobile(&mut conn, &self.sealer, site, id).await
    }

    /// Sets name, mobile number, roles and whether the clerk may log in. The site keeps at least one administrator. Disabling ends the
    /// clerk's sessions.
    pub async fn update(
        &self,
        site: &SiteId,
        changed: &Clerk,
        mobile: &str,
        by: Option<&ClerkId>,
    ) -> Result<(), AccountError> {
        let mut problems: Vec<_> = name_problem(changed.name.trim()).into_iter().collect();
        let mobile = mobile_of(mobile, &mut problems);
        problems.extend(roles_problem(&changed.roles));
        refuse_if_any(problems)?;

        let mut tx = self.store.begin().await?;
        let all = rows::hold_all(&mut tx, site).await?;
        let others = all.iter().filter(|clerk| clerk.id != changed.id);
        let had_one = all
            .iter()
            .any(|clerk| serves_as(clerk, Role::Administrator));
        let has_one = others
            .chain([changed])
            .any(|clerk| serves_as(clerk, Role::Administrator));
        if had_one && !has_one {
            let message = "站点至少要有一名可登录的管理员，请先指定另一名管理员";
            return Err(AccountError::refused(Some(item::ROLES), message));
        }
        match rows::update(&mut tx, site, changed).await {
            Err(StoreError::Conflict) => {
                let message = "该用户的信息刚刚被修改过，请刷新后重试";
                return Err(AccountError::refused(None, message));
            }
            written => written?,
        }
        rows::set_mobile(&mut tx, &self.sealer, site, &changed.id, mobile.as_ref()).await?;
        if changed.disabled {
            end_sessions(&mut tx, site, &changed.id, None).await?;
        }
        let kind = if changed.disabled {
            "disabled"
        } else {
            "updated"
        };
        self.note(
            &mut tx,
            site,
            &changed.id,
            kind,
            by_id(by),
            &role_list(&changed.roles),
            "",
        )
        .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Sets another clerk's password, to be changed at the next log-in; ends the clerk's sessions and lock-out.
    pub async fn reset_password(
        &self,
        site: &SiteId,
        id: &ClerkId,
        password: &str,
        by: Option<&ClerkId>,
    ) -> Result<(), AccountError> {
        let clerk = self.get(site, id).await?;
        self.set_password(site, &clerk, password, true, None, by)
            .await
    }

    async fn set_password(
        &self,
        site: &SiteId,
        clerk: &Clerk,
        password: &str,
        must_change: bool,
        except: Option<&str>,
        by: Option<&ClerkId>,
    ) -> Result<(), AccountError> {
        let own = std::slice::from_ref(&clerk.login);
        if let Some(message) = password_problem(password, SHORTEST_PASSWORD, own) {
            return Err(AccountError::refused(Some(item::PASSWORD), message));
        }
        let hash = self.passwords.hash(password).await?;
        let kind = if must_change {
            "password-reset"
        } else {
            "password-changed"
        };
        let mut tx = self.store.begin().await?;
        rows::set_password_hash(&mut tx, site, &clerk.id, &hash, must_change).await?;
        end_sessions(&mut tx, site, &clerk.id, except).await?;
        self.lockout
            .forgive(&mut tx, site, &self.subject(site, &clerk.login))
            .await?;
        self.note(&mut tx, site, &clerk.id, kind, by_id(by), "", "")
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// What happened to the clerk's account, newest first; `before` is the last id of the page before.
    pub async fn events(
        &self,
        site: &SiteId,
        id: &ClerkId,
        before: Option<&str>,
        limit: i64,
    ) -> Result<Vec<AccountEvent>, StoreError> {
        let mut conn = self.store.read().await?;
        account_events::list(
            &mut conn,
            site,
            SessionKind::Clerk,
            id.as_str(),
            before,
            limit,
        )
        .await
    }

    fn subject(&self, site: &SiteId, login: &str) -> String {
        let login = login_id::normalise(login);
        format!(
            "clerk/{}",
            self.sealer
                .fingerprint(&format!("{site}/clerk-login"), &login)
        )
    }

    #[allow(clippy::too_many_arguments)] // one column each
    async fn note(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &ClerkId,
        kind: &str,
        actor: &str,
        detail: &str,
        ip_digest: &str,
    ) -> Result<(), StoreError> {
        let event = NewAccountEvent {
            kind,
            subject_kind: SessionKind::Clerk,
            subject: id.as_str(),
            actor,
            detail,
            ip_digest,
            at: self.clock.now(),
        };
        account_events::insert(conn, site, event).await
    }
}

async fn end_sessions(
    conn: &mut Connection,
    site: &SiteId,
    id: &ClerkId,
    except: Option<&str>,
) -> Result<(), StoreError> {
    sessions::end_all(conn, site, SessionKind::Clerk, id.as_str(), except)
        .await
        .map(|_| ())
}

fn name_problem(name: &str) -> Option<Problem> {
    let length = name.chars().count();
    let fits = (1..=NAME_LIMIT).contains(&length) && !name.chars().any(char::is_control);
    (!fits).then(|| {
        problem(
            Some(item::NAME),
            format!("请填写姓名，最多 {NAME_LIMIT} 个字"),
        )
    })
}

/// The number, where one was given; a wrong one is a problem.
fn mobile_of(text: &str, problems: &mut Vec<Problem>) -> Option<Mobile> {
    if text.trim().is_empty() {
        return None;
    }
    match Mobile::parse(text) {
        Ok(mobile) => Some(mobile),
        Err(error) => {
            problems.push(problem(Some(item::MOBILE), error.to_string()));
            None
        }
    }
}

fn roles_problem(roles: &[Role]) -> Option<Problem> {
    roles
        .is_empty()
        .then(|| problem(Some(item::ROLES), "请至少选择一个角色"))
}

fn role_list(roles: &[Role]) -> String {
    let names: Vec<_> = roles
        .iter()
        .map(|role| format!("{role:?}").to_lowercase())
        .collect();
    names.join(" ")
}

fn by_id(by: Option<&ClerkId>) -> &str {
    by.map_or("", ClerkId::as_str)
}

fn refuse_if_any(problems: Vec<Problem>) -> Result<(), AccountError> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(AccountError::Refused(Refusal {
        problems,
        values: Values::default(),
    }))
}
