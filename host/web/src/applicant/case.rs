//! `/cases/{id}`: where an application stands, what is to be done, what happens next; and its deletion.

use super::tasks::{self, Task};
use crate::error::WebError;
use crate::forms::ProblemView;
use crate::live;
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use yinxin_core::definition::{Ordering, Tone};
use yinxin_core::ids::CaseId;
use yinxin_core::rules::Problem;
use yinxin_engine::views::{ActionView, CasePage};
use yinxin_engine::{Actor, EngineError};

/// One case as its page shows it.
#[derive(Serialize)]
pub struct CaseView {
    pub id: String,
    pub path: String,
    pub version: i64,
    pub number: String,
    pub subject: String,
    pub service: String,
    pub project: String,
    pub created: String,
    pub state: StateView,
    pub tasks: Vec<Task>,
    /// The way on, where there is one: address and text.
    pub forward: Option<Forward>,
    pub actions: Vec<ActionButton>,
    pub papers: Vec<PaperLine>,
    pub certificates: Vec<CertificateLine>,
    pub order: Option<OrderLine>,
    /// The same service once more, where orders are put together from several applications; or empty.
    pub another: String,
    /// It waits to be put into an order.
    pub orderable: bool,
    pub history: Vec<HistoryEntry>,
    pub deletable: bool,
    pub problems: Vec<ProblemView>,
    /// Changes when the page has something new to show; empty where nothing follows.
    pub live: String,
}

#[derive(Serialize)]
pub struct StateView {
    pub label: String,
    pub next: String,
    pub tone: &'static str,
    /// A sentence about the due date, or empty.
    pub due: String,
}

#[derive(Serialize)]
pub struct Forward {
    pub path: String,
    pub label: String,
}

#[derive(Serialize)]
pub struct ActionButton {
    pub id: String,
    pub label: String,
    pub negative: bool,
    /// It has a page of its own: something to say or to confirm.
    pub has_page: bool,
    /// A sentence that names what is missing, or empty.
    pub missing: String,
}

#[derive(Serialize)]
pub struct PaperLine {
    pub id: String,
    pub title: String,
    pub made: String,
    pub outdated: bool,
}

#[derive(Serialize)]
pub struct CertificateLine {
    pub serial: String,
    pub subject: String,
    pub from: String,
    pub to: String,
    pub standing: String,
}

#[derive(Serialize)]
pub struct OrderLine {
    pub id: String,
    pub number: String,
    pub state: String,
    pub total: i64,
}

#[derive(Serialize)]
pub struct HistoryEntry {
    pub at: String,
    pub label: String,
    pub note: String,
    pub actor: String,
}

#[derive(Serialize)]
struct DeletePage {
    path: String,
    subject: String,
    number: String,
    problems: Vec<ProblemView>,
}

/// The applicant's own case.
pub async fn load(applicant: &Applicant, id: &str) -> Result<CasePage, WebError> {
    let visit = &applicant.visit;
    let viewer = Actor::Applicant(applicant.account.clone());
    let id = CaseId::from_stored(id);
    Ok(visit
        .state
        .engine
        .page(&visit.site.id, &viewer, &id)
        .await?)
}

pub async fn show(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let page = load(&applicant, &id).await?;
    render(&applicant.visit, &page, StatusCode::OK, &[])
}

/// The case's page; with problems where an action was stopped by them.
pub fn render(
    visit: &Visit,
    page: &CasePage,
    status: StatusCode,
    problems: &[Problem],
) -> Result<Response, WebError> {
    visit.page_with(
        status,
        "applicant/cases/case.html",
        view(visit, page, problems),
    )
}

fn view(visit: &Visit, page: &CasePage, problems: &[Problem]) -> CaseView {
    let mut history: Vec<_> = page
        .history
        .iter()
        .map(|line| HistoryEntry {
            at: line.at.minute(),
            label: line.label.clone(),
            note: line.note.clone(),
            actor: line.actor.clone(),
        })
        .collect();
    history.reverse();
    CaseView {
        id: page.id.to_string(),
        path: tasks::case_path(page),
        version: page.version,
        number: page.number.clone(),
        subject: page.subject.clone(),
        service: page.service.title.clone(),
        project: page.definition.title.clone(),
        created: page.created_at.minute(),
        state: StateView {
            label: page.state.applicant_label.clone(),
            next: page.state.next.clone(),
            tone: tasks::tone_name(page.state.tone),
            due: due(visit, page),
        },
        tasks: tasks::tasks(page),
        forward: forward(visit, page),
        actions: page
            .actions
            .iter()
            .map(|action| button(visit, action))
            .collect(),
        papers: page
            .papers
            .iter()
            .filter(|paper| paper.made_at.is_some())
            .map(|paper| PaperLine {
                id: paper.document.id.clone(),
                title: paper.document.title.clone(),
                made: paper.made_at.map(|at| at.minute()).unwrap_or_default(),
                outdated: paper.outdated,
            })
            .collect(),
        certificates: page
            .certificates
            .iter()
            .map(|certificate| CertificateLine {
                serial: certificate.serial.clone(),
                subject: common_name(&certificate.subject),
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
            total: order.share,
        }),
        another: another(page),
        orderable: page.orderable,
        history,
        deletable: page.state.deletable,
        problems: tasks::problems_of_case(page, problems),
        live: if page.state.ends {
            String::new()
        } else {
            live::fingerprint(page)
        },
    }
}

