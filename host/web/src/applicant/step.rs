//! `/cases/{id}/steps/{step}`: one step of an application. What a step is decides which page it has.

mod agreement;
mod form;
mod identity;
mod papers;
pub mod summary;

use super::case::load;
use super::tasks;
use crate::error::WebError;
use crate::forms::Posted;
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use yinxin_engine::views::{CasePage, StepKind, StepView};

/// What every step's page shows around its content.
#[derive(Serialize)]
pub struct StepHead {
    pub case_path: String,
    /// This page's own.
    pub path: String,
    pub number: String,
    pub subject: String,
    pub service: String,
    pub title: String,
    pub hint: String,
    /// `第 2 步，共 5 步`
    pub place: String,
    pub open: bool,
    pub version: i64,
    /// The step after this one that is not done.
    pub next: String,
    pub complete: bool,
}

pub async fn show(
    applicant: Applicant,
    Path((id, step)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let page = load(&applicant, &id).await?;
    let step = find(&page, &step)?;
    match &step.kind {
        StepKind::Form(content) => form::show(&applicant.visit, &page, step, content),
        StepKind::Agreement(document) => agreement::show(&applicant, &page, step, document).await,
        StepKind::Documents(documents) => papers::show(&applicant.visit, &page, step, documents),
        StepKind::Identity(check) => identity::show(&applicant, &page, step, check).await,
        StepKind::Materials(materials) => {
            super::materials::show(&applicant.visit, &page, step, materials)
        }
        StepKind::Summary => summary::show(&applicant.visit, &page, step),
        // The key's own pages come with the agent; until then the case says what happens next.
        StepKind::Token => Ok(Redirect::to(&tasks::case_path(&page)).into_response()),
    }
}

pub async fn save(
    applicant: Applicant,
    Path((id, step)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, WebError> {
    rate_limit::allow(&applicant.visit, "step", ACTIONS).await?;
    let page = load(&applicant, &id).await?;
    let step = find(&page, &step)?;
    match &step.kind {
        StepKind::Form(content) => form::save(&applicant, &page, step, content, &posted).await,
        StepKind::Agreement(_) => agreement::accept(&applicant, &page, step).await,
        _ => Err(WebError::Forbidden),
    }
}

fn find<'a>(page: &'a CasePage, step: &str) -> Result<&'a StepView, WebError> {
    page.steps
        .iter()
        .find(|view| view.id == step)
        .ok_or(WebError::NotFound)
}

pub fn head(visit: &Visit, page: &CasePage, step: &StepView) -> StepHead {
    let place = page
        .steps
        .iter()
        .position(|other| other.id == step.id)
        .unwrap_or(0)
        + 1;
    let count = page.steps.len().to_string();
    StepHead {
        case_path: tasks::case_path(page),
        path: tasks::step_path(page, &step.id),
        number: page.number.clone(),
        subject: page.subject.clone(),
        service: page.service.title.clone(),
        title: step.title.clone(),
        hint: step.hint.clone(),
        place: crate::texts::fill(
            visit.text("cases.steps_of"),
            &[("place", &place.to_string()), ("count", &count)],
        ),
        open: step.open,
        version: page.version,
        next: tasks::path_after(page, &step.id),
        complete: step.complete,
    }
}
