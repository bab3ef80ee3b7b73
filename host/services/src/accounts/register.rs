//! Registering: one login id, one account per site.

use super::error::{AccountError, Refusal, item, problem};
use super::password::problem_of;
use super::sms_codes::{self, CodePurpose, Sent, Target};
use super::{
    Accounts, AskedProofs, Begun, Client, PictureAnswer, Profile, SessionToken, login_id,
    mobile_of, picture_codes, shown,
};
use crate::rate_limits::{Allowance, Limit, in_words};
use yinxin_core::definition::{AccountPolicy, FieldKind, Form, LoginId};
use yinxin_core::form::{Values, read_form};
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_core::rules::Problem;
use yinxin_store::StoreError;
use yinxin_store::accounts::{self as rows, NewAccount};
use yinxin_store::sessions::SessionKind;

/// Tries of one address: enough for an office with clumsy fingers, too few to list who is registered.
const TRIES: Limit = Limit::per_hour(60);

/// The registration page as it was sent. No `Debug`: it holds a password.
pub struct Registration<'a> {
    /// The policy's registration form.
    pub form: &'a Form,
    /// Its answers by field name, as typed.
    pub raw: &'a [(String, String)],
    pub password: &'a str,
    pub password_again: &'a str,
    /// The box under the site's terms is ticked.
    pub terms_accepted: bool,
    pub picture: Option<PictureAnswer>,
    pub sms_code: &'a str,
}

impl Accounts {
    /// Sends a code to the mobile that somebody wants to register with.
    pub async fn send_registration_code(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        mobile: &str,
        picture: Option<&PictureAnswer>,
        client: &Client,
    ) -> Result<Sent, AccountError> {
        let mobile = Mobile::parse(mobile).map_err(|wrong| {
            AccountError::refused(Some(&policy.mobile_field), wrong.to_string())
        })?;
        let asked = AskedProofs::of(&policy.registration_proofs);
        self.guard_sending(site, asked, picture).await?;
        self.codes.allow(site, mobile.as_str(), client).await?;
        let target = Target::Mobile(&mobile);
        self.codes
            .issue(site, CodePurpose::Register, target, Some(&mobile))
            .await?;
        Ok(sms_codes::SENT)
    }

    /// Refused where nobody is asked for a code by SMS, and where a picture code has to be given before one is sent and is
    /// not right.
    pub(super) async fn guard_sending(
        &self,
        site: &SiteId,
        asked: AskedProofs,
        picture: Option<&PictureAnswer>,
    ) -> Result<(), AccountError> {
        if !asked.sms_code {
            let message = "这里不需要短信验证码";
            return Err(AccountError::refused(Some(item::SMS_CODE), message));
        }
        if asked.picture_with_sms && !self.pictures.is_right(site, picture).await? {
            return Err(refused(vec![picture_codes::wrong()], Values::default()));
        }
        Ok(())
    }