/// Whose certificate it is: of a subject in the form of RFC 4514 the common name, or all where it has none.
pub(crate) fn common_name(subject: &str) -> String {
    let mut name = None;
    let mut rest = subject;
    while name.is_none() && !rest.is_empty() {
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = !escaped && matches!(c, ',' | '+');
            escaped = !escaped && c == '\\';
            ends
        });
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        name = part.strip_prefix("CN=");
        rest = after.get(1..).unwrap_or_default();
    }
    let mut escaped = false;
    let shown = name.unwrap_or(subject).chars().filter(|c| {
        escaped = !escaped && *c == '\\';
        !escaped
    });
    shown.collect()
}

/// Until when, in words for who waits or has to act.
fn due(visit: &Visit, page: &CasePage) -> String {
    let Some(due) = page.due_at else {
        return String::new();
    };
    let day = due.day().to_string();
    let mine = matches!(page.state.tone, Tone::Action | Tone::Draft);
    let text = match (mine, due < visit.state.clock.now()) {
        (true, _) => "cases.your_due",
        (false, false) => "cases.due",
        (false, true) => "cases.overdue",
    };
    crate::texts::fill(visit.text(text), &[("day", &day)])
}

/// Where the same service begins once more. Whoever sent one application off often has another for the same order.
fn another(page: &CasePage) -> String {
    let sent = page.service.ordering == Ordering::Basket && page.state.tone != Tone::Draft;
    if sent && !page.state.ends {
        format!("/services/{}/{}", page.definition.id, page.service.id)
    } else {
        String::new()
    }
}

fn forward(visit: &Visit, page: &CasePage) -> Option<Forward> {
    let to = |path: String, text: &str| {
        let label = visit.text(text).to_owned();
        Some(Forward { path, label })
    };
    // What was sent back is put right before it is paid.
    let correcting = page.state.tone == Tone::Action && !page.state.open_steps.is_empty();
    if correcting && let Some(path) = tasks::next_path(page) {
        return to(path, "cases.go_on");
    }
    if page.orderable {
        return to(format!("/orders/new?case={}", page.id), "cases.order");
    }
    let waits = ["open", "awaiting-payment", "slip-uploaded"];
    if let Some(order) = &page.order
        && page.state.payable
        && waits.contains(&order.state.as_str())
    {
        let text = if order.state == "slip-uploaded" {
            "cases.see_order"
        } else {
            "cases.pay"
        };
        return to(format!("/orders/{}/pay", order.id), text);
    }
    to(tasks::next_path(page)?, "cases.go_on")
}

pub fn button(visit: &Visit, action: &ActionView) -> ActionButton {
    let steps = action.missing.join("、");
    ActionButton {
        id: action.id.clone(),
        label: action.label.clone(),
        negative: action.negative,
        has_page: action.input.is_some() || action.confirm.is_some(),
        missing: if steps.is_empty() {
            String::new()
        } else {
            crate::texts::fill(visit.text("cases.missing"), &[("steps", &steps)])
        },
    }
}

pub async fn ask_delete(
    applicant: Applicant,
    Path(id): Path<String>,
) -> Result<Response, WebError> {
    let page = load(&applicant, &id).await?;
    if !page.state.deletable {
        return Err(WebError::Forbidden);
    }
    delete_page(&applicant.visit, &page, StatusCode::OK, &[])
}

pub async fn delete(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "delete", ACTIONS).await?;
    let page = load(&applicant, &id).await?;
    match visit
        .state
        .engine
        .delete(&visit.site.id, &applicant.account, &page.id)
        .await
    {
        Ok(()) => Ok(visit.go("/cases", "deleted")),
        Err(EngineError::Problems(problems)) => {
            delete_page(visit, &page, StatusCode::UNPROCESSABLE_ENTITY, &problems)
        }
        Err(error) => Err(error.into()),
    }
}

fn delete_page(
    visit: &Visit,
    page: &CasePage,
    status: StatusCode,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let view = DeletePage {
        path: tasks::case_path(page),
        subject: page.subject.clone(),
        number: page.number.clone(),
        problems: tasks::problems_of_case(page, problems),
    };
    visit.page_with(status, "applicant/cases/delete.html", view)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_named_by_its_common_name() {
        let subject = r"serialNumber=91360600,CN=信江\, 建设\+园林,OU=阳光采购,C=CN";
        assert_eq!(common_name(subject), "信江, 建设+园林");
        assert_eq!(common_name("C=CN+CN=甲,O=乙"), "甲");
        assert_eq!(common_name("O=乙,C=CN"), "O=乙,C=CN");
    }
}
