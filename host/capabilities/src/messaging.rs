//! `yinxin:messaging`: sends a message that the definition has, with its parameters.

use crate::bindings::yinxin::messaging::messaging::{Error, Host, Parameter};
use crate::desk::{Access, No, Office, answer, ask, permit};
use crate::effects::Effect;
use crate::grants::Capability;
use yinxin_core::definition::{Message, MessageContent, Recipient, template};
use yinxin_core::mobile::Mobile;
use yinxin_core::rules::NamedValue;

crate::desk::refusals!(messaging);

/// Messages of one call: one decision tells at most a handful of people.
const MESSAGES: usize = 16;

impl Host for Office {
    fn send(&mut self, id: String, parameters: Vec<Parameter>) -> Result<(), Refused> {
        permit(self, Capability::Messaging, Access::Write)?;
        let definition = self.host.definition.clone();
        let message = definition
            .as_ref()
            .and_then(|definition| definition.messages.iter().find(|m| m.id == id));
        let Some(message) = message else {
            return Err(No::Answer(Error::UnknownMessage(id)));
        };
        for name in needed(message) {
            if !parameters.iter().any(|parameter| parameter.name == name) {
                return Err(No::Answer(Error::MissingParameter(name.to_owned())));
            }
        }
        has_recipient(self, message)?;
        if self.host.messages >= MESSAGES {
            return Err(No::Answer(Error::TooMany));
        }
        let parameters = parameters
            .into_iter()
            .map(|p| NamedValue {
                name: p.name,
                value: p.value,
            })
            .collect();
        ask(
            self,
            Effect::Send {
                message: id,
                parameters,
            },
        )?;
        self.host.messages += 1;
        Ok(())
    }

    fn convert_error(&mut self, no: Refused) -> wasmtime::Result<Error> {
        answer(no)
    }
}

/// The parameters that the message's texts name. The lint has refused texts with broken braces.
fn needed(message: &Message) -> Vec<&str> {
    let named = |text| template::names(text).unwrap_or_default();
    match &message.content {
        MessageContent::Sms(sms) => {
            let mut names = named(&sms.text);
            names.extend(sms.parameters.iter().map(String::as_str));
            names
        }
        MessageContent::Mail(mail) => {
            let mut names = named(&mail.subject);
            names.extend(named(&mail.body));
            names
        }
    }
}

/// The recipient comes from the account or from an answer of the case, which the engine read with the case itself: no
/// read of the call's own is recorded for it.
fn has_recipient(office: &Office, message: &Message) -> Result<(), Refused> {
    let (name, to) = match &message.to {
        Recipient::Account => ("account", office.host.view.account_mobile.as_str()),
        Recipient::Field(field) => {
            let value = office
                .host
                .view
                .values
                .iter()
                .find(|value| value.name == *field);
            (
                field.as_str(),
                value.map_or("", |value| value.value.as_str()),
            )
        }
    };
    let reachable = match &message.content {
        MessageContent::Sms(_) => Mobile::parse(to).is_ok(),
        // Its form was checked when it was typed.
        MessageContent::Mail(_) => to
            .split_once('@')
            .is_some_and(|(who, host)| !who.is_empty() && !host.is_empty()),
    };
    if reachable {
        Ok(())
    } else {
        Err(No::Answer(Error::NoRecipient(name.to_owned())))
    }
}
