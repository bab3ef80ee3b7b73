use crate::views::BasketQuote;
use thiserror::Error;
use yinxin_capabilities::RuleError;
use yinxin_core::rules::Problem;
use yinxin_services::accounts::RememberError;
use yinxin_services::certificates::CertificateError;
use yinxin_services::identity::IdentityError;
use yinxin_services::invoices::InvoiceError;
use yinxin_services::messaging::MessagingError;
use yinxin_services::papers::PaperError;
use yinxin_services::payments::PaymentError;
use yinxin_services::reconciliation::ReconciliationError;
use yinxin_services::uploads::UploadError;
use yinxin_store::{Outage, StoreError};

/// Why nothing happened. What the person typed is theirs to keep in every case.
#[derive(Debug, Error)]
pub enum EngineError {
    /// No such case, file or service on this site, or not this person's.
    #[error("not found")]
    NotFound,
    /// The actor may not do this, or not in this state.
    #[error("not allowed")]
    NotAllowed,
    /// Somebody else changed the case since the page was shown.
    #[error("the case has changed")]
    Stale,
    /// The order costs something else than the applicant saw.
    #[error("the price has changed")]
    PriceChanged(Box<BasketQuote>),
    /// The rules, or the form, say what to mend.
    #[error("{} problems", .0.len())]
    Problems(Vec<Problem>),
    /// The plugin misbehaved and was stopped; nothing of the call was kept.
    #[error("rule call failed: {0}")]
    Rule(#[from] RuleError),
    /// The database did not do as asked.
    #[error("{0}")]
    Store(#[source] StoreError),
    /// A service did not.
    #[error("service: {0}")]
    Service(String),
    /// A service met an outage of the database or the objects.
    #[error("outage: {0}")]
    Outage(String),
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

/// A service's conflict stays one, so that the whole can be decided anew, and so does an outage; anything else of a service
/// is for the log.
macro_rules! from_service {
    ($($error:ident),*) => {$(
        impl From<$error> for EngineError {
            fn from(error: $error) -> Self {
                match error {
                    $error::Store(store) if store.is_conflict() || store.is_duplicate() => {
                        Self::Store(store)
                    }
                    other if Outage::is_behind(&other) => Self::Outage(other.to_string()),
                    other => Self::Service(other.to_string()),
                }
            }
        }
    )*};
}

from_service!(
    CertificateError,
    IdentityError,
    InvoiceError,
    MessagingError,
    PaperError,
    PaymentError,
    ReconciliationError,
    RememberError,
    UploadError
);

impl EngineError {
    /// One sentence that stops an action, without a field.
    pub fn sentence(message: impl Into<String>) -> Self {
        Self::Problems(vec![Problem {
            item: None,
            message: message.into(),
            offer: None,
        }])
    }

    /// True where another transaction won and repeating the whole may help.
    pub(crate) fn is_conflict(&self) -> bool {
        match self {
            Self::Store(error) => error.is_conflict() || error.is_duplicate(),
            Self::Rule(RuleError::Changed { .. }) => true,
            _ => false,
        }
    }

    /// True where neither the job nor what it is about is at fault, and later the same may work: however often it was
    /// tried before.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Rule(error) if error.is_busy() => true,
            Self::Outage(_) => true,
            other => other.is_conflict() || Outage::is_behind(other),
        }
    }

    /// For the record of a job that failed: what the rule declined with is told in its own sentences.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Problems(problems) => {
                let sentences: Vec<_> = problems.iter().map(|p| p.message.as_str()).collect();
                sentences.join("；")
            }
            other => other.to_string(),
        }
    }
}

/// The rules could not look at what was typed: logged under a number that the person can name.
pub(crate) fn unchecked(error: &RuleError) -> Problem {
    let id = uuid::Uuid::new_v4().simple().to_string();
    tracing::error!(error_id = %id, %error, "a rule call failed; the answers are kept unchecked");
    Problem {
        item: None,
        message: format!("内容已为您保存，但系统暂时无法核对，请稍后再次点击保存。错误编号：{id}"),
        offer: None,
    }
}
