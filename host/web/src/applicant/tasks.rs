//! The task list of a case: what is done, what is next, what is for others.

use crate::forms::ProblemView;
use serde::Serialize;
use yinxin_core::definition::{Section, Tone};
use yinxin_core::field;
use yinxin_core::form::Values;
use yinxin_core::rules::{ItemStanding, Problem};
use yinxin_engine::views::{CasePage, StepKind, StepView};

/// How a task stands; the name of its text and its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStanding {
    Done,
    /// The one to go on with.
    Next,
    Todo,
    /// Done, and to be done again.
    Wrong,
    /// Not to be worked on yet.
    Later,
    /// Not done, and not to be done any more: the application has gone on without it.
    Over,
}

#[derive(Clone, Debug, Serialize)]
pub struct Task {
    pub id: String,
    pub title: String,
    pub hint: String,
    pub standing: TaskStanding,
    /// Empty where there is nothing to see yet.
    pub path: String,
    /// Reasons of refusals and problems of the last saving.
    pub why: Vec<String>,
}

pub fn tasks(page: &CasePage) -> Vec<Task> {
    let mut found_next = false;
    let mut before_complete = true;
    // Papers, checks and materials depend on the answers: they come after the form.
    let mut answered = true;
    let mut tasks = Vec::new();
    for step in &page.steps {
        let why = why(page, step);
        let ready = answered || step.complete;
        let standing = match (&step.kind, step.open, step.complete) {
            // Nothing is complete before it was sent off.
            // Sent off already, and open for corrections.
            (StepKind::Summary, true, _) if page.state.tone == Tone::Waiting => TaskStanding::Done,
            (StepKind::Summary, true, _) if before_complete => TaskStanding::Todo,
            (StepKind::Summary, true, _) => TaskStanding::Later,
            (StepKind::Summary, false, _) => TaskStanding::Done,
            (_, true, _) if !why.is_empty() => TaskStanding::Wrong,
            (_, _, true) => TaskStanding::Done,
            (_, true, false) if ready => TaskStanding::Todo,
            (_, false, false) if is_over(page, step) => TaskStanding::Over,
            (_, _, false) => TaskStanding::Later,
        };
        let standing = match standing {
            TaskStanding::Todo if !found_next => TaskStanding::Next,
            other => other,
        };
        found_next |= matches!(standing, TaskStanding::Next | TaskStanding::Wrong);
        before_complete &= standing == TaskStanding::Done;
        answered &=
            step.complete || !matches!(step.kind, StepKind::Form(_) | StepKind::Agreement(_));
        let seen = !matches!(standing, TaskStanding::Later | TaskStanding::Over);
        tasks.push(Task {
            id: step.id.clone(),
            title: step.title.clone(),
            hint: step.hint.clone(),
            path: if seen {
                step_path(page, &step.id)
            } else {
                String::new()
            },
            standing,
            why,
        });
    }
    tasks
}

/// A closed step's time has passed when the application was in a state where it was open, or will be in no other state.
fn is_over(page: &CasePage, step: &StepView) -> bool {
    let lifecycles = page.definition.lifecycles.iter();
    let mut states = lifecycles
        .filter(|lifecycle| lifecycle.id == page.service.lifecycle)
        .flat_map(|lifecycle| &lifecycle.states);
    let was_in = |state: &str| page.history.iter().any(|line| line.to_state == state);
    page.state.ends || states.any(|state| was_in(&state.id) && state.open_steps.contains(&step.id))
}

/// Where "go on" leads: the first step that is not done.
pub fn next_path(page: &CasePage) -> Option<String> {
    tasks(page)
        .into_iter()
        .find(|task| {
            matches!(
                task.standing,
                TaskStanding::Next | TaskStanding::Wrong | TaskStanding::Todo
            )
        })
        .map(|task| task.path)
}

