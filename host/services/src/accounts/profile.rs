//! Profiles: what an account says about itself, sealed, and what pre-fills its applications.

use super::error::{AccountError, item, problem};
use super::register::{refused, taken};
use super::sms_codes::{self, CodePurpose, Sent, Target};
use super::{Accounts, Client, login_id, mobile_of, shown};
use thiserror::Error;
use yinxin_core::definition::{AccountPolicy, Field, Form, LoginId};
use yinxin_core::field;
use yinxin_core::form::{Values, read_form};
use yinxin_core::ids::{AccountId, ClerkId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_core::rules::NamedValue;
use yinxin_store::accounts::{self as rows, SealedProfile};
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, StoreError};

/// A profile's answers and the version that they were read at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub values: Values,
    /// 0: nothing is stored yet.
    pub version: i64,
}

/// Who edits.
#[derive(Clone, Copy, Debug)]
pub enum Editor<'a> {
    /// The account itself; `sms_code` came to the new mobile, where that changes.
    Applicant {
        sms_code: &'a str,
    },
    Clerk(&'a ClerkId),
}

/// The profile page as it was sent.
#[derive(Clone, Debug)]
pub struct ProfileEdit<'a> {
    /// The policy's profile form.
    pub form: &'a Form,
    /// Its answers by field name, as typed. Fields that this editor may not change need not be there.
    pub raw: &'a [(String, String)],
    /// The version that the page was made from.
    pub over: i64,
}

