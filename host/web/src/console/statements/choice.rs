//! A line that no suggestion fits: the clerk picks its order, or says that it is for none.

use super::failed;
use super::lines::fits;
use crate::console::money::{self, by, problem, state_text, state_tone, typed};
use crate::console::orders;
use crate::console::sure::Sure;
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use axum::extract::{Path, Query};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use yinxin_core::money::Fen;
use yinxin_core::rules::Problem;
use yinxin_services::payments::OrderView;
use yinxin_services::statements::StatementError;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
}

#[derive(Serialize)]
struct ChoicePage {
    statement: String,
    back: String,
    path: String,
    confirm: String,
    day: String,
    amount: i64,
    payer: String,
    memo: String,
    serial: String,
    text: String,
    orders: Vec<OrderLine>,
}

#[derive(Serialize)]
struct OrderLine {
    id: String,
    number: String,
    reference: String,
    title: String,
    state: String,
    tone: &'static str,
    total: i64,
    outstanding: i64,
    difference_text: String,
}

pub async fn choose(
    clerk: ClerkVisit,
    Path((id, line)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.statements, &visit.site.id);
    let view = service.line(site, &line).await.map_err(failed)?;
    let statement = service
        .get(site, &id, None, None, 1)
        .await
        .map_err(failed)?
        .statement;
    let found = orders::for_transfer(&clerk, asked.text.trim()).await?;
    let (line, back) = (view.line, format!("/console/statements/{id}"));
    let base = format!("{back}/lines/{}", line.id);
    let page = ChoicePage {
        statement: statement.file_name,
        path: format!("{base}/order"),
        confirm: format!("{base}/confirm"),
        back,
        orders: found
            .into_iter()
            .map(|order| order_line(&clerk, order, line.amount))
            .collect(),
        day: line.day,
        amount: line.amount.0,
        payer: line.details.payer,
        memo: line.details.memo,
        serial: line.serial,
        text: asked.text,
    };
    clerk.page("console/statement_order.html", page)
}

fn order_line(clerk: &ClerkVisit, order: OrderView, amount: Fen) -> OrderLine {
    let difference_text = if order.state.is_payable() {
        fits(clerk, Fen(amount.0 - order.outstanding.0)).0
    } else {
        clerk.visit.text("statements.all_back").to_owned()
    };
    OrderLine {
        id: order.id.to_string(),
        title: order
            .lines
            .first()
            .map(|line| line.label.clone())
            .unwrap_or_default(),
        number: order.number,
        reference: order.reference,
        state: state_text(clerk, order.state),
        tone: state_tone(order.state),
        total: order.total.0,
        outstanding: order.outstanding.0,
        difference_text,
    }
}

pub async fn ask_ignore(
    clerk: ClerkVisit,
    Path((id, line)): Path<(String, String)>,
) -> Result<Response, WebError> {
    money::may(&clerk)?;
    ignore_page(&clerk, &id, &line, &[]).await
}

pub async fn ignore(
    clerk: ClerkVisit,
    Path((id, line)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.statements, &visit.site.id);
    let reason = typed(&posted, "reason", orders::REASON);
    let path = format!("/console/statements/{id}");
    match service.ignore(site, &line, &reason, &by(&clerk)).await {
        Ok(()) => Ok(visit.go(&path, "line-ignored")),
        Err(StatementError::NoReason) => {
            let missing = problem("reason", visit.text("statements.reason_missing"));
            ignore_page(&clerk, &id, &line, &[missing]).await
        }
        Err(StatementError::NotOpen) => Ok(visit.go(&path, "nothing-to-do")),
        Err(error) => Err(failed(error)),
    }
}

async fn ignore_page(
    clerk: &ClerkVisit,
    id: &str,
    line: &str,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let service = &visit.state.statements;
    let view = service.line(&visit.site.id, line).await.map_err(failed)?;
    let line = view.line;
    let text = |name: &str| visit.text(name).to_owned();
    let back = format!("/console/statements/{id}");
    let facts = [
        (text("statements.amount"), line.amount.to_string()),
        (text("statements.payer"), line.details.payer),
        (text("statements.memo"), line.details.memo),
        (text("statements.serial"), line.serial),
        (text("statements.day"), line.day),
    ];
    Sure {
        title: text("statements.ignore_title"),
        about: text("statements.title"),
        action: format!("{back}/lines/{}/ignore", line.id),
        back,
        sentences: vec![text("statements.ignore_lede")],
        facts: facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        label: text("statements.ignore"),
        reason: text("statements.ignore_reason"),
        problems: ProblemView::all(problems),
        ..Sure::default()
    }
    .page(clerk)
}
