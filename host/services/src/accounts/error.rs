//! Why an account's business was not done.

use super::password::PasswordError;
use super::sms_codes::CodeSendError;
use thiserror::Error;
use yinxin_core::form::Values;
use yinxin_core::rules::Problem;
use yinxin_store::StoreError;

/// Names under which the host's own inputs stand beside a form's fields, in problems and in the page.
pub mod item {
    pub const LOGIN_ID: &str = "login_id";
    pub const PASSWORD: &str = "password";
    pub const PASSWORD_AGAIN: &str = "password_again";
    pub const OLD_PASSWORD: &str = "old_password";
    pub const PICTURE_CODE: &str = "picture_code";
    pub const SMS_CODE: &str = "sms_code";
    pub const TERMS: &str = "terms";
    /// A clerk's name, own number and roles.
    pub const NAME: &str = "name";
    pub const MOBILE: &str = "mobile";
    pub const ROLES: &str = "roles";
}

/// What the person has to do before it works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    pub problems: Vec<Problem>,
    /// A form's answers to show again; empty where there was no form.
    pub values: Values,
}

#[derive(Debug, Error)]
pub enum AccountError {
    /// To be shown with the page as it was.
    #[error("refused")]
    Refused(Refusal),
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Sending(#[from] CodeSendError),
    #[error("the random source failed")]
    Random,
    #[error("the picture of a picture code could not be drawn")]
    Picture,
    /// The plugin's account policy and its forms do not fit together; its lint should have said so.
    #[error("account policy: {0}")]
    Policy(&'static str),
}

impl AccountError {
    /// One problem and nothing else.
    pub(crate) fn refused(item: Option<&str>, message: impl Into<String>) -> Self {
        Self::Refused(Refusal {
            problems: vec![problem(item, message)],
            values: Values::default(),
        })
    }

    /// The problems, where it is one for the person.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

pub(crate) fn problem(item: Option<&str>, message: impl Into<String>) -> Problem {
    Problem {
        item: item.map(str::to_owned),
        message: message.into(),
        offer: None,
    }
}
