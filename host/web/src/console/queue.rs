//! `/console/queues/{role}` and `/console/search`: lists of cases, what is due first on top.

use super::visit::{ClerkVisit, role, role_name};
use crate::applicant::tone_name;
use crate::error::WebError;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use yinxin_core::definition::Tone;
use yinxin_core::time::Millis;
use yinxin_engine::views::{Lines, ListFilter};

/// Lines of a page.
const LINES: usize = 25;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    plugin: String,
    service: String,
    tone: String,
    after: String,
}

impl Asked {
    fn is_narrowed(&self) -> bool {
        [&self.text, &self.plugin, &self.service, &self.tone]
            .iter()
            .any(|text| !text.is_empty())
    }
}

#[derive(Serialize)]
struct QueuePage {
    title: String,
    path: String,
    /// The role's name in a queue, empty in a search.
    role: String,
    text: String,
    plugin: String,
    projects: Vec<(String, String)>,
    service: String,
    services: Vec<(String, String)>,
    tone: String,
    tones: Vec<(&'static str, String)>,
    filtered: bool,
    rows: Vec<CaseRow>,
    next: String,
    first: String,
}

/// One line of a list.
#[derive(Serialize)]
pub struct CaseRow {
    path: String,
    number: String,
    subject: String,
    project: String,
    service: String,
    state: String,
    tone: &'static str,
    entered: String,
    due: String,
    late: bool,
    /// `mine`, `other` or empty.
    claim: &'static str,
}

/// Lines ready for `console/rows.html`.
pub fn rows(lines: Lines, now: Millis) -> Vec<CaseRow> {
    let rows = lines.lines.into_iter().map(|line| CaseRow {
        path: format!("/console/cases/{}", line.id),
        number: line.number,
        subject: line.subject,
        project: line.project_title,
        service: line.service_title,
        state: line.state_label,
        tone: tone_name(line.tone),
        entered: line.entered_at.minute(),
        due: line
            .due_at
            .map(|due| due.day().to_string())
            .unwrap_or_default(),
        late: line.due_at.is_some_and(|due| due < now),
        claim: match line.claim {
            Some(claim) if claim.mine => "mine",
            Some(_) => "other",
            None => "",
        },
    });
    rows.collect()
}

pub async fn show(
    clerk: ClerkVisit,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let role = role(&name)?;
    let engine = &visit.state.engine;
    let lines = engine
        .queue(
            &visit.site.id,
            &clerk.clerk,
            role,
            &filter(&asked),
            after(&asked),
            LINES,
        )
        .await?;
    let title = visit
        .text(&format!("console.queue_{}", role_name(role)))
        .to_owned();
    render(
        &clerk,
        title,
        format!("/console/queues/{name}"),
        name,
        asked,
        lines,
    )
}

pub async fn search(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let engine = &visit.state.engine;
    let lines = engine
        .search(
            &visit.site.id,
            &clerk.clerk,
            &filter(&asked),
            after(&asked),
            LINES,
        )
        .await?;
    let title = visit.text("console.search").to_owned();
    render(
        &clerk,
        title,
        "/console/search".to_owned(),
        String::new(),
        asked,
        lines,
    )
}

/// Takes the case that is due first and that nobody holds.
pub async fn next(clerk: ClerkVisit, Path(name): Path<String>) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let found = visit
        .state
        .engine
        .next_unclaimed(&visit.site.id, &clerk.clerk, role(&name)?)
        .await?;
    Ok(match found {
        Some(id) => visit.go(&format!("/console/cases/{id}"), ""),
        None => visit.go(&format!("/console/queues/{name}"), "queue-empty"),
    })
}

fn filter(asked: &Asked) -> ListFilter {
    ListFilter {
        text: asked.text.trim().to_owned(),
        plugin: asked.plugin.clone(),
        service: asked.service.clone(),
        tone: asked.tone.clone(),
        ..ListFilter::default()
    }
}

fn after(asked: &Asked) -> Option<&str> {
    (!asked.after.is_empty()).then_some(asked.after.as_str())
}

fn render(
    clerk: &ClerkVisit,
    title: String,
    path: String,
    role: String,
    asked: Asked,
    lines: Lines,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let (mut projects, mut services) = (Vec::new(), Vec::new());
    for offer in visit.state.engine.offers(&visit.site.id) {
        if !projects
            .iter()
            .any(|(plugin, _): &(String, String)| *plugin == offer.plugin)
        {
            projects.push((offer.plugin.clone(), offer.project_title));
        }
        if !services
            .iter()
            .any(|(service, _): &(String, String)| *service == offer.service.id)
        {
            services.push((offer.service.id.clone(), offer.service.title.clone()));
        }
    }
    let tones = [
        Tone::Action,
        Tone::Waiting,
        Tone::Done,
        Tone::Refused,
        Tone::Draft,
    ]
    .map(|tone| {
        let name = tone_name(tone);
        (name, visit.text(&format!("cases.tone_{name}")).to_owned())
    });
    let page = QueuePage {
        next: lines
            .next
            .as_deref()
            .map(|next| address(&path, &asked, next))
            .unwrap_or_default(),
        first: after(&asked)
            .map(|_| address(&path, &asked, ""))
            .unwrap_or_default(),
        title,
        path,
        role,
        rows: rows(lines, visit.state.clock.now()),
        filtered: asked.is_narrowed(),
        text: asked.text,
        plugin: asked.plugin,
        projects,
        service: asked.service,
        services,
        tone: asked.tone,
        tones: tones.to_vec(),
    };
    clerk.page("console/queue.html", page)
}

/// The address of this list from another key on.
fn address(path: &str, asked: &Asked, after: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in [
        ("text", asked.text.as_str()),
        ("plugin", &asked.plugin),
        ("service", &asked.service),
        ("tone", &asked.tone),
        ("after", after),
    ] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    format!("{path}?{}", query.finish())
}
