//! `/console/cases/{id}`: one case on one page, what was typed beside what was scanned.

#[cfg(test)]
mod tests;
mod view;

use super::reasons::{self, Ready};
use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::Posted;
use crate::texts::fill;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use view::view;
use yinxin_core::ids::CaseId;
use yinxin_core::rules::{ItemStanding, Problem};
use yinxin_engine::EngineError;
use yinxin_engine::views::{CasePage, StepKind};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `pass`: every item begins as passed.
    all: String,
}

/// What the clerk had chosen when something was wrong with it: item → passed, and the reason.
pub type Chosen = BTreeMap<String, (bool, String)>;

/// The case as this clerk may see it.
pub async fn load(clerk: &ClerkVisit, id: &str) -> Result<CasePage, WebError> {
    let visit = &clerk.visit;
    let id = CaseId::from_stored(id);
    Ok(visit
        .state
        .engine
        .page(&visit.site.id, &clerk.actor(), &id)
        .await?)
}

pub async fn show(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let page = load(&clerk, &id).await?;
    let chosen = if asked.all == "pass" {
        all_passed(&page)
    } else {
        Chosen::new()
    };
    render(&clerk, &page, StatusCode::OK, &[], &chosen).await
}

/// For browsers without scripts: the page with every item marked as passed, and nothing sent yet.
fn all_passed(page: &CasePage) -> Chosen {
    let forms = page.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Form(form) => Some(form),
        _ => None,
    });
    let sections = forms
        .flat_map(|form| &form.sections)
        .map(|section| &section.id);
    let uploaded = page
        .materials
        .iter()
        .filter(|item| item.standing != ItemStanding::Missing);
    let items = sections.chain(uploaded.map(|item| &item.material.id));
    items
        .map(|item| (item.clone(), (true, String::new())))
        .collect()
}

pub async fn claim(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let case = CaseId::from_stored(id.as_str());
    match visit
        .state
        .engine
        .claim(&visit.site.id, &clerk.clerk, &case)
        .await
    {
        Ok(()) => Ok(visit.go(&format!("/console/cases/{id}"), "")),
        Err(EngineError::Problems(problems)) => {
            let page = load(&clerk, &id).await?;
            render(
                &clerk,
                &page,
                StatusCode::CONFLICT,
                &problems,
                &Chosen::new(),
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}

pub async fn release(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let case = CaseId::from_stored(id.as_str());
    visit
        .state
        .engine
        .release(&visit.site.id, &clerk.clerk, &case)
        .await?;
    Ok(visit.go(&format!("/console/cases/{id}"), ""))
}

/// Whether the case is another by now than the page showed, so that what was asked for fits it no more.
pub fn has_moved(page: &CasePage, posted: &Posted) -> bool {
    posted.version().is_some_and(|seen| seen != page.version)
}

/// The case as it is now, for whoever came too late: who did what to it last.
pub async fn late(clerk: &ClerkVisit, id: &str) -> Result<Response, WebError> {
    let page = load(clerk, id).await?;
    let visit = &clerk.visit;
    let message = match page.history.last() {
        Some(last) => fill(
            visit.text("console.faster"),
            &[
                ("name", &last.actor),
                ("at", &last.at.minute()),
                ("what", &last.label),
            ],
        ),
        None => visit.text("errors.stale.sentence").to_owned(),
    };
    let told = Problem {
        item: None,
        message,
        offer: None,
    };
    render(clerk, &page, StatusCode::CONFLICT, &[told], &Chosen::new()).await
}

/// The page, with problems where an action was stopped by them and what was chosen still there.
pub async fn render(
    clerk: &ClerkVisit,
    page: &CasePage,
    status: StatusCode,
    problems: &[Problem],
    chosen: &Chosen,
) -> Result<Response, WebError> {
    let judged = page.actions.iter().any(|action| action.judges_items);
    let ready = if judged {
        reasons::ready(clerk, page).await?
    } else {
        Ready::new()
    };
    let holder = match &page.claim {
        Some(claim) if !claim.mine => {
            let holder = clerk
                .visit
                .state
                .staff
                .get(&clerk.visit.site.id, &claim.clerk)
                .await?;
            holder.name
        }
        _ => String::new(),
    };
    let view = view(clerk, page, problems, chosen, &ready, holder);
    clerk.page_with(status, "console/case.html", view)
}
