//! `/console/cases/{id}`: one case on one page, what was typed beside what was scanned.

use super::reasons::{self, Ready};
use super::visit::{ClerkVisit, next_path, role_name};
use crate::applicant::{Answers, answers, tone_name};
use crate::error::WebError;
use crate::forms::ProblemView;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yinxin_core::definition::Role;
use yinxin_core::form::Values;
use yinxin_core::ids::CaseId;
use yinxin_core::rules::{ItemStanding, Problem};
use yinxin_engine::EngineError;
use yinxin_engine::views::{CasePage, MaterialView, StepKind};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `pass`: every item begins as passed.
    all: String,
}

/// One case as the console shows it.
#[derive(Serialize)]
struct CaseView {
    path: String,
    version: i64,
    number: String,
    subject: String,
    project: String,
    service: String,
    state: String,
    tone: &'static str,
    /// The queue that it stands in, or empty.
    queue: String,
    due: String,
    late: bool,
    created: String,
    sections: Vec<SectionItem>,
    materials: Vec<MaterialItem>,
    checks: Vec<(String, String, &'static str)>,
    /// Passing and refusing by item, where the state asks for it.
    judging: Vec<ActionButton>,
    actions: Vec<ActionButton>,
    /// Answers that clerks and the applicant gave on the way: tracking numbers, reasons.
    later: Vec<Answers>,
    papers: Vec<(String, String)>,
    certificates: Vec<CertificateLine>,
    order: Option<OrderLine>,
    messages: Vec<MessageLine>,
    history: Vec<HistoryLine>,
    /// `mine`, `other`, `free` or empty where the clerk has nothing to do with it.
    claim: &'static str,
    claimed_until: String,
    claimed_by: String,
    /// The next case of the queue that the clerk works off, or empty.
    next_case: String,
    may_see_orders: bool,
    may_audit: bool,
    may_release: bool,
    problems: Vec<ProblemView>,
}

#[derive(Serialize)]
struct SectionItem {
    id: String,
    answers: Answers,
    standing: &'static str,
    reason: String,
    reasons: Vec<String>,
    chosen: &'static str,
}

#[derive(Serialize)]
struct MaterialItem {
    id: String,
    title: String,
    standing: &'static str,
    reason: String,
    reasons: Vec<String>,
    files: Vec<FileItem>,
    chosen: &'static str,
}

#[derive(Serialize)]
struct FileItem {
    id: String,
    caption: String,
    name: String,
    facts: String,
    is_picture: bool,
    entries: Vec<String>,
}

#[derive(Serialize)]
struct ActionButton {
    id: String,
    label: String,
    negative: bool,
    has_page: bool,
}

#[derive(Serialize)]
struct CertificateLine {
    serial: String,
    subject: String,
    from: String,
    to: String,
    standing: String,
}

#[derive(Serialize)]
struct OrderLine {
    id: String,
    number: String,
    state: String,
    total: i64,
    lines: Vec<(String, i64)>,
    paid: String,
    transaction: String,
}

#[derive(Serialize)]
struct MessageLine {
    id: String,
    at: String,
    channel: String,
    recipient: String,
    subject: String,
    text: String,
    state: String,
    tone: &'static str,
    may_resend: bool,
    error: String,
}

#[derive(Serialize)]
struct HistoryLine {
    at: String,
    label: String,
    note: String,
    actor: String,
    /// The state that it led to, where that is another one.
    to: String,
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

fn view(
    clerk: &ClerkVisit,
    page: &CasePage,
    problems: &[Problem],
    chosen: &Chosen,
    ready: &Ready,
    claimed_by: String,
) -> CaseView {
    let visit = &clerk.visit;
    let values = Values::from(page.values.clone());
    let forms = page.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Form(form) => Some(form),
        _ => None,
    });
    let step_forms: Vec<_> = forms.collect();
    let sections = step_forms
        .iter()
        .flat_map(|form| &form.sections)
        .map(|section| {
            let item = page.sections.iter().find(|item| item.item == section.id);
            SectionItem {
                id: section.id.clone(),
                answers: answers(section, &values, String::new()),
                standing: item.map_or("uploaded", |item| standing_name(item.standing)),
                reason: reason(chosen, &section.id, item.map(|item| item.reason.as_str())),
                reasons: ready.get(&section.id).cloned().unwrap_or_default(),
                chosen: choice(chosen, &section.id, item.map(|item| item.standing)),
            }
        });
    // Forms of transitions that somebody has filled in.
    let later = page.definition.forms.iter().filter(|form| {
        let asked = form.sections.iter().flat_map(|section| &section.fields);
        !step_forms.iter().any(|step| step.id == form.id)
            && asked
                .into_iter()
                .any(|field| !values.get(&field.name).is_empty())
    });
    let later = later.flat_map(|form| {
        form.sections.iter().map(|section| {
            let mut given = answers(section, &values, String::new());
            if given.title.is_empty() {
                given.title.clone_from(&form.title);
            }
            given.rows.retain(|row| !row.text.is_empty());
            given
        })
    });
    let (judging, actions): (Vec<_>, Vec<_>) =
        page.actions.iter().partition(|action| action.judges_items);
    let button = |action: &yinxin_engine::views::ActionView| ActionButton {
        id: action.id.clone(),
        label: action.label.clone(),
        negative: action.negative,
        has_page: action.input.is_some() || action.confirm.is_some(),
    };
    let lifecycles = page.definition.lifecycles.iter();
    let states = lifecycles
        .filter(|lifecycle| lifecycle.id == page.service.lifecycle)
        .flat_map(|lifecycle| &lifecycle.states);
    let labels: BTreeMap<&str, &str> = states
        .map(|state| (state.id.as_str(), state.clerk_label.as_str()))
        .collect();
    let mut history: Vec<_> = page
        .history
        .iter()
        .map(|line| HistoryLine {
            at: line.at.minute(),
            label: line.label.clone(),
            note: line.note.clone(),
            actor: line.actor.clone(),
            to: labels
                .get(line.to_state.as_str())
                .filter(|_| line.from_state != line.to_state)
                .map(|label| (*label).to_owned())
                .unwrap_or_default(),
        })
        .collect();
    history.reverse();
    let in_my_queue = page.state.queue.is_some_and(|role| clerk.clerk.may(role));
    CaseView {
        path: format!("/console/cases/{}", page.id),
        version: page.version,
        number: page.number.clone(),
        subject: page.subject.clone(),
        project: page.definition.title.clone(),
        service: page.service.title.clone(),
        state: page.state.clerk_label.clone(),
        tone: tone_name(page.state.tone),
        queue: page
            .state
            .queue
            .map(|role| {
                visit
                    .text(&format!("console.queue_{}", role_name(role)))
                    .to_owned()
            })
            .unwrap_or_default(),
        due: page
            .due_at
            .map(|due| due.day().to_string())
            .unwrap_or_default(),
        late: page.due_at.is_some_and(|due| due < visit.state.clock.now()),
        created: page.created_at.minute(),
        sections: sections.collect(),
        materials: page
            .materials
            .iter()
            .map(|item| material(item, chosen, ready))
            .collect(),
        checks: page
            .checks
            .iter()
            .map(|check| {
                let name = match check.standing {
                    yinxin_core::identity::Standing::Passed => "passed",
                    yinxin_core::identity::Standing::Failed => "refused",
                    yinxin_core::identity::Standing::Waiting => "uploaded",
                    yinxin_core::identity::Standing::None => "missing",
                };
                let text = visit.text(&format!("console.check_{name}")).to_owned();
                (check.check.title.clone(), text, name)
            })
            .collect(),
        judging: judging.into_iter().map(button).collect(),
        actions: actions.into_iter().map(button).collect(),
        later: later.collect(),
        papers: page
            .papers
            .iter()
            .map(|paper| (paper.document.id.clone(), paper.document.title.clone()))
            .collect(),
        certificates: page
            .certificates
            .iter()
            .map(|certificate| CertificateLine {
                serial: certificate.serial.clone(),
                subject: certificate.subject.clone(),
                from: certificate.not_before.day().to_string(),
                to: certificate.not_after.day().to_string(),
                standing: visit
                    .text(&format!("cases.standing_{}", certificate.standing))
                    .to_owned(),
            })
            .collect(),
        order: page.order.as_ref().map(|order| OrderLine {
            id: order.id.clone(),
            number: order.number.clone(),
            state: visit.text(&format!("orders.{}", order.state)).to_owned(),
            total: order.total,
            lines: order
                .lines
                .iter()
                .map(|line| (line.label.clone(), line.amount))
                .collect(),
            paid: order.paid_at.map(|at| at.minute()).unwrap_or_default(),
            transaction: order.transaction.clone(),
        }),
        messages: page
            .messages
            .iter()
            .map(|message| MessageLine {
                id: message.id.clone(),
                tone: match message.state.as_str() {
                    "sent" => "done",
                    "failed" | "dead" => "refused",
                    _ => "waiting",
                },
                may_resend: matches!(message.state.as_str(), "failed" | "dead"),
                at: message.created_at.minute(),
                channel: visit
                    .text(&format!("console.channel_{}", message.channel))
                    .to_owned(),
                recipient: message.recipient.clone(),
                subject: message.subject.clone(),
                text: message.text.clone(),
                state: visit
                    .text(&format!("console.message_{}", message.state))
                    .to_owned(),
                error: message.last_error.clone(),
            })
            .collect(),
        history,
        claim: match &page.claim {
            Some(claim) if claim.mine => "mine",
            Some(_) => "other",
            None if in_my_queue => "free",
            None => "",
        },
        claimed_until: page
            .claim
            .as_ref()
            .map(|claim| claim.until.minute())
            .unwrap_or_default(),
        claimed_by,
        next_case: clerk.own_role().map(next_path).unwrap_or_default(),
        may_see_orders: clerk.clerk.may(Role::Finance),
        may_audit: clerk.is_administrator(),
        may_release: clerk.is_administrator(),
        problems: problems
            .iter()
            .map(|problem| ProblemView::new(problem, problem.item.is_some()))
            .collect(),
    }
}

