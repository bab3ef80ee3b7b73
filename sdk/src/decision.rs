//! What `handle` and `check` answer with.

use crate::{Decision, Event, NamedValue, Offer, Problem};
use crate::{accounts, certificates, documents, identity, messaging, payments, storage, tokens};

impl Decision {
    /// The case goes to this state, one of the transition's `to`.
    pub fn to(state: &str) -> Self {
        Self {
            to: state.into(),
            values: Vec::new(),
            note: String::new(),
        }
    }

    /// A sentence for the history that the applicant reads.
    pub fn note(mut self, sentence: impl Into<String>) -> Self {
        self.note = sentence.into();
        self
    }

    /// Sets a value of the case.
    pub fn set(mut self, field: &str, value: impl Into<String>) -> Self {
        self.values.push(NamedValue {
            name: field.into(),
            value: value.into(),
        });
        self
    }

    /// Keeps what the actor wrote into the transition's input form as values of the case.
    pub fn keep(mut self, event: &Event) -> Self {
        self.values.extend(event.input.iter().cloned());
        self
    }
}

impl Problem {
    /// About a field, a material or a check. The message says what to do.
    pub fn at(item: &str, message: impl Into<String>) -> Self {
        Self {
            item: Some(item.into()),
            message: message.into(),
            offer: None,
        }
    }

    /// About the case as a whole.
    pub fn of_case(message: impl Into<String>) -> Self {
        Self {
            item: None,
            message: message.into(),
            offer: None,
        }
    }

    /// A button that sets `field` to `value` and tries again.
    pub fn offer(mut self, label: &str, field: &str, value: &str) -> Self {
        self.offer = Some(Offer {
            label: label.into(),
            field: field.into(),
            value: value.into(),
        });
        self
    }
}

impl From<Problem> for Vec<Problem> {
    fn from(problem: Problem) -> Self {
        vec![problem]
    }
}

/// Errors of the interfaces become problems by `?`: the call is declined and nothing happens. The applicant can do
/// nothing about them, so the sentence says what did not answer and no more; the host has the error itself.
macro_rules! declined_by {
    ($($error:ty: $service:literal),* $(,)?) => {$(
        impl From<$error> for Vec<Problem> {
            fn from(_: $error) -> Self {
                Problem::of_case(concat!($service, "暂时不能使用，这一步没有完成，请稍后再试。")).into()
            }
        }
    )*};
}

declined_by! {
    accounts::Error: "账户资料",
    storage::Error: "登记簿",
    payments::Error: "收费服务",
    messaging::Error: "消息服务",
    tokens::Error: "证书介质服务",
    identity::Error: "身份核验服务",
    certificates::Error: "证书签发服务",
    documents::Error: "文书服务",
}
