//! Codes that prove a mobile number, sent by the same outbox as all messages.

use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::Arc;
use yinxin_core::definition::{MessageContent, SmsText};
use yinxin_core::ids::SiteId;
use yinxin_core::rules::NamedValue;
use yinxin_core::time::Millis;
use yinxin_services::accounts::{CodeMessage, CodeSendError, CodeSender};
use yinxin_services::messaging::{Messaging, NewMessage};
use yinxin_store::Connection;

/// The text as it stands with the provider.
pub const CODE_TEXT: &str = "您的验证码是 {code}，5 分钟内有效，请勿告诉他人。";

/// What clerks read of a code that could not be sent: not the code, which would open the account to them.
fn kept_text() -> String {
    CODE_TEXT.replace("{code}", "******")
}

/// Sends codes through [`Messaging`].
pub struct Codes {
    pub messaging: Arc<Messaging>,
    /// By site: the provider's code of the template.
    pub templates: HashMap<SiteId, String>,
}

#[async_trait]
impl CodeSender for Codes {
    async fn queue_code(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        message: CodeMessage<'_>,
    ) -> Result<(), CodeSendError> {
        let template = self.templates.get(site);
        let template = template.ok_or(CodeSendError::Unavailable("site.toml has no [sms]"))?;
        let new = NewMessage {
            key: format!("code/{}", uuid::Uuid::now_v7()),
            case_id: None,
            recipient: message.mobile.as_str().to_owned(),
            template: "code".to_owned(),
            content: MessageContent::Sms(SmsText {
                template_code: template.clone(),
                text: kept_text(),
                parameters: vec!["code".to_owned()],
            }),
            parameters: vec![NamedValue {
                name: "code".to_owned(),
                value: message.code.to_owned(),
            }],
            attachments: Vec::new(),
            expires_at: Some(Millis::now().plus(message.valid_minutes * 60)),
        };
        match self.messaging.queue(conn, site, new).await {
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::error!(%site, %error, "a code cannot be queued");
                Err(CodeSendError::Unavailable("the message cannot be queued"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yinxin_core::definition::template;

    #[test]
    fn the_text_that_clerks_read_has_no_code_in_it() {
        let code = |name: &str| (name == "code").then(|| "483920".to_owned());
        assert!(template::fill(CODE_TEXT, code).unwrap().contains("483920"));
        assert!(
            !template::fill(&kept_text(), code)
                .unwrap()
                .contains("483920")
        );
    }
}
