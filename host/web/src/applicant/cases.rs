//! `/cases`: all of an applicant's applications (manual row C-4).

use super::tasks::tone_name;
use crate::error::WebError;
use crate::page::{Applicant, Visit};
use axum::extract::Query;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use yinxin_core::definition::Tone;
use yinxin_engine::views::{CaseLine as Line, ListFilter};

/// Lines of a page: two screens of a laptop.
const LINES: usize = 20;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    tone: String,
    service: String,
    after: String,
}

#[derive(Serialize)]
struct CasesPage {
    lines: Vec<CaseLine>,
    text: String,
    tone: String,
    service: String,
    tones: Vec<ToneChoice>,
    services: Vec<(String, String)>,
    filtered: bool,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct ToneChoice {
    value: &'static str,
    label: String,
    count: i64,
}

#[derive(Serialize)]
struct CaseLine {
    path: String,
    number: String,
    subject: String,
    service: String,
    project: String,
    state: String,
    tone: &'static str,
    entered: String,
    due: String,
    /// Where it is paid or ordered, and what that is called; or empty.
    pay: String,
    pay_label: String,
    actions: Vec<String>,
}

pub async fn list(applicant: Applicant, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let (site, account, engine) = (&visit.site.id, &applicant.account, &visit.state.engine);
    let filter = ListFilter {
        text: asked.text.trim().to_owned(),
        tone: asked.tone.clone(),
        service: asked.service.clone(),
        ..ListFilter::default()
    };
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let lines = engine
        .my_cases(site, account, &filter, after, LINES)
        .await?;
    let counts = engine.tones(site, account).await?;
    let tones = [
        Tone::Action,
        Tone::Draft,
        Tone::Waiting,
        Tone::Done,
        Tone::Refused,
    ]
    .into_iter()
    .map(|tone| ToneChoice {
        value: tone_name(tone),
        label: visit
            .text(&format!("cases.tone_{}", tone_name(tone)))
            .to_owned(),
        count: counts
            .iter()
            .find(|(found, _)| *found == tone)
            .map_or(0, |(_, count)| *count),
    })
    .collect();
    let mut services: Vec<(String, String)> = engine
        .offers(site)
        .into_iter()
        .map(|offer| (offer.service.id.clone(), offer.service.title.clone()))
        .collect();
    services.dedup();
    let page = CasesPage {
        next: lines
            .next
            .as_deref()
            .map(|next| address(&asked, next))
            .unwrap_or_default(),
        first: after.map(|_| address(&asked, "")).unwrap_or_default(),
        filtered: !(asked.text.is_empty() && asked.tone.is_empty() && asked.service.is_empty()),
        lines: lines
            .lines
            .into_iter()
            .map(|line| {
                let (pay, pay_label) = payment(visit, &line);
                CaseLine {
                    path: format!("/cases/{}", line.id),
                    number: line.number,
                    subject: line.subject,
                    service: line.service_title,
                    project: line.project_title,
                    state: line.state_label,
                    tone: tone_name(line.tone),
                    entered: line.entered_at.minute(),
                    due: line
                        .due_at
                        .map(|due| due.day().to_string())
                        .unwrap_or_default(),
                    pay,
                    pay_label,
                    actions: line.actions,
                }
            })
            .collect(),
        text: asked.text,
        tone: asked.tone,
        service: asked.service,
        tones,
        services,
    };
    visit.page("applicant/cases/list.html", page)
}

/// Where a case of the list is ordered or paid, and what the link says; empty where it is neither.
fn payment(visit: &Visit, line: &Line) -> (String, String) {
    let to = |path: String, text: &str| (path, visit.text(text).to_owned());
    if line.orderable {
        return to(format!("/orders/new?case={}", line.id), "cases.order");
    }
    match &line.order {
        Some(order) if line.payable && order.state == "slip-uploaded" => {
            to(format!("/orders/{}/pay", order.id), "cases.see_order")
        }
        Some(order)
            if line.payable && ["open", "awaiting-payment"].contains(&order.state.as_str()) =>
        {
            to(format!("/orders/{}/pay", order.id), "cases.pay")
        }
        _ => (String::new(), String::new()),
    }
}

/// The address of this list from another key on.
fn address(asked: &Asked, after: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in [
        ("text", asked.text.as_str()),
        ("tone", asked.tone.as_str()),
        ("service", asked.service.as_str()),
        ("after", after),
    ] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    format!("/cases?{}", query.finish())
}