/// Why a plugin's value was not remembered. The names are those of the WIT interface `yinxin:accounts`.
#[derive(Debug, Error)]
pub enum RememberError {
    #[error("field {0} cannot be written")]
    NotWritable(String),
    #[error("the value of {0} is too long")]
    TooLong(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An account's profile; empty before it has one.
pub(crate) async fn stored_profile(
    conn: &mut Connection,
    sealer: &Sealer,
    site: &SiteId,
    account: &AccountId,
) -> Result<Profile, StoreError> {
    let sealed = rows::profile(conn, site, account).await?;
    opened(sealer, site, account, sealed)
}

fn opened(
    sealer: &Sealer,
    site: &SiteId,
    account: &AccountId,
    sealed: Option<SealedProfile>,
) -> Result<Profile, StoreError> {
    let Some(sealed) = sealed else {
        return Ok(Profile::default());
    };
    let plain = sealer.open(&context(site, account), &sealed.data)?;
    let values = serde_json::from_slice(&plain).map_err(|_| StoreError::Damaged("a profile"))?;
    Ok(Profile {
        values,
        version: sealed.version,
    })
}

impl Accounts {
    pub async fn profile(&self, site: &SiteId, account: &AccountId) -> Result<Profile, StoreError> {
        let mut conn = self.store.read().await?;
        self.get_profile(&mut conn, site, account).await
    }

    /// As [`Accounts::profile`], within a transaction.
    pub async fn get_profile(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        account: &AccountId,
    ) -> Result<Profile, StoreError> {
        stored_profile(conn, &self.sealer, site, account).await
    }

    /// A profile as it was stored; empty where there is none.
    pub fn open_profile(
        &self,
        site: &SiteId,
        account: &AccountId,
        sealed: Option<SealedProfile>,
    ) -> Result<Profile, StoreError> {
        opened(&self.sealer, site, account, sealed)
    }

    pub(super) async fn put_profile(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        account: &AccountId,
        profile: &Profile,
    ) -> Result<(), StoreError> {
        let plain =
            serde_json::to_vec(&profile.values).map_err(|_| StoreError::Damaged("a profile"))?;
        let sealed = self.sealer.seal(&context(site, account), &plain)?;
        rows::put_profile(conn, site, account, &sealed, profile.version).await
    }

    /// Names of the profile's fields that this editor cannot change: for the page to show them as text.
    pub fn fixed_fields(
        policy: &AccountPolicy,
        form: &Form,
        profile: &Profile,
        editor: Editor<'_>,
    ) -> Vec<String> {
        let by_clerk = matches!(editor, Editor::Clerk(_));
        fields(form)
            .filter(|field| {
                // A wrong code or user name means registering again (manual row J-1), for clerks too.
                let names_the_account = [LoginId::Uscc, LoginId::Username]
                    .into_iter()
                    .filter(|kind| policy.login_ids.contains(kind))
                    .filter_map(|kind| login_id::field_for(policy, form, kind))
                    .any(|held| held.name == field.name);
                let filled = !profile.values.get(&field.name).is_empty();
                (names_the_account && filled) || (!by_clerk && policy.is_for_clerks(&field.name))
            })
            .map(|field| field.name.to_string())
            .collect()
    }

    /// Sends a code to the mobile that the account is about to change to.
    pub async fn send_mobile_change_code(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        account: &AccountId,
        mobile: &str,
        client: &Client,
    ) -> Result<Sent, AccountError> {
        let mobile = Mobile::parse(mobile).map_err(|wrong| {
            AccountError::refused(Some(&policy.mobile_field), wrong.to_string())
        })?;
        self.codes.allow(site, mobile.as_str(), client).await?;
        let target = Target::NewMobile(account, &mobile);
        self.codes
            .issue(site, CodePurpose::ChangeMobile, target, Some(&mobile))
            .await?;
        Ok(sms_codes::SENT)
    }

    /// Writes the profile, or says everything that is wrong at once.
    pub async fn edit_profile(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        account: &AccountId,
        edit: ProfileEdit<'_>,
        editor: Editor<'_>,
        client: &Client,
    ) -> Result<(), AccountError> {
        let before = self.profile(site, account).await?;
        let fixed = Self::fixed_fields(policy, edit.form, &before, editor);
        let mut problems: Vec<_> = fields(edit.form)
            .filter(|field| {
                fixed.iter().any(|name| *name == field.name)
                    && is_changed(field, edit.raw, &before.values)
            })
            .map(|field| problem(Some(&field.name), fixed_sentence(policy, field)))
            .collect();
        let open = without(edit.form, &fixed);
        let reading = read_form(&open, edit.raw, &before.values);
        let values = reading.values;
        problems.extend(reading.problems);
        if edit.over != before.version {
            return Err(refused(vec![stale()], values));
        }

        let (old, new) = (
            mobile_of(policy, &before.values),
            mobile_of(policy, &values),
        );
        let mut proven = None;
        if let Editor::Applicant { sms_code } = editor
            && old != new
        {
            match &new {
                Some(mobile) => {
                    let target = Target::NewMobile(account, mobile);
                    proven = self
                        .codes
                        .prove(site, CodePurpose::ChangeMobile, target, sms_code)
                        .await?;
                    if proven.is_none() {
                        problems.push(problem(
                            Some(item::SMS_CODE),
                            "更换手机号需要新手机号收到的短信验证码，请获取并正确填写",
                        ));
                    }
                }
                // What was typed and is no mobile has its own problem already.
                None if values.get(&policy.mobile_field).is_empty() => {
                    let message = "手机号用于接收验证码，可以更换，不能删除";
                    problems.push(problem(Some(&policy.mobile_field), message));
                }
                None => {}
            }
        }
        if !problems.is_empty() {
            return Err(refused(problems, values));
        }

        let held_before = login_id::held(policy, edit.form, &before.values);
        let held_after = login_id::held(policy, edit.form, &values);
        if held_after.is_empty() && !held_before.is_empty() {
            let message = format!("请至少保留一种登录方式：{}", login_id::in_words(policy));
            return Err(refused(vec![problem(None, message)], values));
        }
        let (name, mobile_masked) = shown(policy, &values);
        let mut tx = self.store.begin().await?;
        if let Some(proven) = &proven {
            self.codes.use_up(&mut tx, site, proven).await?;
        }
        for gone in held_before.iter().filter(|held| !held_after.contains(held)) {
            rows::remove_login_ids(&mut tx, site, account, gone.kind).await?;
        }
        for new in held_after.iter().filter(|held| !held_before.contains(held)) {
            let key = login_id::key(&self.sealer, site, &new.text);
            if !rows::add_login_id(&mut tx, site, &key, new.kind, account).await? {
                return Err(refused(vec![taken(new)], values));
            }
        }
        rows::set_shown(&mut tx, site, account, &name, &mobile_masked).await?;
        let profile = Profile {
            values,
            version: before.version,
        };
        match self.put_profile(&mut tx, site, account, &profile).await {
            Err(StoreError::Conflict) => return Err(refused(vec![stale()], profile.values)),
            written => written?,
        }
        let (kind, by) = match editor {
            Editor::Applicant { .. } if old != new => ("mobile-changed", ""),
            Editor::Applicant { .. } => ("profile-edited", ""),
            Editor::Clerk(clerk) => ("profile-edited", clerk.as_str()),
        };
        self.note(&mut tx, site, account, kind, by, client).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Writes what a plugin wants the profile to remember, in the transaction of the rule call. Fields that log in, get
    /// codes or are the clerks' alone are not the plugin's to write.
    pub async fn remember(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        policy: &AccountPolicy,
        form: &Form,
        account: &AccountId,
        entries: &[NamedValue],
    ) -> Result<(), RememberError> {
        let mut profile = self.get_profile(conn, site, account).await?;
        for entry in entries {
            let field = Self::rememberable(policy, form, &entry.name)
                .ok_or_else(|| RememberError::NotWritable(entry.name.clone()))?;
            if entry.value.chars().count() > field::limit(field) {
                return Err(RememberError::TooLong(entry.name.clone()));
            }
            let value = field::parse(field, &entry.value)
                .map_err(|_| RememberError::NotWritable(entry.name.clone()))?;
            profile.values.set(&entry.name, value);
        }
        let (name, mobile_masked) = shown(policy, &profile.values);
        rows::set_shown(conn, site, account, &name, &mobile_masked).await?;
        self.put_profile(conn, site, account, &profile).await?;
        Ok(())
    }

    /// The profile's field of this name, where a plugin may write it.
    pub fn rememberable<'a>(
        policy: &AccountPolicy,
        form: &'a Form,
        name: &str,
    ) -> Option<&'a Field> {
        let logs_in = policy
            .login_ids
            .iter()
            .filter_map(|&kind| login_id::field_for(policy, form, kind))
            .any(|field| field.name == name);
        let closed = logs_in || name == policy.mobile_field || policy.is_for_clerks(name);
        if closed {
            None
        } else {
            fields(form).find(|field| field.name == name)
        }
    }
}

fn context(site: &SiteId, account: &AccountId) -> String {
    format!("{site}/profile/{account}")
}

fn fields(form: &Form) -> impl Iterator<Item = &Field> {
    form.sections.iter().flat_map(|section| &section.fields)
}

fn without(form: &Form, names: &[String]) -> Form {
    let mut form = form.clone();
    for section in &mut form.sections {
        let is_named = |field: &Field| names.iter().any(|name| *name == field.name);
        section.fields.retain(|field| !is_named(field));
    }
    form
}

/// True when a fixed field was sent with another value than it has.
fn is_changed(field: &Field, raw: &[(String, String)], before: &Values) -> bool {
    raw.iter()
        .filter(|(name, _)| *name == field.name)
        .any(|(_, typed)| {
            field::parse(field, typed).map_or(true, |value| value != before.get(&field.name))
        })
}

fn fixed_sentence(policy: &AccountPolicy, field: &Field) -> String {
    let label = field.label.trim_end_matches(['：', ':']);
    if policy.is_for_clerks(&field.name) {
        format!("{label}只能由工作人员变更，请联系客服")
    } else {
        format!("{label}是登录名，不能变更；如有错误，请重新注册")
    }
}

fn stale() -> yinxin_core::rules::Problem {
    problem(None, "资料刚刚在别处修改过，请核对现在的内容后重新保存")
}
