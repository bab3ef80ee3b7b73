//! All answers on one page, and the button that sends them off.

use super::{StepHead, head};
use crate::applicant::case::{self, ActionButton};
use crate::applicant::tasks::{self, Answers, Task, TaskStanding};
use crate::error::WebError;
use crate::page::Visit;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::rules::ItemStanding;
use yinxin_engine::views::{CasePage, StepKind, StepView};

#[derive(Serialize)]
struct SummaryPage {
    step: StepHead,
    sections: Vec<Answers>,
    materials: Vec<MaterialLine>,
    /// Steps that still wait.
    undone: Vec<Task>,
    actions: Vec<ActionButton>,
}

#[derive(Serialize)]
struct MaterialLine {
    title: String,
    standing: &'static str,
    change: String,
    files: Vec<FileLine>,
}

#[derive(Serialize)]
struct FileLine {
    name: String,
    size: u64,
    path: String,
}

pub fn show(visit: &Visit, page: &CasePage, step: &StepView) -> Result<Response, WebError> {
    let values = &page.values;
    let mut sections = Vec::new();
    for other in &page.steps {
        if let StepKind::Form(form) = &other.kind {
            let change = change_path(page, other);
            sections.extend(
                form.sections
                    .iter()
                    .map(|section| tasks::answers(section, values, change.clone()))
                    .filter(|answers| !answers.rows.is_empty()),
            );
        }
    }
    let is_over = |task: &Task| matches!(task.standing, TaskStanding::Done | TaskStanding::Over);
    let undone = tasks::tasks(page)
        .into_iter()
        .filter(|task| task.id != step.id && !is_over(task));
    let view = SummaryPage {
        step: head(visit, page, step),
        sections,
        materials: materials(page),
        undone: undone.collect(),
        actions: page
            .actions
            .iter()
            .filter(|action| !action.negative)
            .map(|action| case::button(visit, action))
            .collect(),
    };
    visit.page("applicant/cases/summary.html", view)
}

fn change_path(page: &CasePage, step: &StepView) -> String {
    if step.open {
        tasks::step_path(page, &step.id)
    } else {
        String::new()
    }
}

fn materials(page: &CasePage) -> Vec<MaterialLine> {
    let change = |id: &str| {
        let holds = |step: &&StepView| match &step.kind {
            StepKind::Materials(materials) => materials.iter().any(|material| material.id == id),
            _ => false,
        };
        page.steps
            .iter()
            .find(holds)
            .map(|step| change_path(page, step))
            .unwrap_or_default()
    };
    page.materials
        .iter()
        .map(|view| MaterialLine {
            title: view.material.title.clone(),
            standing: standing_name(view.standing),
            change: change(&view.material.id),
            files: view
                .files
                .iter()
                .flatten()
                .map(|file| FileLine {
                    name: file.name.clone(),
                    size: file.size,
                    path: format!("/cases/{}/files/{}", page.id, file.id),
                })
                .collect(),
        })
        .collect()
}

pub fn standing_name(standing: ItemStanding) -> &'static str {
    match standing {
        ItemStanding::Missing => "missing",
        ItemStanding::Uploaded => "uploaded",
        ItemStanding::Passed => "passed",
        ItemStanding::Refused => "refused",
    }
}
