//! A form without files as it was sent. The token was checked before any handler runs (`security::csrf`).

use super::OFFER;
use crate::error::WebError;
use crate::security::csrf;
use axum::extract::{FromRequest, Request};

/// Names and texts in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub struct Posted(Vec<(String, String)>);

impl Posted {
    /// The text by this name, or the empty one.
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .rev()
            .find(|(found, _)| found == name)
            .map_or("", |(_, text)| text)
    }

    /// Every name and text, for what may be given several times.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// True when the button or the box by this name was used.
    pub fn has(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// What is the form's own: without names that begin with `_`, which are the page's.
    pub fn answers(&self) -> Vec<(String, String)> {
        let mut answers: Vec<_> = self
            .0
            .iter()
            .filter(|(name, _)| !name.starts_with('_'))
            .cloned()
            .collect();
        // An offer was taken up: its answer goes after what was typed, and the last counts.
        if let Some((field, value)) = self.get(OFFER).split_once('=') {
            answers.push((field.to_owned(), value.to_owned()));
        }
        answers
    }

    /// The version of the case that the page showed.
    pub fn version(&self) -> Option<i64> {
        self.get("_version").parse().ok()
    }
}

/// Without NUL, which no keyboard has and PostgreSQL keeps in no text.
impl FromIterator<(String, String)> for Posted {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(entries: I) -> Self {
        let entries = entries.into_iter().map(|(name, mut text)| {
            text.retain(|c| c != '\0');
            (name, text)
        });
        Self(entries.collect())
    }
}

impl<S: Sync> FromRequest<S> for Posted {
    type Rejection = WebError;

    async fn from_request(request: Request, _: &S) -> Result<Self, WebError> {
        let bytes = csrf::whole(request.into_body()).await?;
        let pairs = url::form_urlencoded::parse(&bytes);
        Ok(pairs
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_no_nul() {
        let posted: Posted = [("name".to_owned(), "甲\0乙".to_owned())]
            .into_iter()
            .collect();
        assert_eq!(posted.get("name"), "甲乙");
    }

    #[test]
    fn an_offer_answers_its_field() {
        let posted: Posted = [("lock", "main"), ("_csrf", "x"), ("_offer", "lock=sub")]
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        let answers = posted.answers();
        assert_eq!(
            answers.last().unwrap(),
            &("lock".to_owned(), "sub".to_owned())
        );
        assert!(answers.iter().all(|(name, _)| !name.starts_with('_')));
    }
}
