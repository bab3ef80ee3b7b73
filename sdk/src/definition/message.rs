//! SMS and mails. `{parameter}` in a text is replaced by what `messaging::send` gives.

use super::{MailText, Message, MessageContent, Recipient, SmsText};

/// To the account's mobile unless [`Message::to_field`] says otherwise. The parameters in the provider's order are
/// those of the text in theirs.
pub fn sms(id: &str, template_code: &str, text: &str) -> Message {
    message(
        id,
        MessageContent::Sms(SmsText {
            template_code: template_code.into(),
            text: text.into(),
            parameters: placeholders(text),
        }),
    )
}

pub fn mail(id: &str, subject: &str, body: &str) -> Message {
    message(
        id,
        MessageContent::Mail(MailText {
            subject: subject.into(),
            body: body.into(),
            attachments: Vec::new(),
        }),
    )
}

fn message(id: &str, content: MessageContent) -> Message {
    Message {
        id: id.into(),
        to: Recipient::Account,
        content,
    }
}

impl Message {
    /// Goes to the mobile number or mail address in this field of the case.
    pub fn to_field(mut self, field: &str) -> Self {
        self.to = Recipient::Field(field.into());
        self
    }

    /// The file of this field goes along. An SMS carries none.
    pub fn attach(mut self, field: &str) -> Self {
        if let MessageContent::Mail(mail) = &mut self.content {
            mail.attachments.push(field.into());
        }
        self
    }
}

/// Names in braces, in their order, each once; `{{` stands for a brace.
pub(crate) fn placeholders(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut pieces = text.split('{').skip(1);
    while let Some(piece) = pieces.next() {
        if piece.is_empty() {
            // The first of two braces: the text behind the second is text.
            pieces.next();
        } else if let Some((name, _)) = piece.split_once('}')
            && !names.iter().any(|known| known == name)
        {
            names.push(name.into());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_of_an_sms_are_those_of_its_text() {
        let text = "{unit}的申请{number}已寄出，单号{tracking}，{{申请}}{number}";
        assert_eq!(placeholders(text), ["unit", "number", "tracking"]);
        assert!(placeholders("没有参数").is_empty());
    }
}
