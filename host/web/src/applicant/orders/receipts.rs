//! `/orders/{id}/receipts/{document}`: the paper that goes by post with what it names (manual row F-10).

use super::own;
use crate::applicant::attachment;
use crate::error::WebError;
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, PAPERS};
use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use yinxin_engine::{Actor, EngineError};
use yinxin_services::payments::OrderView;

/// A paper to print.
#[derive(Clone, Debug, Serialize)]
pub struct ReceiptLine {
    pub title: String,
    pub path: String,
}

/// What is to be printed for the order now.
pub async fn lines(
    visit: &Visit,
    viewer: &Actor,
    order: &OrderView,
) -> Result<Vec<ReceiptLine>, WebError> {
    let receipts = visit
        .state
        .engine
        .receipts(&visit.site.id, viewer, &order.id)
        .await?;
    Ok(receipts
        .into_iter()
        .map(|receipt| ReceiptLine {
            title: receipt.title,
            path: format!("/orders/{}/receipts/{}", order.id, receipt.document),
        })
        .collect())
}

pub async fn pdf(
    applicant: Applicant,
    Path((id, document)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "paper", PAPERS).await?;
    let order = own(&applicant, &id).await?;
    let viewer = Actor::Applicant(applicant.account.clone());
    let engine = &visit.state.engine;
    match engine
        .receipt(&visit.site.id, &viewer, &order.id, &document)
        .await
    {
        Ok(download) => Ok(attachment(download)),
        // Something that is printed has to be put right first; the order's page leads to its cases.
        Err(EngineError::Problems(_)) => Err(WebError::Stale),
        Err(error) => Err(error.into()),
    }
}
