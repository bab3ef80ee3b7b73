//! Six-digit codes sent by SMS: who gets one how often, and how often one may guess.

use super::client::Client;
use super::error::{AccountError, item, problem};
use crate::rate_limits::{Allowance, Limit, RateLimits, in_words};
use async_trait::async_trait;
use std::sync::Arc;
use thiserror::Error;
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_core::rules::Problem;
use yinxin_core::time::Clock;
use yinxin_store::codes::{self, NewSmsCode};
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, Store, StoreError};

/// An SMS takes seconds, seldom a minute or two; five leave time to type.
const VALID_MINUTES: i64 = 5;
/// Five guesses at a million codes.
const GUESSES: i64 = 5;

const PER_MOBILE: Limit = Limit::per_minute(1);
const PER_MOBILE_AND_DAY: Limit = Limit::per_day(10);
/// An SMS costs money and annoys whoever did not ask for it; an office registers a few people an hour.
const PER_ADDRESS_AND_HOUR: Limit = Limit::per_hour(20);
const PER_ADDRESS_AND_DAY: Limit = Limit::per_day(60);

/// What a code is for; one for one purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodePurpose {
    Register,
    LogIn,
    Recover,
    ChangeMobile,
}

impl CodePurpose {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::LogIn => "log-in",
            Self::Recover => "recover",
            Self::ChangeMobile => "change-mobile",
        }
    }

    /// For the text of the SMS: "您正在…".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Register => "注册账号",
            Self::LogIn => "登录",
            Self::Recover => "重设密码",
            Self::ChangeMobile => "更换手机号",
        }
    }
}

/// A code on its way. No `Debug`: it holds the code.
pub struct CodeMessage<'a> {
    pub mobile: &'a Mobile,
    pub purpose: CodePurpose,
    pub code: &'a str,
    pub valid_minutes: i64,
}

#[derive(Debug, Error)]
pub enum CodeSendError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The site has no text or no provider for codes.
    #[error("no SMS can be sent: {0}")]
    Unavailable(&'static str),
}

/// Puts a code into the outbox, in the transaction that keeps its hash.
#[async_trait]
pub trait CodeSender: Send + Sync {
    async fn queue_code(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        message: CodeMessage<'_>,
    ) -> Result<(), CodeSendError>;
}

/// Whom a code is for. What is kept is a fingerprint of it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// Whoever holds the mobile.
    Mobile(&'a Mobile),
    /// The account, on the mobile of its profile.
    Account(&'a AccountId),
    /// The account, on a mobile that it does not have yet.
    NewMobile(&'a AccountId, &'a Mobile),
    /// A login id that nobody has: kept so that asking for it looks like asking for one that somebody has.
    Nobody(&'a str),
}

/// A code was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub valid_minutes: i64,
    /// Seconds until another may be asked for.
    pub again_in_seconds: i64,
}

pub(crate) const SENT: Sent = Sent {
    valid_minutes: VALID_MINUTES,
    again_in_seconds: PER_MOBILE.window_seconds,
};

/// A right guess that is not used up yet.
#[derive(Debug)]
pub(crate) struct Proven {
    id: String,
}

/// Makes, sends and checks codes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct SmsCodes {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    limits: RateLimits,
    sender: Arc<dyn CodeSender>,
}

