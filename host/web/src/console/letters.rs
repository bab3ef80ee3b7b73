//! `/console/letters` and `/console/jobs`: what could not be sent or done, to be looked at and tried again.

use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::Posted;
use crate::page::Visit;
use crate::session::local_path;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::MessageId;
use yinxin_engine::StuckJob;

/// Lines of a page.
const LINES: usize = 30;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    after: String,
}

impl Asked {
    fn key(&self) -> Option<&str> {
        (!self.after.is_empty()).then_some(self.after.as_str())
    }
}

#[derive(Serialize)]
struct LettersPage {
    letters: Vec<Letter>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct Letter {
    id: String,
    at: String,
    channel: String,
    recipient: String,
    subject: String,
    text: String,
    attempts: i64,
    error: String,
    case: String,
}

#[derive(Serialize)]
struct JobsPage {
    jobs: Vec<JobLine>,
    /// Those that wait for another try; the first of them.
    waiting: Vec<JobLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct JobLine {
    id: String,
    title: String,
    kind: String,
    case: String,
    attempts: i64,
    error: String,
    at: String,
}

pub async fn messages(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let found = visit
        .state
        .messaging
        .dead_letters(&visit.site.id, asked.key(), fetched())
        .await;
    let mut found = found.map_err(WebError::internal)?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| format!("/console/letters?after={}", last.id));
    let letters = found.into_iter().map(|message| Letter {
        id: message.id.to_string(),
        at: message.created_at.minute(),
        channel: visit
            .text(&format!("console.channel_{}", message.channel.as_str()))
            .to_owned(),
        recipient: message.recipient_masked,
        subject: message.subject,
        text: message.body,
        attempts: message.attempts,
        error: message.last_error,
        case: message
            .case
            .map(|case| case.to_string())
            .unwrap_or_default(),
    });
    let page = LettersPage {
        letters: letters.collect(),
        next: next.unwrap_or_default(),
        first: asked
            .key()
            .map(|_| "/console/letters".to_owned())
            .unwrap_or_default(),
    };
    clerk.page("console/letters.html", page)
}

pub async fn resend(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let id = MessageId::from_stored(id);
    let back = local_path(posted.get("_back"), "/console/letters");
    let sent = visit
        .state
        .messaging
        .resend(&visit.site.id, &id)
        .await
        .map_err(WebError::internal)?;
    Ok(visit.go(
        &back,
        if sent {
            "queued-again"
        } else {
            "nothing-to-do"
        },
    ))
}

pub async fn jobs(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let engine = &visit.state.engine;
    let mut found = engine
        .dead_jobs(&visit.site.id, &clerk.clerk, asked.key(), LINES + 1)
        .await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| format!("/console/jobs?after={}", last.id));
    let waiting = engine
        .waiting_jobs(&visit.site.id, &clerk.clerk, LINES)
        .await?;
    let page = JobsPage {
        jobs: found.into_iter().map(|job| line(visit, job)).collect(),
        waiting: waiting.into_iter().map(|job| line(visit, job)).collect(),
        next: next.unwrap_or_default(),
        first: asked
            .key()
            .map(|_| "/console/jobs".to_owned())
            .unwrap_or_default(),
    };
    clerk.page("console/jobs.html", page)
}

fn line(visit: &Visit, job: StuckJob) -> JobLine {
    let title = visit
        .state
        .texts()
        .find(&format!("console.job_{}", job.kind));
    JobLine {
        title: title.unwrap_or_default().to_owned(),
        id: job.id,
        kind: job.kind,
        case: job.case.map(|case| case.to_string()).unwrap_or_default(),
        attempts: job.attempts,
        error: job.last_error,
        at: job.run_at.minute(),
    }
}

pub async fn revive(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let revived = visit
        .state
        .engine
        .revive_job(&visit.site.id, &clerk.clerk, &id)
        .await?;
    Ok(visit.go(
        "/console/jobs",
        if revived {
            "queued-again"
        } else {
            "nothing-to-do"
        },
    ))
}

/// One more than a page shows, to know whether there is a next one.
fn fetched() -> i64 {
    i64::try_from(LINES + 1).unwrap_or(i64::MAX)
}
