//! `/cases/{id}/actions/{transition}`: what the applicant does with the case as a whole: submit, post the papers, withdraw.

use super::case::{self, load};
use super::tasks;
use crate::error::WebError;
use crate::forms::{FormView, Posted, ProblemView, Showing};
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use yinxin_core::form::{Values, read_form};
use yinxin_core::rules::Problem;
use yinxin_engine::views::{ActionView, CasePage};
use yinxin_engine::{Actor, Submission};

#[derive(Serialize)]
struct ActionPage {
    path: String,
    subject: String,
    number: String,
    id: String,
    label: String,
    negative: bool,
    confirm: String,
    version: i64,
    form: Option<FormView>,
    next: String,
    problems: Vec<ProblemView>,
}

pub async fn show(
    applicant: Applicant,
    Path((id, transition)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let page = load(&applicant, &id).await?;
    let action = action(&page, &transition)?;
    render(
        &applicant.visit,
        &page,
        action,
        StatusCode::OK,
        &Values::default(),
        &[],
    )
}

pub async fn fire(
    applicant: Applicant,
    Path((id, transition)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "action", ACTIONS).await?;
    let page = load(&applicant, &id).await?;
    let action = action(&page, &transition)?;
    let submission = Submission {
        seen_version: posted.version(),
        input: posted.answers(),
        ..Submission::default()
    };
    let actor = Actor::Applicant(applicant.account.clone());
    let engine = &visit.state.engine;
    match engine
        .fire(&visit.site.id, &actor, &page.id, &transition, &submission)
        .await
    {
        Ok(()) => Ok(visit.go(&tasks::case_path(&page), "done")),
        Err(error) => {
            let (status, problems) = visit.problems_of(error)?;
            match &action.input {
                Some(form) => {
                    let typed = read_form(form, &posted.answers(), &Values::default()).values;
                    render(visit, &page, action, status, &typed, &problems)
                }
                None => case::render(visit, &page, status, &problems),
            }
        }
    }
}

/// One of those that are possible now; an old page's button leads to the news that something changed.
fn action<'a>(page: &'a CasePage, id: &str) -> Result<&'a ActionView, WebError> {
    page.actions
        .iter()
        .find(|action| action.id == id)
        .ok_or(WebError::Stale)
}

fn render(
    visit: &Visit,
    page: &CasePage,
    action: &ActionView,
    status: StatusCode,
    values: &Values,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let showing = Showing {
        problems,
        ..Showing::default()
    };
    let form = action
        .input
        .as_ref()
        .map(|form| visit.form(form, values, showing))
        .transpose()?;
    let view = ActionPage {
        path: tasks::case_path(page),
        subject: page.subject.clone(),
        number: page.number.clone(),
        id: action.id.clone(),
        label: action.label.clone(),
        negative: action.negative,
        confirm: action.confirm.clone().unwrap_or_default(),
        version: page.version,
        // What happens next in this state is no introduction to a way out of it.
        next: if action.negative {
            String::new()
        } else {
            page.state.next.clone()
        },
        problems: match &form {
            Some(form) => form.problems.clone(),
            None => tasks::problems_of_case(page, problems),
        },
        form,
    };
    visit.page_with(status, "applicant/cases/action.html", view)
}
