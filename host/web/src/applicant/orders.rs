//! `/orders`: what was and is to be paid.

use super::payment::{OrderLines, order_lines};
use crate::error::WebError;
use crate::page::Applicant;
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::OrderId;
use yinxin_engine::Actor;
use yinxin_store::orders;

/// Lines of a page: two screens of a laptop.
const LINES: usize = 20;

#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    after: String,
}

#[derive(Serialize)]
struct OrdersPage {
    lines: Vec<OrderLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct OrderLine {
    path: String,
    number: String,
    title: String,
    total: i64,
    state: String,
    tone: &'static str,
    created: String,
}

#[derive(Serialize)]
struct OrderPage {
    order: OrderLines,
    cases: Vec<CaseLine>,
    /// Where it is paid, or empty.
    pay: String,
}

#[derive(Serialize)]
struct CaseLine {
    path: String,
    number: String,
    subject: String,
    service: String,
    state: String,
}

pub async fn list(applicant: Applicant, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let mut conn = visit.state.store.read().await?;
    // One more than is shown tells whether there is another page.
    let one_more = LINES as i64 + 1;
    let mut found = orders::of_account(
        &mut conn,
        &visit.site.id,
        &applicant.account,
        after,
        one_more,
    )
    .await?;
    drop(conn);
    let more = found.len() > LINES;
    found.truncate(LINES);
    let last = found.last().filter(|_| more);
    let page = OrdersPage {
        next: last
            .map(|order| format!("/orders?after={}", order.id))
            .unwrap_or_default(),
        first: after.map(|_| "/orders".to_owned()).unwrap_or_default(),
        lines: found
            .iter()
            .map(|order| OrderLine {
                path: format!("/orders/{}", order.id),
                number: order.number.clone(),
                title: order
                    .lines
                    .first()
                    .map(|line| line.label.clone())
                    .unwrap_or_default(),
                total: order.total.0,
                state: visit
                    .text(&format!("orders.{}", order.state.as_str()))
                    .to_owned(),
                tone: tone(order.state),
                created: order.created_at.minute(),
            })
            .collect(),
    };
    visit.page("applicant/orders/list.html", page)
}

pub async fn show(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let (site, id) = (&visit.site.id, OrderId::from_stored(id));
    let order = visit.state.payments.order_view(site, &id).await?;
    if order.account != applicant.account {
        return Err(WebError::NotFound);
    }
    let ids = orders::cases_of(&mut *visit.state.store.read().await?, site, &id).await?;
    let viewer = Actor::Applicant(applicant.account.clone());
    let mut cases = Vec::new();
    let mut pay = String::new();
    for case in &ids {
        // A deleted case is its applicant's to see no more; its order stays.
        let Ok(page) = visit.state.engine.page(site, &viewer, case).await else {
            continue;
        };
        if page.state.payable && order.state.is_payable() {
            pay = format!("/cases/{case}/pay");
        }
        cases.push(CaseLine {
            path: format!("/cases/{case}"),
            number: page.number,
            subject: page.subject,
            service: page.service.title,
            state: page.state.applicant_label,
        });
    }
    let page = OrderPage {
        order: order_lines(visit, order),
        cases,
        pay,
    };
    visit.page("applicant/orders/order.html", page)
}

fn tone(state: orders::OrderState) -> &'static str {
    match state {
        orders::OrderState::Open | orders::OrderState::AwaitingPayment => "action",
        orders::OrderState::SlipUploaded | orders::OrderState::Refunding => "waiting",
        orders::OrderState::Paid => "done",
        orders::OrderState::Refunded | orders::OrderState::Closed => "draft",
    }
}