/// The first step after this one that is not done; the case's page where there is none.
pub fn path_after(page: &CasePage, step: &str) -> String {
    let after = page
        .steps
        .iter()
        .skip_while(|other| other.id != step)
        .skip(1);
    let undone = after
        .into_iter()
        .find(|next| next.open && (!next.complete || matches!(next.kind, StepKind::Summary)));
    undone.map_or_else(|| case_path(page), |next| step_path(page, &next.id))
}

pub fn case_path(page: &CasePage) -> String {
    format!("/cases/{}", page.id)
}

pub fn step_path(page: &CasePage, step: &str) -> String {
    format!("/cases/{}/steps/{step}", page.id)
}

/// What a clerk refused of a step, and what the last saving found wrong.
fn why(page: &CasePage, step: &StepView) -> Vec<String> {
    if !step.open {
        return Vec::new();
    }
    let refused = |item: &str| {
        page.sections
            .iter()
            .find(|section| section.item == item && section.standing == ItemStanding::Refused)
    };
    let mut why: Vec<String> = match &step.kind {
        StepKind::Form(form) => form
            .sections
            .iter()
            .filter_map(|section| Some(said(&section.title, &refused(&section.id)?.reason)))
            .collect(),
        StepKind::Materials(materials) => page
            .materials
            .iter()
            .filter(|view| {
                materials
                    .iter()
                    .any(|material| material.id == view.material.id)
            })
            .filter(|view| view.standing == ItemStanding::Refused)
            .map(|view| said(&view.material.title, &view.reason))
            .collect(),
        _ => Vec::new(),
    };
    why.extend(step.problems.iter().map(|problem| problem.message.clone()));
    why
}

fn said(title: &str, reason: &str) -> String {
    format!("{title}：{reason}")
}

/// Sections of a form that a clerk refused, with the reasons.
pub fn refused_sections(page: &CasePage) -> Vec<(String, String)> {
    page.sections
        .iter()
        .filter(|section| section.standing == ItemStanding::Refused)
        .map(|section| (section.item.clone(), section.reason.clone()))
        .collect()
}

/// A problem of the case as a whole leads to the step where it can be mended.
pub fn problems_of_case(page: &CasePage, problems: &[Problem]) -> Vec<ProblemView> {
    problems
        .iter()
        .map(|problem| {
            let named = problem.item.as_deref();
            let offered = problem.offer.as_ref().map(|offer| offer.field.as_str());
            let place = named.or(offered).and_then(|item| place_of(page, item));
            let mut view = ProblemView::new(problem, place.is_some());
            if let Some(step) = place {
                view.page = step_path(page, &step);
            }
            view
        })
        .collect()
}

/// The step on whose page a field, material or check stands.
fn place_of(page: &CasePage, item: &str) -> Option<String> {
    let has = |step: &&StepView| match &step.kind {
        StepKind::Form(form) => form.sections.iter().any(|section| {
            section.id == item || section.fields.iter().any(|field| field.name == item)
        }),
        StepKind::Materials(materials) => materials.iter().any(|material| material.id == item),
        StepKind::Identity(check) => check.id == item,
        _ => false,
    };
    page.steps.iter().find(has).map(|step| step.id.clone())
}

/// Answers to be read, not changed.
#[derive(Clone, Debug, Serialize)]
pub struct Answers {
    pub title: String,
    pub rows: Vec<AnswerRow>,
    /// Where they are changed, or empty.
    pub change: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct AnswerRow {
    pub label: String,
    pub text: String,
}

/// A section's answers that were asked for.
pub fn answers(section: &Section, values: &Values, change: String) -> Answers {
    let asked = section
        .fields
        .iter()
        .filter(|field| values.shows(field.shown_when.as_deref()));
    Answers {
        title: section.title.clone(),
        rows: asked
            .map(|field| AnswerRow {
                label: field.label.to_string(),
                text: field::display(field, values.get(&field.name)),
            })
            .collect(),
        change,
    }
}

/// Name of a tone's look.
pub fn tone_name(tone: Tone) -> &'static str {
    match tone {
        Tone::Draft => "draft",
        Tone::Waiting => "waiting",
        Tone::Action => "action",
        Tone::Done => "done",
        Tone::Refused => "refused",
    }
}