fn material(item: &MaterialView, chosen: &Chosen, ready: &Ready) -> MaterialItem {
    let id = &item.material.id;
    let files = item
        .files
        .iter()
        .enumerate()
        .filter_map(|(position, file)| {
            let file = file.as_ref()?;
            Some(FileItem {
                id: file.id.clone(),
                caption: item
                    .material
                    .captions
                    .get(position)
                    .cloned()
                    .unwrap_or_default(),
                name: file.name.clone(),
                facts: facts(file),
                is_picture: file.is_picture,
                entries: file.entries.clone(),
            })
        });
    MaterialItem {
        id: id.clone(),
        title: item.material.title.clone(),
        standing: standing_name(item.standing),
        reason: reason(chosen, id, Some(&item.reason)),
        reasons: ready.get(id).cloned().unwrap_or_default(),
        files: files.collect(),
        chosen: choice(chosen, id, Some(item.standing)),
    }
}

/// `1654 × 2339，386 KB`
fn facts(file: &yinxin_engine::views::FileView) -> String {
    let size = file.size.div_ceil(1024);
    if file.width == 0 {
        format!("{size} KB")
    } else {
        format!("{} × {}，{size} KB", file.width, file.height)
    }
}

fn reason(chosen: &Chosen, item: &str, stored: Option<&str>) -> String {
    let typed = chosen.get(item).map(|(_, reason)| reason.as_str());
    typed.or(stored).unwrap_or_default().to_owned()
}

/// What the radio buttons of an item begin with.
fn choice(chosen: &Chosen, item: &str, standing: Option<ItemStanding>) -> &'static str {
    match (chosen.get(item), standing) {
        (Some((true, _)), _) | (None, Some(ItemStanding::Passed)) => "pass",
        (Some((false, _)), _) | (None, Some(ItemStanding::Refused)) => "refuse",
        _ => "",
    }
}

fn standing_name(standing: ItemStanding) -> &'static str {
    match standing {
        ItemStanding::Missing => "missing",
        ItemStanding::Uploaded => "uploaded",
        ItemStanding::Passed => "passed",
        ItemStanding::Refused => "refused",
    }
}

#[cfg(test)]
mod tests;
