//! What a person sees of the invoices, and where their PDFs are fetched.

use super::{Fate, Invoice, InvoiceOffice, Stage, pdf};
use crate::misbehave::{self, Mode};
use crate::pages;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Form, Json, RequestExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) async fn overview(State(office): State<Arc<InvoiceOffice>>) -> Html<String> {
    let (mode, count) = office.misbehaviour.standing();
    let mut rows: Vec<Value> = office.invoices().iter().map(row).collect();
    rows.reverse();
    let fate = office.with(|books| books.fate);
    let reds = office.red_requests();
    Html(pages::render(
        "invoice.html",
        json!({ "rows": rows, "reds": reds, "fate": fate, "mode": mode, "count": count }),
    ))
}

fn row(invoice: &Invoice) -> Value {
    json!({
        "order_no": invoice.order_no, "serial": invoice.serial, "number": invoice.number,
        "buyer": invoice.buyer, "tax_number": invoice.buyer_tax_number,
        "amount": pdf::yuan(invoice.amount), "lines": invoice.lines, "stage": invoice.stage,
        "voids": invoice.voids, "at": invoice.at,
    })
}

pub(super) async fn list(State(office): State<Arc<InvoiceOffice>>) -> Json<Value> {
    Json(json!({ "invoices": office.invoices(), "reds": office.red_requests() }))
}

pub(super) async fn download(
    State(office): State<Arc<InvoiceOffice>>,
    Path(serial): Path<String>,
) -> Response {
    let invoice = office.with(|books| books.invoices.get(&serial).cloned());
    let Some(invoice) = invoice.filter(|invoice| invoice.stage == Stage::Issued) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // A captive portal answers in the platform's place.
    if office.misbehaviour.standing().0 == Mode::Forge {
        office.misbehaviour.turn();
        return Html("<html><body>请先登录网络</body></html>").into_response();
    }
    let kind = [(header::CONTENT_TYPE, "application/pdf")];
    (kind, pdf::of(&invoice)).into_response()
}

#[derive(Deserialize)]
struct Chosen {
    fate: Fate,
}

/// `POST /control/invoice/fate` with `{fate}`, JSON or form.
pub(super) async fn set_fate(
    State(office): State<Arc<InvoiceOffice>>,
    request: Request,
) -> Response {
    let json = misbehave::is_json(&request);
    let chosen = if json {
        request
            .extract::<Json<Chosen>, _>()
            .await
            .map(|Json(chosen)| chosen)
            .ok()
    } else {
        request
            .extract::<Form<Chosen>, _>()
            .await
            .map(|Form(chosen)| chosen)
            .ok()
    };
    match chosen {
        None => (StatusCode::BAD_REQUEST, "fate: issue, fail, seal, wait").into_response(),
        Some(chosen) => {
            office.next(chosen.fate);
            if json {
                StatusCode::NO_CONTENT.into_response()
            } else {
                Redirect::to("/invoice").into_response()
            }
        }
    }
}
