//! SMS and mail: queued in the transaction that causes them, sent after it, once, with retries; what cannot be sent is
//! kept for a clerk.
//!
//! A message is `queued` → `sending` → `sent`, or back to `queued` with a later date, or `failed` (as often tried as it may
//! be) or `dead` (refused for good, out of date). Before a second try the provider is asked whether it has the message
//! already, since the answer to the first may have been lost.

mod aliyun;
mod back_off;
mod channel;
mod smtp;
mod tencent;
mod wire;

pub use aliyun::{Aliyun, AliyunAccount};
pub use channel::{Attachment, Failure, Mail, Mailer, Sms, SmsProvider};
pub use smtp::{Smtp, SmtpAccount, SmtpConfigError, Tls};
pub use tencent::{Tencent, TencentAccount};
pub use yinxin_store::messages::{Channel, Message, State};

use crate::job_end::JobEnd;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use yinxin_core::definition::MessageContent;
use yinxin_core::definition::template::{self, TemplateError};
use yinxin_core::ids::{CaseId, FileId, MessageId, SiteId};
use yinxin_core::mobile::Mobile;
use yinxin_core::rules::NamedValue;
use yinxin_core::time::{Clock, Millis};
use yinxin_store::blobs::Blobs;
use yinxin_store::jobs::{self, NewJob};
use yinxin_store::{Connection, Store, StoreError, files, messages, seal::Sealer};

/// Kind of the job that sends one SMS.
pub const MESSAGE_JOB: &str = "message";
/// Kind of the job that sends one mail; of its own, so that a mail server that does not answer holds up no code by SMS.
pub const MAIL_JOB: &str = "mail";

/// Why a message was not queued or its job did not run.
#[derive(Debug, thiserror::Error)]
pub enum MessagingError {
    /// The recipient is neither a mobile number (SMS) nor a mail address (mail).
    #[error("the recipient cannot be reached by this channel")]
    NoRecipient,
    /// The text needs a parameter that was not given.
    #[error("the text needs the parameter `{0}`")]
    MissingParameter(String),
    /// The text's braces do not match; the definition's lint refuses such a text.
    #[error("the text cannot be read")]
    BadText,
    /// A job's payload is not of this version.
    #[error("the job cannot be read")]
    BadJob,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A message to be queued.
#[derive(Clone)]
pub struct NewMessage {
    /// The sender's own key, unique in the site: queuing it again changes nothing.
    pub key: String,
    /// The case that it tells of, or none.
    pub case_id: Option<CaseId>,
    /// Mobile number for an SMS, address for a mail.
    pub recipient: String,
    /// Id of the text in the definition.
    pub template: String,
    pub content: MessageContent,
    pub parameters: Vec<NamedValue>,
    /// Files that go along with a mail.
    pub attachments: Vec<FileId>,
    /// After this it makes no sense to send it: a code that has run out.
    pub expires_at: Option<Millis>,
}

/// A site's ways to reach people. Without one, messages of that channel wait as dead letters.
#[derive(Clone, Default)]
pub struct Channels {
    pub sms: Option<Arc<dyn SmsProvider>>,
    pub mail: Option<Arc<dyn Mailer>>,
}

pub struct Messaging {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    blobs: Arc<Blobs>,
    channels: HashMap<SiteId, Channels>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    message: MessageId,
    round: i64,
}

impl Messaging {
    pub fn new(
        store: Store,
        sealer: Arc<Sealer>,
        clock: Arc<dyn Clock>,
        blobs: Arc<Blobs>,
        channels: HashMap<SiteId, Channels>,
    ) -> Self {
        Self {
            store,
            sealer,
            clock,
            blobs,
            channels,
        }
    }

    /// Writes the message and the job that sends it into the caller's transaction; gives the message's id, or that of the
    /// one queued before under the same key.
    pub async fn queue(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        new: NewMessage,
    ) -> Result<MessageId, MessagingError> {
        if let Some(id) = messages::id_by_key(conn, site, &new.key).await? {
            return Ok(id);
        }
        let message = self.compose(new)?;
        if messages::insert(conn, &self.sealer, site, &message).await? {
            self.enqueue(conn, site, &message, 0).await?;
            return Ok(message.id);
        }
        // Another transaction was faster between the two statements.
        let id = messages::id_by_key(conn, site, &message.idem).await?;
        Ok(id.ok_or(StoreError::Conflict)?)
    }

