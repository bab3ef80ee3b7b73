//! `/cases/{id}/papers/{document}`: a paper as a page to print, and as PDF.

use super::files;
use crate::error::WebError;
use crate::page::Applicant;
use crate::security::rate_limit::{self, PAPERS};
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use yinxin_core::ids::CaseId;
use yinxin_documents::Paper;
use yinxin_engine::{Actor, EngineError};

#[derive(Serialize)]
struct PaperPage {
    paper: Paper,
    case_path: String,
    pdf: String,
}

pub async fn page(
    applicant: Applicant,
    Path((id, document)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "paper", PAPERS).await?;
    let viewer = Actor::Applicant(applicant.account.clone());
    let case = CaseId::from_stored(id);
    let engine = &visit.state.engine;
    match engine
        .paper(&visit.site.id, &viewer, &case, &document)
        .await
    {
        Ok(paper) => {
            let view = PaperPage {
                paper,
                case_path: format!("/cases/{case}"),
                pdf: format!("/cases/{case}/papers/{document}/pdf"),
            };
            visit.page("applicant/cases/paper.html", view)
        }
        Err(error) => stopped(&applicant, &case, error).await,
    }
}

pub async fn pdf(
    applicant: Applicant,
    Path((id, document)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "paper", PAPERS).await?;
    let viewer = Actor::Applicant(applicant.account.clone());
    let case = CaseId::from_stored(id);
    let engine = &visit.state.engine;
    match engine
        .paper_pdf(&visit.site.id, &viewer, &case, &document)
        .await
    {
        Ok(download) => Ok(files::attachment(download)),
        Err(error) => stopped(&applicant, &case, error).await,
    }
}

/// A paper that needs answers first leads to the case's page, which says which.
async fn stopped(
    applicant: &Applicant,
    case: &CaseId,
    error: EngineError,
) -> Result<Response, WebError> {
    let EngineError::Problems(problems) = error else {
        return Err(error.into());
    };
    let page = super::case::load(applicant, case.as_str()).await?;
    super::case::render(
        &applicant.visit,
        &page,
        StatusCode::UNPROCESSABLE_ENTITY,
        &problems,
    )
}
