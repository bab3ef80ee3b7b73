//! A page that says what an action would do, before it is done.

use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::ProblemView;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

#[derive(Default, Serialize)]
pub struct Sure {
    pub title: String,
    /// Where it is about, and its page.
    pub about: String,
    pub back: String,
    pub action: String,
    pub sentences: Vec<String>,
    /// Label and text of what is certain.
    pub facts: Vec<(String, String)>,
    /// Inputs that go along unseen.
    pub kept: Vec<(&'static str, String)>,
    pub label: String,
    /// It cannot be taken back.
    pub danger: bool,
    /// Label of a reason to give, or empty.
    pub reason: String,
    pub typed_reason: String,
    pub problems: Vec<ProblemView>,
}

impl Sure {
    pub fn page(self, clerk: &ClerkVisit) -> Result<Response, WebError> {
        let status = if self.problems.is_empty() {
            StatusCode::OK
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        clerk.page_with(status, "console/sure.html", self)
    }
}
