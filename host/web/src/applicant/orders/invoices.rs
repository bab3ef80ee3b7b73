//! An order's e-invoices: how they stand, and `/orders/{id}/invoices/{invoice}`.

use super::own;
use crate::applicant::attachment;
use crate::error::WebError;
use crate::page::{Applicant, Visit};
use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::ids::OrderId;
use yinxin_engine::views::Download;
use yinxin_services::invoices::{InvoiceState, InvoiceView};
use yinxin_services::payments::OrderView;

/// An invoice as the order's page shows it.
#[derive(Clone, Debug, Serialize)]
pub struct InvoiceLine {
    pub state: String,
    pub tone: &'static str,
    pub number: String,
    pub amount: i64,
    pub issued: String,
    /// Where its PDF is, or empty.
    pub path: String,
}

/// The order's invoices, the newest first; what was given up before it was issued is nobody's concern.
pub async fn lines(visit: &Visit, order: &OrderView) -> Result<Vec<InvoiceLine>, WebError> {
    let found = visit
        .state
        .invoices
        .of_order(&visit.site.id, &order.id)
        .await?;
    let shown = found.iter().rev().filter(|invoice| {
        !matches!(
            invoice.state,
            InvoiceState::Withdrawn | InvoiceState::Replaced
        )
    });
    let line = |invoice: &InvoiceView| InvoiceLine {
        state: visit
            .text(&format!("orders.invoice.{}", invoice.state.as_str()))
            .to_owned(),
        tone: match invoice.state {
            InvoiceState::Issued => "done",
            InvoiceState::Voided | InvoiceState::Withdrawn | InvoiceState::Replaced => "",
            _ => "waiting",
        },
        number: invoice.number.clone(),
        amount: invoice.amount.0,
        issued: invoice.issued_at.map(|at| at.minute()).unwrap_or_default(),
        path: path(invoice),
    };
    Ok(shown.map(line).collect())
}

/// Where the invoice of an order that counts can be downloaded, once it is issued.
pub fn issued(found: &[InvoiceView], order: &OrderId) -> Option<String> {
    let counts = found.iter().rev().find(|invoice| {
        invoice.order == *order && invoice.live && invoice.state == InvoiceState::Issued
    });
    counts.map(path).filter(|path| !path.is_empty())
}

fn path(invoice: &InvoiceView) -> String {
    match invoice.file {
        Some(_) => format!("/orders/{}/invoices/{}", invoice.order, invoice.id),
        None => String::new(),
    }
}

pub async fn pdf(
    applicant: Applicant,
    Path((id, invoice)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let order = own(&applicant, &id).await?;
    let found = visit
        .state
        .invoices
        .of_order(&visit.site.id, &order.id)
        .await?;
    let file = found
        .iter()
        .find(|known| known.id.as_str() == invoice)
        .and_then(|known| known.file.as_ref())
        .ok_or(WebError::NotFound)?;
    let file = visit
        .state
        .uploads
        .read_original(&visit.site.id, file)
        .await?;
    Ok(attachment(Download {
        name: file.name,
        media_type: file.media_type,
        bytes: file.bytes,
    }))
}
