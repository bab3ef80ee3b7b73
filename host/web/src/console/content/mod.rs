//! `/console/content`: what the site says about itself (manual row C-7): pages, notices, files to download.

pub mod downloads;
pub mod notices;
pub mod pages;

use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use axum::response::{IntoResponse, Redirect, Response};
use yinxin_core::definition::Role;
use yinxin_core::rules::Problem;
use yinxin_services::content::ContentError;

pub async fn home(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    Ok(Redirect::to("/console/content/pages").into_response())
}

/// A place among the others; what is no number stands first.
fn position(posted: &Posted) -> i64 {
    posted.get("position").trim().parse().unwrap_or_default()
}

/// Why it was not saved, and the version that it has now where somebody else saved meanwhile.
fn refusal(
    clerk: &ClerkVisit,
    error: ContentError,
) -> Result<(Vec<Problem>, Option<i64>), WebError> {
    let conflict = |version| {
        let message = clerk.visit.text("console.content_conflict").to_owned();
        Ok((
            vec![Problem {
                item: None,
                message,
                offer: None,
            }],
            Some(version),
        ))
    };
    match error {
        ContentError::Refused(problems) => Ok((problems, None)),
        ContentError::PageConflict(now) => conflict(now.version),
        ContentError::NoticeConflict(now) => conflict(now.version),
        ContentError::DownloadConflict(now) => conflict(now.version),
        ContentError::NotFound => Err(WebError::NotFound),
        ContentError::Store(error) => Err(error.into()),
        other => Err(WebError::internal(other)),
    }
}

fn views(problems: &[Problem]) -> Vec<ProblemView> {
    ProblemView::all(problems)
}