    async fn enqueue(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        message: &Message,
        round: i64,
    ) -> Result<(), MessagingError> {
        let payload = serde_json::to_string(&Payload {
            message: message.id.clone(),
            round,
        });
        let job = NewJob {
            kind: match message.channel {
                Channel::Sms => MESSAGE_JOB,
                Channel::Mail => MAIL_JOB,
            },
            key: format!("{}/{round}", message.id),
            case_id: message
                .case
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            payload: payload.map_err(|_| MessagingError::BadJob)?,
            run_at: self.clock.now(),
        };
        jobs::enqueue(conn, site, job).await?;
        Ok(())
    }

    fn compose(&self, new: NewMessage) -> Result<Message, MessagingError> {
        let value = |name: &str| {
            new.parameters
                .iter()
                .find(|p| p.name == name)
                .map(|p| p.value.clone())
        };
        let fill = |text: &str| {
            template::fill(text, value).map_err(|error| match error {
                TemplateError::Unknown(name) => MessagingError::MissingParameter(name),
                _ => MessagingError::BadText,
            })
        };
        let now = self.clock.now();
        let mut message = Message {
            id: MessageId::generate(),
            idem: new.key,
            case: new.case_id,
            channel: Channel::Sms,
            template: new.template,
            template_code: String::new(),
            recipient: String::new(),
            recipient_masked: String::new(),
            subject: String::new(),
            body: String::new(),
            parameters: Vec::new(),
            attachments: Vec::new(),
            state: State::Queued,
            round: 0,
            attempts: 0,
            next_at: now,
            expires_at: new.expires_at,
            provider: String::new(),
            provider_no: String::new(),
            last_error: String::new(),
            created_at: now,
            sent_at: None,
        };
        match new.content {
            MessageContent::Sms(sms) => {
                let mobile =
                    Mobile::parse(&new.recipient).map_err(|_| MessagingError::NoRecipient)?;
                message.recipient_masked = mobile.masked();
                message.recipient = mobile.as_str().to_owned();
                message.body = fill(&sms.text)?;
                message.template_code = sms.template_code;
                for name in sms.parameters {
                    let value = value(&name)
                        .ok_or_else(|| MessagingError::MissingParameter(name.clone()))?;
                    message.parameters.push((name, value));
                }
            }
            MessageContent::Mail(mail) => {
                message.channel = Channel::Mail;
                let address = new.recipient.trim();
                if !smtp::is_address(address) {
                    return Err(MessagingError::NoRecipient);
                }
                message.recipient_masked = masked_address(address);
                message.recipient = address.to_owned();
                message.subject = fill(&mail.subject)?;
                message.body = fill(&mail.body)?;
                message.attachments = new.attachments;
            }
        }
        Ok(message)
    }

    /// Runs a job of the kind [`MESSAGE_JOB`] or [`MAIL_JOB`]: one try.
    pub async fn run(&self, site: &SiteId, payload: &str) -> Result<JobEnd, MessagingError> {
        let payload: Payload = serde_json::from_str(payload).map_err(|_| MessagingError::BadJob)?;
        let mut tx = self.store.begin().await?;
        if !messages::begin_try(&mut tx, site, &payload.message, payload.round).await? {
            return Ok(JobEnd::Done);
        }
        let message = messages::find(&mut tx, &self.sealer, site, &payload.message).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let Some(message) = message else {
            return Ok(JobEnd::Done);
        };
        let now = self.clock.now();
        let outdated = message.expires_at.is_some_and(|at| at <= now);
        let sent = if outdated {
            Err(Failure::never("已过有效期，没有再发送"))
        } else {
            self.send(site, &message).await
        };
        let mut tx = self.store.begin().await?;
        let end = match sent {
            Ok((provider, number)) => {
                messages::mark_sent(
                    &mut tx,
                    site,
                    &message.id,
                    (provider, &number),
                    self.clock.now(),
                )
                .await?;
                tracing::info!(message = %message.id, template = message.template, provider, "message sent");
                JobEnd::Done
            }
            Err(failure) => self.unsent(&mut tx, site, &message, failure).await?,
        };
        tx.commit().await.map_err(StoreError::from)?;
        Ok(end)
    }

    /// Notes a try that went wrong, and when the next one is.
    async fn unsent(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        message: &Message,
        failure: Failure,
    ) -> Result<JobEnd, MessagingError> {
        let now = self.clock.now();
        let again = failure
            .again
            .then(|| back_off::next_try(now, message.attempts))
            .flatten();
        tracing::warn!(
            message = %message.id, template = message.template, attempt = message.attempts, gives_up = again.is_none(),
            why = failure.why, "message not sent"
        );
        let (state, at, end) = match again {
            Some(at) => (
                State::Queued,
                at,
                JobEnd::Again {
                    at,
                    why: failure.why.clone(),
                },
            ),
            None if failure.again => (State::Failed, now, JobEnd::Done),
            None => (State::Dead, now, JobEnd::Done),
        };
        messages::mark_unsent(conn, site, &message.id, state, at, &failure.why).await?;
        Ok(end)
    }

