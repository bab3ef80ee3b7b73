//! `/services/{plugin}/{service}`: what it is, what it costs, how long it takes, what to have at hand; and its beginning.

use crate::error::WebError;
use crate::forms::ProblemView;
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Serialize;
use yinxin_core::rules::Problem;
use yinxin_engine::views::Offer;

#[derive(Serialize)]
struct ServicePage {
    project: String,
    title: String,
    summary: String,
    price: String,
    time: String,
    at_hand: Vec<String>,
    steps: Vec<StepLine>,
    /// Where it is begun, when a certificate is to be chosen first.
    choose: String,
    problems: Vec<ProblemView>,
}

#[derive(Serialize)]
struct StepLine {
    title: String,
    hint: String,
}

pub async fn show(
    visit: Visit,
    Path((plugin, service)): Path<(String, String)>,
) -> Result<Response, WebError> {
    render(&visit, &plugin, &service, StatusCode::OK, &[])
}

pub async fn start(
    applicant: Applicant,
    Path((plugin, service)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "start", ACTIONS).await?;
    let engine = &visit.state.engine;
    if offer(visit, &plugin, &service)?.service.from_certificate {
        return Ok(visit.go(&format!("/services/{plugin}/{service}/new"), ""));
    }
    match engine
        .start(&visit.site.id, &applicant.account, &plugin, &service)
        .await
    {
        Ok(case) => Ok(Redirect::to(&format!("/cases/{case}")).into_response()),
        Err(error) => {
            let (status, problems) = visit.problems_of(error)?;
            render(visit, &plugin, &service, status, &problems)
        }
    }
}

/// A service of the site by its address.
pub(super) fn offer(visit: &Visit, plugin: &str, service: &str) -> Result<Offer, WebError> {
    let offers = visit.state.engine.offers(&visit.site.id);
    offers
        .into_iter()
        .find(|offer| offer.plugin == plugin && offer.service.id == service)
        .ok_or(WebError::NotFound)
}

fn render(
    visit: &Visit,
    plugin: &str,
    service: &str,
    status: StatusCode,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let offer = offer(visit, plugin, service)?;
    let choose = if offer.service.from_certificate {
        format!("/services/{plugin}/{service}/new")
    } else {
        String::new()
    };
    let offered = &*offer.service;
    let steps = offered.steps.iter();
    let page = ServicePage {
        project: offer.project_title,
        title: offered.title.clone(),
        summary: offered.summary.clone(),
        price: offered.price_note.clone(),
        time: offered.time_note.clone(),
        at_hand: offered.at_hand.clone(),
        steps: steps
            .map(|step| StepLine {
                title: step.title.clone(),
                hint: step.hint.clone(),
            })
            .collect(),
        choose,
        problems: problems
            .iter()
            .map(|problem| ProblemView::new(problem, false))
            .collect(),
    };
    visit.page_with(status, "applicant/service.html", page)
}
