//! An order's lines and cases, as several pages show them.

use super::{method_text, state_text, tone};
use crate::page::Visit;
use crate::texts::fill;
use serde::Serialize;
use yinxin_core::ids::CaseId;
use yinxin_core::money::FeeLine;
use yinxin_engine::views::{BasketCase, CasePage};
use yinxin_services::payments::OrderView;

/// An order as pages show it.
#[derive(Clone, Debug, Serialize)]
pub struct OrderLines {
    pub id: String,
    pub path: String,
    pub number: String,
    pub lines: Vec<Line>,
    pub total: i64,
    pub received: i64,
    pub outstanding: i64,
    pub state: String,
    pub tone: &'static str,
    pub created: String,
    pub until: String,
    pub paid_at: String,
    pub method: String,
    pub transaction: String,
    pub refunded: i64,
    pub reference: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Line {
    pub label: String,
    /// Name and number of the case that it is for; empty where it is for the order as a whole, or is of the only one.
    pub about: String,
    pub quantity: u32,
    pub amount: i64,
}

/// A case in an order.
#[derive(Clone, Debug, Serialize)]
pub struct CaseLine {
    pub id: String,
    pub path: String,
    pub number: String,
    pub subject: String,
    pub service: String,
    pub state: String,
    pub tone: &'static str,
    /// What happens next, in words; empty until the case has heard that it was paid.
    pub next: String,
    /// fen of the lines that name it; none in the order of a single case, whose lines are all its own.
    pub share: Option<i64>,
}

pub fn order_lines(visit: &Visit, order: &OrderView, cases: &[CasePage]) -> OrderLines {
    OrderLines {
        id: order.id.to_string(),
        path: format!("/orders/{}", order.id),
        number: order.number.clone(),
        lines: lines(
            &order.lines,
            &cases.iter().map(Named::from).collect::<Vec<_>>(),
        ),
        total: order.total.0,
        received: order.received.0,
        outstanding: order.outstanding.0,
        state: state_text(visit, order.state).to_owned(),
        tone: tone(order.state),
        created: order.created_at.minute(),
        until: order.expires_at.minute(),
        paid_at: order.paid_at.map(|at| at.minute()).unwrap_or_default(),
        method: order
            .paid_method
            .map(|method| method_text(visit, method).to_owned())
            .unwrap_or_default(),
        transaction: order.transaction.clone(),
        refunded: order.refunded.0,
        reference: order.reference.clone(),
    }
}

/// A case that lines may be for.
#[derive(Clone, Debug)]
pub struct Named {
    id: CaseId,
    subject: String,
    number: String,
}

impl From<&CasePage> for Named {
    fn from(case: &CasePage) -> Self {
        Self {
            id: case.id.clone(),
            subject: case.subject.clone(),
            number: case.number.clone(),
        }
    }
}

impl From<&BasketCase> for Named {
    fn from(case: &BasketCase) -> Self {
        Self {
            id: case.id.clone(),
            subject: case.subject.clone(),
            number: case.number.clone(),
        }
    }
}

pub fn lines(lines: &[FeeLine], cases: &[Named]) -> Vec<Line> {
    let several = cases.len() > 1;
    let mixed = |case: &Named| cases.iter().any(|other| other.subject != case.subject);
    let about = |id: &str| {
        let found = cases.iter().find(|case| several && case.id.as_str() == id);
        found
            .map(|case| match mixed(case) {
                true => format!("{} {}", case.subject, case.number),
                // Of one unit only the number tells them apart.
                false => case.number.clone(),
            })
            .unwrap_or_default()
    };
    lines
        .iter()
        .map(|line| Line {
            label: line.label.clone(),
            about: about(&line.case_id),
            quantity: line.quantity,
            amount: line.amount,
        })
        .collect()
}

/// Whom an order is for, in short.
pub fn title(visit: &Visit, subjects: &[&str]) -> String {
    match subjects {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first, ..] => fill(
            visit.text("orders.and_more"),
            &[("first", first), ("count", &subjects.len().to_string())],
        ),
    }
}

pub fn case_lines(order: &[FeeLine], cases: &[CasePage]) -> Vec<CaseLine> {
    cases
        .iter()
        .map(|case| {
            let own = order
                .iter()
                .filter(|line| line.case_id == case.id.as_str())
                .map(|line| line.amount);
            CaseLine {
                id: case.id.to_string(),
                path: format!("/cases/{}", case.id),
                number: case.number.clone(),
                subject: case.subject.clone(),
                service: case.service.title.clone(),
                state: case.state.applicant_label.clone(),
                tone: crate::applicant::tone_name(case.state.tone),
                next: if case.state.payable {
                    String::new()
                } else {
                    case.state.next.clone()
                },
                share: (cases.len() > 1).then(|| own.sum()),
            }
        })
        .collect()
}