impl SmsCodes {
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        sender: Arc<dyn CodeSender>,
    ) -> Self {
        let limits = RateLimits::new(store.clone(), clock.clone());
        Self {
            store,
            sealer,
            clock,
            limits,
            sender,
        }
    }

    /// Counts one request of this client for this recipient; a problem when it is one too many. `recipient` is a
    /// mobile number or a login id, whether it exists or not.
    pub async fn allow(
        &self,
        site: &SiteId,
        recipient: &str,
        client: &Client,
    ) -> Result<(), AccountError> {
        let recipient = self
            .sealer
            .fingerprint(&format!("{site}/sms-recipient"), recipient);
        let address = client.key(&self.sealer, site);
        for (bucket, limit) in [
            (format!("sms-minute/{recipient}"), PER_MOBILE),
            (format!("sms-hour/{address}"), PER_ADDRESS_AND_HOUR),
            (format!("sms-day/{address}"), PER_ADDRESS_AND_DAY),
            (format!("sms-day/{recipient}"), PER_MOBILE_AND_DAY),
        ] {
            if let Allowance::Refused {
                retry_after_seconds,
            } = self.limits.check(site, &bucket, limit).await?
            {
                let message = format!(
                    "短信验证码获取得太频繁，请 {} 后再试",
                    in_words(retry_after_seconds)
                );
                return Err(AccountError::refused(Some(item::SMS_CODE), message));
            }
        }
        Ok(())
    }

    /// Whether the mobile itself may get another now; for requests that name a login id and not the mobile, which may be
    /// that of several login ids and accounts.
    pub async fn may_reach(&self, site: &SiteId, mobile: &Mobile) -> Result<bool, AccountError> {
        let recipient = self
            .sealer
            .fingerprint(&format!("{site}/sms-recipient"), mobile.as_str());
        for (bucket, limit) in [
            (format!("sms-minute/{recipient}"), PER_MOBILE),
            (format!("sms-day/{recipient}"), PER_MOBILE_AND_DAY),
        ] {
            let allowance = self.limits.check(site, &bucket, limit).await?;
            if matches!(allowance, Allowance::Refused { .. }) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes a code and, where there is a mobile, sends it. Codes for the same purpose and target from before are void.
    pub async fn issue(
        &self,
        site: &SiteId,
        purpose: CodePurpose,
        target: Target<'_>,
        mobile: Option<&Mobile>,
    ) -> Result<(), AccountError> {
        let code = random_code()?;
        let target = self.target(site, target);
        let now = self.clock.now();
        let id = uuid::Uuid::now_v7().to_string();
        // A code that nobody is sent has no hash that a code could have.
        let hash = match mobile {
            Some(_) => self.hash(site, purpose, &target, &code),
            None => self.hash(site, purpose, &target, &id),
        };
        let mut tx = self.store.begin().await?;
        let new = NewSmsCode {
            id: &id,
            purpose: purpose.as_str(),
            target: &target,
            code_hash: &hash,
            created_at: now,
            expires_at: now.plus(VALID_MINUTES * 60),
        };
        codes::insert_sms(&mut tx, site, new).await?;
        if let Some(mobile) = mobile {
            let message = CodeMessage {
                mobile,
                purpose,
                code: &code,
                valid_minutes: VALID_MINUTES,
            };
            self.sender.queue_code(&mut tx, site, message).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(())
    }

    /// Whether what was typed is the code in force; counts the guess. None: it is not.
    pub async fn prove(
        &self,
        site: &SiteId,
        purpose: CodePurpose,
        target: Target<'_>,
        typed: &str,
    ) -> Result<Option<Proven>, AccountError> {
        let typed = super::login_id::normalise(typed);
        if typed.len() != 6 {
            return Ok(None);
        }
        let target = self.target(site, target);
        let now = self.clock.now();
        let mut conn = self.store.read().await?;
        let guess =
            codes::guess_sms(&mut conn, site, purpose.as_str(), &target, now, GUESSES).await?;
        let Some(guess) = guess else { return Ok(None) };
        if guess.code_hash != self.hash(site, purpose, &target, &typed) {
            return Ok(None);
        }
        // A right guess is not held against the person who has to correct another field and send the form again.
        codes::return_guess(&mut conn, site, &guess.id).await?;
        Ok(Some(Proven { id: guess.id }))
    }

    /// Uses the code up in the transaction of what it proves; refused when another request has.
    pub async fn use_up(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        proven: &Proven,
    ) -> Result<(), AccountError> {
        if codes::use_sms(conn, site, &proven.id, self.clock.now()).await? {
            Ok(())
        } else {
            Err(AccountError::Refused(super::Refusal {
                problems: vec![wrong()],
                ..Default::default()
            }))
        }
    }

    fn target(&self, site: &SiteId, target: Target<'_>) -> String {
        let text = match target {
            Target::Mobile(mobile) => format!("mobile/{}", mobile.as_str()),
            Target::Account(account) => format!("account/{account}"),
            Target::NewMobile(account, mobile) => {
                format!("account/{account}/mobile/{}", mobile.as_str())
            }
            Target::Nobody(login_key) => format!("nobody/{login_key}"),
        };
        self.sealer
            .fingerprint(&format!("{site}/sms-target"), &text)
    }

    /// Keyed: a million codes would be tried against a plain hash in no time.
    fn hash(&self, site: &SiteId, purpose: CodePurpose, target: &str, code: &str) -> String {
        let context = format!("{site}/sms-code/{}/{target}", purpose.as_str());
        self.sealer.fingerprint(&context, code)
    }
}

/// The sentence for a wrong code.
pub(crate) fn wrong() -> Problem {
    problem(
        Some(item::SMS_CODE),
        "短信验证码不正确或已过期，请核对后重新输入，或重新获取",
    )
}

fn random_code() -> Result<String, AccountError> {
    // Of 2^32 values, those that would make the first codes likelier are thrown again.
    const CODES: u32 = 1_000_000;
    const FAIR: u32 = u32::MAX - u32::MAX % CODES;
    loop {
        let random = getrandom::u32().map_err(|_| AccountError::Random)?;
        if random < FAIR {
            return Ok(format!("{:06}", random % CODES));
        }
    }
}
