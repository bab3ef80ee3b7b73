//! A form to fill in. What was typed is saved in any case, so that nothing is lost.

use super::{StepHead, head};
use crate::applicant::case::load;
use crate::applicant::tasks::{self, Answers};
use crate::error::WebError;
use crate::forms::{FormView, OFFER, Posted, Showing};
use crate::page::{Applicant, Visit};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Serialize;
use yinxin_core::definition::Form;
use yinxin_core::rules::Problem;
use yinxin_core::shared::Shared;
use yinxin_engine::views::{CasePage, StepView};

#[derive(Serialize)]
struct FormPage {
    step: StepHead,
    form: Option<FormView>,
    /// Where it may not be changed.
    sections: Vec<Answers>,
}

pub fn show(
    visit: &Visit,
    page: &CasePage,
    step: &StepView,
    form: &Shared<Form>,
) -> Result<Response, WebError> {
    render(visit, page, step, form, StatusCode::OK, &step.problems)
}

pub async fn save(
    applicant: &Applicant,
    page: &CasePage,
    step: &StepView,
    form: &Shared<Form>,
    posted: &Posted,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let engine = &visit.state.engine;
    let raw = raw_answers(page, posted);
    let saved = engine
        .save_form(&visit.site.id, &applicant.account, &page.id, &step.id, &raw)
        .await?;
    // What was typed has been kept: the page shows it from there.
    let page = load(applicant, page.id.as_str()).await?;
    if saved.problems.is_empty() {
        return Ok(Redirect::to(&tasks::path_after(&page, &step.id)).into_response());
    }
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    render(visit, &page, step, form, status, &saved.problems)
}

/// The form as it was sent; or, where only an offer was taken up on another page, the answers there are with the offer's.
fn raw_answers(page: &CasePage, posted: &Posted) -> Vec<(String, String)> {
    let mut raw = posted.answers();
    if posted.has(OFFER) && !posted.has("_whole") {
        let kept = page
            .values
            .iter()
            .map(|entry| (entry.name.clone(), entry.value.clone()));
        raw = kept.chain(raw).collect();
    }
    raw
}

fn render(
    visit: &Visit,
    page: &CasePage,
    step: &StepView,
    form: &Shared<Form>,
    status: StatusCode,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let refused = tasks::refused_sections(page);
    let showing = Showing {
        problems,
        refused: &refused,
        ..Showing::default()
    };
    let view = FormPage {
        step: head(visit, page, step),
        form: step
            .open
            .then(|| visit.form(form, &page.values, showing))
            .transpose()?,
        sections: form
            .sections
            .iter()
            .filter(|_| !step.open)
            .map(|section| tasks::answers(section, &page.values, String::new()))
            .collect(),
    };
    visit.page_with(status, "applicant/cases/form.html", view)
}
