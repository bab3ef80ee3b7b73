//! The identity check: a QR code for the person's phone. The page goes on by itself.

use super::{StepHead, head};
use crate::applicant::tasks;
use crate::error::WebError;
use crate::forms::ProblemView;
use crate::live;
use crate::page::Applicant;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::definition::IdentityCheck;
use yinxin_core::identity::Standing;
use yinxin_documents::qr;
use yinxin_engine::EngineError;
use yinxin_engine::views::{CasePage, StepView};

#[derive(Serialize)]
struct IdentityPage {
    step: StepHead,
    title: String,
    hint: String,
    /// `none`, `waiting`, `passed` or `failed`
    standing: &'static str,
    /// The QR code as SVG, our own drawing; empty where there is none.
    svg: String,
    /// The phone's page.
    link: String,
    expires: String,
    live: String,
    problems: Vec<ProblemView>,
}

pub async fn show(
    applicant: &Applicant,
    page: &CasePage,
    step: &StepView,
    check: &IdentityCheck,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let known = page.checks.iter().find(|view| view.check.id == check.id);
    let passed = known.is_some_and(|view| view.standing == Standing::Passed);
    let mut view = IdentityPage {
        step: head(visit, page, step),
        title: check.title.clone(),
        hint: check.hint.clone(),
        standing: "none",
        svg: String::new(),
        link: String::new(),
        expires: String::new(),
        live: live::fingerprint(page),
        problems: Vec::new(),
    };
    if passed {
        view.standing = "passed";
    } else if step.open {
        let engine = &visit.state.engine;
        match engine
            .open_identity(&visit.site.id, &applicant.account, &page.id, &check.id)
            .await
        {
            Ok(opened) => {
                view.standing = match opened.standing {
                    Standing::None => "none",
                    Standing::Waiting => "waiting",
                    Standing::Passed => "passed",
                    Standing::Failed => "failed",
                };
                view.expires = opened.expires_at.map(|at| at.minute()).unwrap_or_default();
                if let Some(path) = opened.path {
                    view.link = format!("{}{path}", visit.origin);
                    view.svg = qr::svg(&view.link).map_err(WebError::internal)?;
                }
            }
            Err(EngineError::Problems(problems)) => {
                view.problems = tasks::problems_of_case(page, &problems);
                if let (Some(problem), Some(path)) =
                    (view.problems.first_mut(), form_path(page, check))
                {
                    problem.page = path;
                }
            }
            Err(error) => return Err(error.into()),
        }
        // The check may have been made just now, which is no news for this page.
        let page = crate::applicant::case::load(applicant, page.id.as_str()).await?;
        view.live = live::fingerprint(&page);
    }
    visit.page("applicant/cases/identity.html", view)
}

/// The step whose form asks for the checked person's name.
fn form_path(page: &CasePage, check: &IdentityCheck) -> Option<String> {
    let asks = |step: &&StepView| match &step.kind {
        yinxin_engine::views::StepKind::Form(form) => form.sections.iter().any(|section| {
            section
                .fields
                .iter()
                .any(|field| field.name == check.name_field)
        }),
        _ => false,
    };
    page.steps
        .iter()
        .find(asks)
        .map(|step| tasks::step_path(page, &step.id))
}
