//! The seams to the providers.

use async_trait::async_trait;
use yinxin_core::time::Millis;

/// An SMS as a provider gets it.
pub struct Sms<'a> {
    /// The message's id: the provider repeats it in its records.
    pub id: &'a str,
    /// Eleven digits.
    pub mobile: &'a str,
    pub template_code: &'a str,
    /// Names and values in the template's order.
    pub parameters: &'a [(String, String)],
    /// Since when the provider may know of it.
    pub queued_at: Millis,
}

/// A mail as a server gets it.
pub struct Mail<'a> {
    /// The message's id: the same in every try, so that a receiver can drop a repeat.
    pub id: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    pub body: &'a str,
    pub attachments: Vec<Attachment>,
}

pub struct Attachment {
    pub name: String,
    /// `application/pdf`
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// Why a try did not work. `why` is a sentence for a clerk: no number, no address, no text of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether another try may work: the line, the provider or the site's account is at fault, not the message.
    pub again: bool,
    pub why: String,
}

impl Failure {
    pub fn again(why: impl Into<String>) -> Self {
        Self {
            again: true,
            why: why.into(),
        }
    }

    pub fn never(why: impl Into<String>) -> Self {
        Self {
            again: false,
            why: why.into(),
        }
    }
}

/// A sender of SMS.
#[async_trait]
pub trait SmsProvider: Send + Sync {
    /// For records: `aliyun`.
    fn name(&self) -> &'static str;

    /// Hands the SMS over; gives the provider's number for it.
    async fn send(&self, sms: &Sms<'_>) -> Result<String, Failure>;

    /// The provider's number for an SMS that it took earlier, or none.
    async fn find(&self, sms: &Sms<'_>) -> Result<Option<String>, Failure>;
}

/// A sender of mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands the mail over; gives its Message-ID.
    async fn send(&self, mail: &Mail<'_>) -> Result<String, Failure>;
}
