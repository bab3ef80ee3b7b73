//! Papers to download, print, stamp and scan.

use super::{StepHead, head};
use crate::error::WebError;
use crate::page::Visit;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::definition::Document;
use yinxin_core::shared::Shared;
use yinxin_engine::views::{CasePage, StepView};

#[derive(Serialize)]
struct PapersPage {
    step: StepHead,
    papers: Vec<PaperLine>,
}

#[derive(Serialize)]
struct PaperLine {
    title: String,
    path: String,
    made: String,
    outdated: bool,
}

pub fn show(
    visit: &Visit,
    page: &CasePage,
    step: &StepView,
    documents: &[Shared<Document>],
) -> Result<Response, WebError> {
    let of_step = |id: &str| documents.iter().any(|document| document.id == id);
    let papers = page
        .papers
        .iter()
        .filter(|paper| of_step(&paper.document.id))
        .map(|paper| PaperLine {
            title: paper.document.title.clone(),
            path: format!("/cases/{}/papers/{}", page.id, paper.document.id),
            made: paper.made_at.map(|at| at.minute()).unwrap_or_default(),
            outdated: paper.outdated,
        })
        .collect();
    let view = PapersPage {
        step: head(visit, page, step),
        papers,
    };
    visit.page("applicant/cases/papers.html", view)
}