    /// Makes the account and logs it in, or says everything that is wrong at once.
    pub async fn register(
        &self,
        site: &SiteId,
        policy: &AccountPolicy,
        sent: Registration<'_>,
        client: &Client,
        replaces: Option<&SessionToken>,
    ) -> Result<Begun, AccountError> {
        let bucket = format!("register/{}", client.key(&self.sealer, site));
        if let Allowance::Refused {
            retry_after_seconds,
        } = self.limits.check(site, &bucket, TRIES).await?
        {
            let wait = in_words(retry_after_seconds);
            return Err(AccountError::refused(
                None,
                format!("注册提交得太频繁，请 {wait} 后再试"),
            ));
        }

        let reading = read_form(sent.form, sent.raw, &Values::default());
        let values = reading.values;
        let mut problems = reading.problems;
        let ids = login_id::held(policy, sent.form, &values);
        if ids.is_empty() && problems.is_empty() {
            let message = format!("请填写用于登录的{}", login_id::in_words(policy));
            problems.push(problem(None, message));
        }
        for id in &ids {
            // Else somebody could take another person's mobile as a user name.
            if id.kind == LoginId::Username && Mobile::parse(&id.text).is_ok() {
                problems.push(problem(Some(&id.field), "用户名不能是手机号码，请换一个"));
            }
        }
        let texts: Vec<String> = ids.iter().map(|id| id.text.clone()).collect();
        problems.extend(password_problems(
            sent.password,
            sent.password_again,
            policy,
            &texts,
        ));
        if !sent.terms_accepted {
            problems.push(problem(Some(item::TERMS), "请阅读并勾选同意服务条款"));
        }

        let asked = AskedProofs::of(&policy.registration_proofs);
        if asked.picture_with_form && !self.pictures.is_right(site, sent.picture.as_ref()).await? {
            problems.push(picture_codes::wrong());
        }
        let mobile = mobile_of(policy, &values);
        let proven = match (&mobile, asked.sms_code) {
            (Some(mobile), true) => {
                let target = Target::Mobile(mobile);
                self.codes
                    .prove(site, CodePurpose::Register, target, sent.sms_code)
                    .await?
            }
            _ => None,
        };
        if asked.sms_code && proven.is_none() {
            problems.push(sms_codes::wrong());
        }
        // Only who has given the proofs is told whether a login id is taken.
        if problems.is_empty() {
            let mut conn = self.store.read().await?;
            for id in &ids {
                let key = login_id::key(&self.sealer, site, &id.text);
                if rows::find_by_login_id(&mut conn, site, &key)
                    .await?
                    .is_some()
                {
                    problems.push(taken(id));
                }
            }
        }
        if !problems.is_empty() {
            return Err(refused(problems, values));
        }

        let password_hash = self.passwords.hash(sent.password).await?;
        let account = AccountId::generate();
        let (name, mobile_masked) = shown(policy, &values);
        let mut tx = self.store.begin().await?;
        if let Some(proven) = &proven {
            self.codes.use_up(&mut tx, site, proven).await?;
        }
        let mut keyed: Vec<_> = ids
            .iter()
            .map(|id| (login_id::key(&self.sealer, site, &id.text), id))
            .collect();
        // One order for everybody, so that two registrations that want the same two ids do not wait for each other.
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, id) in keyed {
            if !rows::add_login_id(&mut tx, site, &key, id.kind, &account).await? {
                return Err(refused(vec![taken(id)], values));
            }
        }
        let new = NewAccount {
            id: &account,
            password_hash: &password_hash,
            name: &name,
            mobile_masked: &mobile_masked,
            created_at: self.clock.now(),
        };
        rows::insert(&mut tx, site, new).await?;
        let profile = Profile {
            values: without_secrets(sent.form, values),
            version: 0,
        };
        self.put_profile(&mut tx, site, &account, &profile).await?;
        self.note(&mut tx, site, &account, "registered", "", client)
            .await?;
        let kind = SessionKind::Applicant;
        let begun = self
            .sessions
            .begin(&mut tx, site, kind, account.as_str(), client, replaces)
            .await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(begun)
    }
}

/// What is wrong with a new password and its repetition.
pub(super) fn password_problems(
    password: &str,
    again: &str,
    policy: &AccountPolicy,
    login_ids: &[String],
) -> Vec<Problem> {
    match problem_of(password, policy.password_length, login_ids) {
        Some(message) => vec![problem(Some(item::PASSWORD), message)],
        None if password != again => {
            vec![problem(
                Some(item::PASSWORD_AGAIN),
                "两次输入的密码不一致，请重新输入",
            )]
        }
        None => Vec::new(),
    }
}

pub(super) fn taken(id: &login_id::Held) -> Problem {
    let label = id.label.trim_end_matches(['：', ':']);
    problem(
        Some(&id.field),
        format!("该{label}已注册，请直接登录；忘记密码可以重设"),
    )
}

pub(super) fn refused(problems: Vec<Problem>, values: Values) -> AccountError {
    AccountError::Refused(Refusal { problems, values })
}

/// Answers to challenge questions belong to the case that asks them again, not to the profile.
fn without_secrets(form: &Form, mut values: Values) -> Values {
    for field in form.sections.iter().flat_map(|section| &section.fields) {
        if field.kind == FieldKind::SecretAnswer {
            values.remove(&field.name);
        }
    }
    values
}
