use thiserror::Error;
use yinxin_capabilities::RuleError;
use yinxin_core::rules::Problem;
use yinxin_store::StoreError;

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
    /// The rules, or the form, say what to mend.
    #[error("{} problems", .0.len())]
    Problems(Vec<Problem>),
    /// The plugin misbehaved and was stopped; nothing of the call was kept.
    #[error("rule call failed: {0}")]
    Rule(#[from] RuleError),
    /// The database did not do as asked.
    #[error(transparent)]
    Store(StoreError),
    /// A service did not.
    #[error("service: {0}")]
    Service(String),
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

impl EngineError {
    /// One sentence that stops an action, without a field.
    pub fn sentence(message: impl Into<String>) -> Self {
        Self::Problems(vec![Problem { item: None, message: message.into(), offer: None }])
    }

    /// True where another transaction won and repeating the whole may help.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_conflict() || error.is_duplicate())
    }
}
