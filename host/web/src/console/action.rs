//! What a clerk does with a case: judging its items, or an action with something to say or to attach.

use super::case::{self, Chosen, load};
use super::reasons;
use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{FormView, Picked, Posted, ProblemView, Showing, Upload};
use axum::extract::Path;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Serialize;
use yinxin_core::definition::{FieldKind, Form};
use yinxin_core::form::{Values, read_form};
use yinxin_core::rules::{ItemJudgement, Problem};
use yinxin_core::shared::Shared;
use yinxin_engine::views::{ActionView, CasePage};
use yinxin_engine::{EngineError, Submission};

/// Bytes of an attached PDF.
const ATTACHMENT: u64 = 5 * 1024 * 1024;

#[derive(Serialize)]
struct ActionPage {
    path: String,
    subject: String,
    number: String,
    id: String,
    label: String,
    negative: bool,
    confirm: String,
    version: i64,
    form: Option<FormView>,
    /// The form asks for a certificate request, which may come as a file.
    takes_request: bool,
    problems: Vec<ProblemView>,
}

pub async fn show(
    clerk: ClerkVisit,
    Path((id, transition)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let page = load(&clerk, &id).await?;
    let action = action(&page, &transition)?;
    render(
        &clerk,
        &page,
        action,
        StatusCode::OK,
        &Values::default(),
        &[],
    )
}

pub async fn fire(
    clerk: ClerkVisit,
    Path((id, transition)): Path<(String, String)>,
    upload: Upload,
) -> Result<Response, WebError> {
    let (posted, mut picked) = upload.form(ATTACHMENT).await?;
    let visit = &clerk.visit;
    let page = load(&clerk, &id).await?;
    if case::has_moved(&page, &posted) {
        return case::late(&clerk, &id).await;
    }
    let action = action(&page, &transition)?;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut input = posted.answers();
    if let Some(field) = field_of(action, &FieldKind::CertificateRequest)
        && posted.get(&field).trim().is_empty()
        && let Picked::File { bytes, .. } = std::mem::replace(&mut picked, Picked::Nothing)
    {
        input.push((field, request_text(&bytes)));
    }
    let typed = |form: &Shared<Form>| read_form(form, &input, &Values::default()).values;
    let mut attachments = Vec::new();
    if let Some(field) = field_of(action, &FieldKind::Attachment) {
        match picked {
            Picked::File { name, bytes } => attachments.push((field, name, bytes)),
            Picked::TooLarge => {
                let problem = Problem {
                    item: Some(field),
                    message: visit.text("console.attachment_too_large").to_owned(),
                    offer: None,
                };
                let values = action.input.as_ref().map(typed).unwrap_or_default();
                return render(&clerk, &page, action, status, &values, &[problem]);
            }
            Picked::Nothing => {}
        }
    }
    let submission = Submission {
        seen_version: posted.version(),
        input: input.clone(),
        attachments,
        judgements: Vec::new(),
    };
    let engine = &visit.state.engine;
    match engine
        .fire(
            &visit.site.id,
            &clerk.actor(),
            &page.id,
            &transition,
            &submission,
        )
        .await
    {
        Ok(()) => Ok(visit.go(&format!("/console/cases/{id}"), "done")),
        Err(EngineError::Stale) => case::late(&clerk, &id).await,
        Err(error) => {
            let (status, problems) = visit.problems_of(error)?;
            let values = action.input.as_ref().map(typed).unwrap_or_default();
            if action.input.is_none() && action.confirm.is_none() {
                return case::render(&clerk, &page, status, &problems, &Chosen::new()).await;
            }
            render(&clerk, &page, action, status, &values, &problems)
        }
    }
}

/// Passed or refused, item by item; the button says which way the case goes.
pub async fn judge(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let page = load(&clerk, &id).await?;
    if case::has_moved(&page, &posted) {
        return case::late(&clerk, &id).await;
    }
    let transition = posted.get("_transition").to_owned();
    let chosen = chosen(&posted);
    let judgements = chosen.iter().map(|(item, (passed, reason))| ItemJudgement {
        item: item.clone(),
        passed: *passed,
        reason: if *passed {
            String::new()
        } else {
            reason.clone()
        },
    });
    let submission = Submission {
        seen_version: posted.version(),
        judgements: judgements.collect(),
        ..Submission::default()
    };
    let action = action(&page, &transition)?;
    let engine = &visit.state.engine;
    match engine
        .fire(
            &visit.site.id,
            &clerk.actor(),
            &page.id,
            &action.id,
            &submission,
        )
        .await
    {
        Ok(()) => {
            reasons::keep(&clerk, &page, &chosen).await?;
            Ok(visit.go(&format!("/console/cases/{id}"), "done"))
        }
        Err(EngineError::Stale) => case::late(&clerk, &id).await,
        Err(error) => {
            let (status, problems) = visit.problems_of(error)?;
            case::render(&clerk, &page, status, &problems, &chosen).await
        }
    }
}

/// `item:NAME` is `pass` or `refuse`, `reason:NAME` says why.
fn chosen(posted: &Posted) -> Chosen {
    let mut chosen = Chosen::new();
    for (name, value) in posted.answers() {
        if let Some(item) = name.strip_prefix("item:") {
            let reason = posted.get(&format!("reason:{item}")).trim().to_owned();
            chosen.insert(item.to_owned(), (value == "pass", reason));
        }
    }
    chosen
}

/// The first field of this kind in the action's form.
fn field_of(action: &ActionView, kind: &FieldKind) -> Option<String> {
    let mut fields = action
        .input
        .iter()
        .flat_map(|form| &form.sections)
        .flat_map(|s| &s.fields);
    fields
        .find(|field| field.kind == *kind)
        .map(|field| field.name.to_string())
}

/// A request's file as text: PEM as it is, DER wrapped into PEM (RFC 7468).
fn request_text(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let encoded = STANDARD.encode(bytes);
    // RFC 7468 has 64 characters a line.
    let lines: Vec<_> = encoded
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{lines}\n-----END CERTIFICATE REQUEST-----\n")
}

fn action<'a>(page: &'a CasePage, id: &str) -> Result<&'a ActionView, WebError> {
    page.actions
        .iter()
        .find(|action| action.id == id)
        .ok_or(WebError::Stale)
}

fn render(
    clerk: &ClerkVisit,
    page: &CasePage,
    action: &ActionView,
    status: StatusCode,
    values: &Values,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let showing = Showing {
        problems,
        ..Showing::default()
    };
    let form = action
        .input
        .as_ref()
        .map(|form| clerk.visit.form(form, values, showing))
        .transpose()?;
    let view = ActionPage {
        path: format!("/console/cases/{}", page.id),
        subject: page.subject.clone(),
        number: page.number.clone(),
        id: action.id.clone(),
        label: action.label.clone(),
        negative: action.negative,
        confirm: action.confirm.clone().unwrap_or_default(),
        version: page.version,
        takes_request: field_of(action, &FieldKind::CertificateRequest).is_some(),
        problems: match &form {
            Some(form) => form.problems.clone(),
            None => ProblemView::all(problems),
        },
        form,
    };
    clerk.page_with(status, "console/action.html", view)
}
