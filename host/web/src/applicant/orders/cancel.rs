//! `/orders/{id}/cancel`: the end of an order that is not paid, after a second look.

use super::{Possible, cases, is_basket, own};
use crate::error::WebError;
use crate::forms::ProblemView;
use crate::page::Applicant;
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use yinxin_core::rules::Problem;
use yinxin_services::payments::OrderView;

#[derive(Serialize)]
struct CancelPage {
    path: String,
    number: String,
    total: i64,
    /// Parts that came already and go back.
    received: i64,
    /// It can still be cancelled.
    possible: bool,
    subjects: Vec<String>,
    problems: Vec<ProblemView>,
}

pub async fn ask(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let order = own(&applicant, &id).await?;
    render(&applicant, &order, StatusCode::OK, &[]).await
}

pub async fn cancel(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "order", ACTIONS).await?;
    let order = own(&applicant, &id).await?;
    let engine = &visit.state.engine;
    match engine
        .cancel_basket(&visit.site.id, &applicant.account, &order.id)
        .await
    {
        Ok(()) => Ok(visit.go(&format!("/orders/{}", order.id), "order-cancelled")),
        Err(error) => {
            let (status, problems) = visit.problems_of(error)?;
            // Paid meanwhile, perhaps: the page shows the order as it is now.
            let order = own(&applicant, &id).await?;
            render(&applicant, &order, status, &problems).await
        }
    }
}

async fn render(
    applicant: &Applicant,
    order: &OrderView,
    status: StatusCode,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let cases = cases(applicant, order).await?;
    let possible = Possible::of(visit, order, is_basket(&cases)).cancel;
    if problems.is_empty() && !possible {
        return Err(WebError::Stale);
    }
    let page = CancelPage {
        path: format!("/orders/{}", order.id),
        number: order.number.clone(),
        total: order.total.0,
        received: order.received.0,
        possible,
        subjects: cases
            .into_iter()
            .map(|case| format!("{} {}", case.subject, case.number))
            .collect(),
        problems: ProblemView::all(problems),
    };
    visit.page_with(status, "applicant/orders/cancel.html", page)
}