    /// One try; gives the provider's name and number.
    async fn send(
        &self,
        site: &SiteId,
        message: &Message,
    ) -> Result<(&'static str, String), Failure> {
        const UNCONFIGURED: &str = "本站没有配置这种发送方式，请管理员检查配置";
        let channels = self
            .channels
            .get(site)
            .ok_or_else(|| Failure::again(UNCONFIGURED))?;
        match message.channel {
            Channel::Sms => {
                let provider = channels
                    .sms
                    .as_ref()
                    .ok_or_else(|| Failure::again(UNCONFIGURED))?;
                let sms = Sms {
                    id: message.id.as_str(),
                    mobile: &message.recipient,
                    template_code: &message.template_code,
                    parameters: &message.parameters,
                    queued_at: message.created_at,
                };
                if message.attempts > 1
                    && let Some(number) = self.already_taken(provider.as_ref(), &sms).await?
                {
                    return Ok((provider.name(), number));
                }
                Ok((provider.name(), provider.send(&sms).await?))
            }
            Channel::Mail => {
                let mailer = channels
                    .mail
                    .as_ref()
                    .ok_or_else(|| Failure::again(UNCONFIGURED))?;
                let mail = Mail {
                    id: message.id.as_str(),
                    to: &message.recipient,
                    subject: &message.subject,
                    body: &message.body,
                    attachments: self.attachments(site, message).await?,
                };
                Ok(("smtp", mailer.send(&mail).await?))
            }
        }
    }

    /// Whether the provider took an earlier try whose answer was lost. An account that may not ask is no reason not to
    /// send.
    async fn already_taken(
        &self,
        provider: &dyn SmsProvider,
        sms: &Sms<'_>,
    ) -> Result<Option<String>, Failure> {
        match provider.find(sms).await {
            Ok(number) => Ok(number),
            Err(failure) if failure.again => Err(failure),
            Err(failure) => {
                tracing::warn!(
                    provider = provider.name(),
                    why = failure.why,
                    "cannot ask for earlier tries"
                );
                Ok(None)
            }
        }
    }

    async fn attachments(
        &self,
        site: &SiteId,
        message: &Message,
    ) -> Result<Vec<Attachment>, Failure> {
        let mut attachments = Vec::new();
        for id in &message.attachments {
            let file = match self.store.read().await {
                Ok(mut conn) => files::find(&mut conn, &self.sealer, site, id).await,
                Err(error) => Err(error),
            };
            let file = file.map_err(|_| Failure::again("附件暂时读不到"))?;
            let file = file.ok_or_else(|| Failure::never("附件已被删除"))?;
            let bytes = self
                .blobs
                .get(&file.original_key)
                .await
                .map_err(|_| Failure::again("附件暂时读不到"))?;
            attachments.push(Attachment {
                name: file.name,
                media_type: file.media_type,
                bytes,
            });
        }
        Ok(attachments)
    }

    /// What could not be sent, newest first, before the id `after`.
    pub async fn dead_letters(
        &self,
        site: &SiteId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Message>, MessagingError> {
        let mut conn = self.store.read().await?;
        Ok(messages::unsent(&mut conn, &self.sealer, site, after, limit).await?)
    }

    /// The messages of a case, oldest first, after the id `after`.
    pub async fn of_case(
        &self,
        site: &SiteId,
        case: &CaseId,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Message>, MessagingError> {
        let mut conn = self.store.read().await?;
        Ok(messages::of_case(&mut conn, &self.sealer, site, case, after, limit).await?)
    }

    /// Sends a message again that could not be sent; false when there is none such.
    pub async fn resend(&self, site: &SiteId, id: &MessageId) -> Result<bool, MessagingError> {
        let mut tx = self.store.begin().await?;
        let Some(round) = messages::requeue(&mut tx, site, id, self.clock.now()).await? else {
            return Ok(false);
        };
        let message = messages::find(&mut tx, &self.sealer, site, id)
            .await?
            .ok_or(StoreError::NotFound)?;
        self.enqueue(&mut tx, site, &message, round).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(true)
    }
}

/// `z***@example.cn`
fn masked_address(address: &str) -> String {
    let (who, host) = address.split_once('@').unwrap_or((address, ""));
    let first = who.chars().next().map(String::from).unwrap_or_default();
    format!("{first}***@{host}")
}

#[cfg(test)]
mod tests;
