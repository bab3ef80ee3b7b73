//! An agreement to read and accept.

use super::{StepHead, head};
use crate::applicant::case::load;
use crate::applicant::tasks;
use crate::error::WebError;
use crate::page::Applicant;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;
use yinxin_core::definition::Document;
use yinxin_documents::Paper;
use yinxin_engine::Actor;
use yinxin_engine::views::{CasePage, StepView};

#[derive(Serialize)]
struct AgreementPage {
    step: StepHead,
    paper: Paper,
}

pub async fn show(
    applicant: &Applicant,
    page: &CasePage,
    step: &StepView,
    document: &Document,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let viewer = Actor::Applicant(applicant.account.clone());
    let engine = &visit.state.engine;
    let paper = engine
        .paper(&visit.site.id, &viewer, &page.id, &document.id)
        .await?;
    let view = AgreementPage {
        step: head(visit, page, step),
        paper,
    };
    visit.page("applicant/cases/agreement.html", view)
}

pub async fn accept(
    applicant: &Applicant,
    page: &CasePage,
    step: &StepView,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let engine = &visit.state.engine;
    engine
        .accept_agreement(&visit.site.id, &applicant.account, &page.id, &step.id)
        .await?;
    let page = load(applicant, page.id.as_str()).await?;
    Ok(Redirect::to(&tasks::path_after(&page, &step.id)).into_response())
}
