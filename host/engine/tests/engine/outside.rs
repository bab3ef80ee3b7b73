//! Where the network ends: a clock that tests move, pockets for SMS and mail, a booth for face checks.

use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use yinxin_core::ids::SiteId;
use yinxin_core::time::{Clock, Millis};
use yinxin_services::accounts::{CodeMessage, CodeSendError, CodeSender};
use yinxin_services::identity::{About, FaceCheck, FaceError, Notification, Opened, Report, Visit};
use yinxin_services::messaging::{Failure, Mail, Mailer, Sms, SmsProvider};
use yinxin_store::Connection;

/// The system's clock, moved by tests. It goes on, because providers compare it with their own.
#[derive(Default)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Shows this instant from now on.
    pub fn set(&self, at: Millis) {
        self.0.store(at.0 - Millis::now().0, Ordering::SeqCst);
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Millis {
        Millis(Millis::now().0 + self.0.load(Ordering::SeqCst))
    }
}

/// A mail that arrived.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub body: String,
    /// Names and bytes.
    pub attachments: Vec<(String, Vec<u8>)>,
}

/// What arrived on mobiles and in mailboxes.
#[derive(Default)]
pub struct Pocket {
    /// Mobile and code of registrations.
    codes: Mutex<HashMap<String, String>>,
    /// Mobile, template code and the sender's number, oldest first.
    sms: Mutex<Vec<(String, String, String)>>,
    mail: Mutex<Vec<Letter>>,
}

impl Pocket {
    pub fn code(&self, mobile: &str) -> String {
        self.codes.lock().unwrap()[mobile].clone()
    }

    /// Mobiles and template codes, oldest first.
    pub fn sms(&self) -> Vec<(String, String)> {
        let sms = self.sms.lock().unwrap();
        let shown = sms
            .iter()
            .map(|(mobile, code, _)| (mobile.clone(), code.clone()));
        shown.collect()
    }

    pub fn mail(&self) -> Vec<Letter> {
        self.mail.lock().unwrap().clone()
    }
}

#[async_trait]
impl CodeSender for Pocket {
    async fn queue_code(
        &self,
        _: &mut Connection,
        _: &SiteId,
        message: CodeMessage<'_>,
    ) -> Result<(), CodeSendError> {
        let to = message.mobile.as_str().to_owned();
        self.codes
            .lock()
            .unwrap()
            .insert(to, message.code.to_owned());
        Ok(())
    }
}

#[async_trait]
impl SmsProvider for Pocket {
    fn name(&self) -> &'static str {
        "pocket"
    }

    async fn send(&self, sms: &Sms<'_>) -> Result<String, Failure> {
        let mut kept = self.sms.lock().unwrap();
        kept.push((
            sms.mobile.to_owned(),
            sms.template_code.to_owned(),
            sms.id.to_owned(),
        ));
        Ok(sms.id.to_owned())
    }

    async fn find(&self, sms: &Sms<'_>) -> Result<Option<String>, Failure> {
        let kept = self.sms.lock().unwrap();
        let taken = kept.iter().any(|(_, _, id)| id == sms.id);
        Ok(taken.then(|| sms.id.to_owned()))
    }
}

#[async_trait]
impl Mailer for Pocket {
    async fn send(&self, mail: &Mail<'_>) -> Result<String, Failure> {
        let attachments = mail.attachments.iter();
        self.mail.lock().unwrap().push(Letter {
            to: mail.to.to_owned(),
            subject: mail.subject.to_owned(),
            body: mail.body.to_owned(),
            attachments: attachments
                .map(|a| (a.name.clone(), a.bytes.clone()))
                .collect(),
        });
        Ok(mail.id.to_owned())
    }
}

/// A provider of face checks that everybody passes before.
#[derive(Default)]
pub struct Booth;

#[async_trait]
impl FaceCheck for Booth {
    async fn begin(&self, visit: &Visit<'_>) -> Result<Opened, FaceError> {
        // Its own number of the visit is ours, so that it need not remember.
        let provider_no = visit.reference.to_owned();
        let page_url = format!("https://face.example.cn/{provider_no}");
        Ok(Opened {
            provider_no,
            page_url,
        })
    }

    async fn result(&self, provider_no: &str) -> Result<(About, Report), FaceError> {
        let about = About {
            reference: provider_no.to_owned(),
            provider_no: provider_no.to_owned(),
        };
        Ok((about, Report::Passed))
    }

    fn read(&self, _: &Notification<'_>) -> Result<(About, Report), FaceError> {
        Err(FaceError::Forged)
    }
}
