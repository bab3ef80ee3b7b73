//! The one error at the web's edge: what the person sees, and what the log keeps. The page itself is made by
//! [`crate::security::failures`], which knows the site.

use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, StatusCode, header};
use std::error::Error;
use yinxin_engine::EngineError;
use yinxin_services::accounts::{AccountError, PasswordError};
use yinxin_services::identity::IdentityError;
use yinxin_services::invoices::InvoiceError;
use yinxin_services::payments::PaymentError;
use yinxin_store::{Outage, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Nobody is logged in; the path to come back to.
    #[error("not logged in")]
    LogIn(String),
    /// Something has to be done first, on the page at this path.
    #[error("elsewhere")]
    Elsewhere(&'static str),
    /// The request makes no sense; says why, for the log.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    #[error("not allowed")]
    Forbidden,
    /// The form's token is not this browser's: a page from before the log-in, or another site's.
    #[error("the form's token does not match")]
    Forged,
    #[error("not found")]
    NotFound,
    /// Somebody else was faster, or the page is an old one.
    #[error("changed meanwhile")]
    Stale,
    #[error("too large")]
    TooLarge,
    /// Seconds until another try makes sense.
    #[error("too many requests")]
    TooMany(u64),
    /// Something that we need does not answer.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The site's rules could not be loaded.
    #[error("closed")]
    Closed,
    /// A mistake of ours.
    #[error("internal: {0}")]
    Internal(String),
}

/// Travels in the response's extensions to where the page is made.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Name of the texts `errors.<kind>`.
    pub kind: &'static str,
    /// For the log only.
    pub cause: String,
}

impl WebError {
    /// What nobody foresaw: an outage of what we store in, or a mistake of ours.
    pub fn internal(error: impl Error + 'static) -> Self {
        Self::unforeseen("", error)
    }

    /// The same, with whose error it is.
    fn unforeseen(whose: &str, error: impl Error + 'static) -> Self {
        let cause = format!("{whose}{error}");
        if Outage::is_behind(&error) {
            Self::Unavailable(cause)
        } else {
            Self::Internal(cause)
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::LogIn(_) | Self::Elsewhere(_) => StatusCode::SEE_OTHER,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Forbidden | Self::Forged => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Stale => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) | Self::Closed => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Forged => "forged",
            Self::Closed => "closed",
            other => kind_of(other.status()),
        }
    }
}

/// The texts for a status that came without a [`Failure`].
pub fn kind_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "forbidden",
        404 => "not-found",
        405 => "method",
        408 | 503 | 504 => "unavailable",
        409 => "stale",
        413 => "too-large",
        429 => "too-many",
        400..=499 => "bad-request",
        _ => "internal",
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        if let Self::LogIn(path) = &self {
            return Redirect::to(&crate::session::log_in_path(path)).into_response();
        }
        if let Self::Elsewhere(path) = &self {
            return Redirect::to(path).into_response();
        }
        let failure = Failure {
            kind: self.kind(),
            cause: self.to_string(),
        };
        let mut response = self.status().into_response();
        if let Self::TooMany(seconds) = self {
            let seconds = HeaderValue::from(seconds.max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response.extensions_mut().insert(failure);
        response
    }
}

impl From<EngineError> for WebError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound => Self::NotFound,
            EngineError::NotAllowed => Self::Forbidden,
            EngineError::Stale | EngineError::PriceChanged(_) => Self::Stale,
            EngineError::Problems(problems) => {
                // Whoever can show problems beside what was typed has taken them before.
                Self::Internal(format!("{} problems without a page", problems.len()))
            }
            // The plugin's mistake, not ours: who looks after it may have mended it by the next try.
            EngineError::Rule(error) => Self::Unavailable(format!("rule: {error}")),
            EngineError::Store(error) => error.into(),
            EngineError::Service(error) | EngineError::Outage(error) => Self::Unavailable(error),
        }
    }
}

impl From<StoreError> for WebError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict => Self::Stale,
            other => Self::unforeseen("store: ", other),
        }
    }
}

impl From<minijinja::Error> for WebError {
    fn from(error: minijinja::Error) -> Self {
        // Not `{error:#}`, which adds the values of the page's variables: somebody's answers.
        let mut cause = format!("template: {error}");
        let mut below = error.source();
        while let Some(error) = below {
            cause.push_str(&format!(", because {error}"));
            below = error.source();
        }
        Self::Internal(cause)
    }
}

impl From<AccountError> for WebError {
    fn from(error: AccountError) -> Self {
        match error {
            // Pages that can show a refusal have taken it before; what is left is a picture code too many.
            AccountError::Refused(_) => Self::TooMany(60),
            AccountError::Password(PasswordError::Busy) => {
                Self::Unavailable("passwords".to_owned())
            }
            AccountError::Store(error) => error.into(),
            AccountError::Sending(error) => Self::Unavailable(format!("SMS code: {error}")),
            other => Self::internal(other),
        }
    }
}

impl From<PaymentError> for WebError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Store(error) => error.into(),
            PaymentError::Gateway(error) => Self::Unavailable(format!("gateway: {error}")),
            PaymentError::NotPayable(_)
            | PaymentError::Expired
            | PaymentError::NotNow
            | PaymentError::PartlyPaid
            | PaymentError::TooManySlips
            | PaymentError::AlreadyOrdered(_)
            | PaymentError::AlreadyBooked => Self::Stale,
            PaymentError::OwnPayment => Self::Forbidden,
            PaymentError::NoMethod(_) => Self::BadRequest("way to pay"),
            other => Self::unforeseen("payment: ", other),
        }
    }
}

impl From<InvoiceError> for WebError {
    fn from(error: InvoiceError) -> Self {
        match error {
            InvoiceError::Store(error) => error.into(),
            InvoiceError::NotNow | InvoiceError::NothingToInvoice => Self::Stale,
            other => Self::unforeseen("invoice: ", other),
        }
    }
}

impl From<IdentityError> for WebError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Unknown => Self::NotFound,
            IdentityError::Voided
            | IdentityError::Expired
            | IdentityError::Passed
            | IdentityError::UsedUp => Self::Stale,
            IdentityError::Provider(error) => Self::Unavailable(format!("face check: {error}")),
            IdentityError::Store(error) => error.into(),
            other => Self::unforeseen("identity: ", other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minijinja::{Environment, context};

    #[test]
    fn a_broken_template_tells_the_log_where_and_not_whose_page() {
        let mut templates = Environment::new();
        templates.set_debug(true);
        templates
            .add_template("page.html", "{{ name.unknown.part }}")
            .unwrap();
        let page = templates.get_template("page.html").unwrap();
        let error = page.render(context! { name => "王䶮" }).unwrap_err();
        let cause = WebError::from(error).to_string();
        assert!(cause.contains("page.html:1"), "{cause}");
        assert!(!cause.contains("王䶮"), "{cause}");
    }
}
