//! `/console/invoices`: what is to be issued, what the provider refused, and what a clerk puts there by hand.

use super::money::{self, Choice, Paged, by, one_more, problem, typed};
use super::sure::Sure;
use super::visit::ClerkVisit;
use crate::applicant::attachment;
use crate::error::WebError;
use crate::forms::{Picked, Posted, ProblemView, Upload};
use crate::texts::fill;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::definition::FileFormat;
use yinxin_core::ids::{InvoiceId, OrderId};
use yinxin_core::rules::Problem;
use yinxin_engine::views::Download;
use yinxin_services::invoices::{InvoiceError, InvoiceKind, InvoiceState, InvoiceView, is_number};
use yinxin_services::uploads::{self, ORDER_FILE_BYTES, UploadError};
use yinxin_store::{StoreError, invoices as rows, orders};

/// Those that wait for a clerk stand first.
const STATES: [InvoiceState; 9] = [
    InvoiceState::Failed,
    InvoiceState::VoidFailed,
    InvoiceState::Waiting,
    InvoiceState::Requested,
    InvoiceState::Issued,
    InvoiceState::Voiding,
    InvoiceState::Voided,
    InvoiceState::Withdrawn,
    InvoiceState::Replaced,
];
/// Digits of an invoice's number, with spaces that people put in.
const NUMBER: usize = 40;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    after: String,
}

#[derive(Serialize)]
struct InvoicesPage {
    state: String,
    states: Vec<Choice>,
    lines: Vec<Line>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct Line {
    id: String,
    order: String,
    order_number: String,
    buyer: String,
    tax_number: String,
    amount: i64,
    kind: String,
    number: String,
    red_number: String,
    error: String,
    at: String,
    issued: String,
    /// Where its PDF is, or empty.
    file: String,
    retryable: bool,
    /// An upload may take its place.
    by_hand: bool,
    /// A clerk says with which red-letter invoice it was voided elsewhere.
    voidable: bool,
}

/// An order's invoices, for the order's page.
pub struct OfOrder {
    pub lines: Vec<OrderInvoice>,
    pub may_upload: bool,
}

#[derive(Serialize)]
pub struct OrderInvoice {
    kind: String,
    state: String,
    tone: &'static str,
    number: String,
    amount: i64,
    file: String,
    error: String,
}

#[derive(Serialize)]
struct UploadPage {
    back: String,
    number: String,
    facts: Vec<(String, String)>,
    typed: String,
    problems: Vec<ProblemView>,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.invoices, &visit.site.id);
    let state = STATES
        .into_iter()
        .find(|state| state.as_str() == asked.state)
        .unwrap_or(InvoiceState::Failed);
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let found = service
        .list(site, Some(state), after, one_more())
        .await
        .map_err(failed)?;
    let page = Paged::new(found, |invoice| invoice.id.to_string());
    let mut lines = Vec::new();
    for invoice in page.lines {
        lines.push(line(&clerk, invoice).await?);
    }
    let base = format!("/console/invoices?state={}", state.as_str());
    let states = STATES.map(|state| Choice::new(state.as_str(), &state_text(&clerk, state)));
    let view = InvoicesPage {
        state: state.as_str().to_owned(),
        states: states.into_iter().collect(),
        lines,
        next: page
            .next
            .map(|next| format!("{base}&after={next}"))
            .unwrap_or_default(),
        first: after.map(|_| base).unwrap_or_default(),
    };
    clerk.page("console/invoices.html", view)
}

fn state_text(clerk: &ClerkVisit, state: InvoiceState) -> String {
    let path = format!("invoicing.state_{}", state.as_str());
    clerk.visit.text(&path).to_owned()
}

fn kind_text(clerk: &ClerkVisit, kind: InvoiceKind) -> String {
    let path = format!("invoicing.kind_{}", kind.as_str());
    clerk.visit.text(&path).to_owned()
}

async fn line(clerk: &ClerkVisit, invoice: InvoiceView) -> Result<Line, WebError> {
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let buyer = rows::buyer(&mut conn, &visit.state.sealer, site, &invoice.id).await?;
    // Before the provider is asked, it is made out to whom the order says now.
    let details = visit
        .state
        .payments
        .details(&mut conn, site, &invoice.order)
        .await?;
    drop(conn);
    let (title, tax_number) = match buyer {
        Some(buyer) => (buyer.title, buyer.tax_number),
        None => (details.invoice_title, details.tax_number),
    };
    let service = &visit.state.invoices;
    Ok(Line {
        by_hand: service
            .can_upload(site, &invoice.order)
            .await
            .map_err(failed)?
            && invoice.live,
        retryable: is_retryable(&invoice),
        voidable: is_voided_elsewhere(&invoice),
        file: file_path(&invoice),
        kind: kind_text(clerk, invoice.kind),
        id: invoice.id.to_string(),
        order: invoice.order.to_string(),
        order_number: invoice.order_number,
        buyer: title,
        tax_number,
        amount: invoice.amount.0,
        number: invoice.number,
        red_number: invoice.red_number,
        error: invoice.error,
        at: invoice.created_at.minute(),
        issued: invoice.issued_at.map(|at| at.minute()).unwrap_or_default(),
    })
}

fn file_path(invoice: &InvoiceView) -> String {
    invoice
        .file
        .as_ref()
        .map(|_| format!("/console/invoices/{}/file", invoice.id))
        .unwrap_or_default()
}

/// What the provider refused, or is slow with.
fn is_retryable(invoice: &InvoiceView) -> bool {
    invoice.kind == InvoiceKind::Provider
        && matches!(
            invoice.state,
            InvoiceState::Failed
                | InvoiceState::VoidFailed
                | InvoiceState::Waiting
                | InvoiceState::Requested
                | InvoiceState::Voiding
        )
}

/// No provider voids it: a clerk did, or does, at the tax office's own page.
fn is_voided_elsewhere(invoice: &InvoiceView) -> bool {
    match invoice.state {
        InvoiceState::Voiding => invoice.kind == InvoiceKind::ByHand,
        InvoiceState::VoidFailed => true,
        _ => false,
    }
}

fn tone(state: InvoiceState) -> &'static str {
    match state {
        InvoiceState::Issued => "done",
        InvoiceState::Waiting | InvoiceState::Requested | InvoiceState::Voiding => "waiting",
        InvoiceState::Failed | InvoiceState::VoidFailed => "refused",
        InvoiceState::Voided | InvoiceState::Withdrawn | InvoiceState::Replaced => "",
    }
}

pub async fn of_order(clerk: &ClerkVisit, order: &OrderId) -> Result<OfOrder, WebError> {
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.invoices, &visit.site.id);
    let found = service.of_order(site, order).await.map_err(failed)?;
    let lines = found.into_iter().map(|invoice| OrderInvoice {
        kind: kind_text(clerk, invoice.kind),
        state: state_text(clerk, invoice.state),
        tone: tone(invoice.state),
        file: file_path(&invoice),
        number: invoice.number,
        amount: invoice.amount.0,
        error: invoice.error,
    });
    Ok(OfOrder {
        lines: lines.collect(),
        may_upload: service.can_upload(site, order).await.map_err(failed)?,
    })
}

pub async fn file(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let invoice = rows::get(&mut conn, site, &InvoiceId::from_stored(id)).await?;
    drop(conn);
    let file = invoice.file.ok_or(WebError::NotFound)?;
    let found = visit.state.uploads.read_original(site, &file).await?;
    Ok(attachment(Download {
        name: format!("{}.pdf", invoice.number),
        media_type: found.media_type,
        bytes: found.bytes,
    }))
}

pub async fn retry(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let id = InvoiceId::from_stored(id);
    let mut tx = visit.state.store.begin().await?;
    let retried = visit
        .state
        .invoices
        .retry(&mut tx, &visit.site.id, &id, &by(&clerk))
        .await;
    match retried {
        Ok(()) => {}
        Err(InvoiceError::NotNow | InvoiceError::Store(StoreError::Conflict)) => {
            return Ok(visit.go("/console/invoices", "nothing-to-do"));
        }
        Err(error) => return Err(failed(error)),
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(site = %visit.site.id, invoice = %id, clerk = %clerk.clerk.id, "an invoice is tried again");
    Ok(visit.go("/console/invoices", "invoice-retried"))
}

pub async fn ask_upload(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let visit = &clerk.visit;
    let order = OrderId::from_stored(id);
    let open = visit
        .state
        .invoices
        .can_upload(&visit.site.id, &order)
        .await;
    if open.map_err(failed)? {
        upload_page(&clerk, &order, String::new(), &[]).await
    } else {
        Ok(visit.go(&format!("/console/orders/{order}"), "invoice-not-wanted"))
    }
}

/// A PDF that was issued elsewhere, with its number.
pub async fn upload(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    upload: Upload,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.invoices, &visit.site.id);
    let (posted, picked) = upload.form(ORDER_FILE_BYTES).await?;
    let order = OrderId::from_stored(id);
    let number = typed(&posted, "number", NUMBER);
    let text = |name: &str| visit.text(name).to_owned();
    let mut problems = Vec::new();
    if !is_number(&number) {
        problems.push(problem("number", text("invoicing.number_wrong")));
    }
    let mut sent = None;
    match picked {
        Picked::Nothing => problems.push(problem("file", text("invoicing.file_missing"))),
        Picked::TooLarge => problems.push(problem("file", text("invoicing.file_too_large"))),
        Picked::File { name, bytes } => sent = Some((name, bytes)),
    }
    let Some((name, bytes)) = sent.filter(|_| problems.is_empty()) else {
        return upload_page(&clerk, &order, number, &problems).await;
    };
    let sent = uploads::Upload {
        name,
        bytes: bytes.into(),
        by: clerk.clerk.id.to_string(),
    };
    let title = text("invoicing.upload_file");
    let taken = visit
        .state
        .uploads
        .take_of_order(site, &order, &title, &[FileFormat::Pdf], sent)
        .await;
    let taken = match taken {
        Ok(taken) => taken,
        Err(UploadError::Refused(why)) => {
            let refused = problem("file", why.to_string());
            return upload_page(&clerk, &order, number, &[refused]).await;
        }
        Err(error) => return Err(WebError::internal(error)),
    };
    let mut tx = visit.state.store.begin().await?;
    let put = service
        .upload_by_hand(&mut tx, site, &order, &number, taken, &by(&clerk))
        .await;
    let refusal = match put {
        Ok(id) => {
            tx.commit().await.map_err(StoreError::from)?;
            tracing::info!(%site, %order, invoice = %id, clerk = %clerk.clerk.id, "an invoice was uploaded");
            return Ok(visit.go(&format!("/console/orders/{order}"), "invoice-uploaded"));
        }
        Err(InvoiceError::BadNumber) => problem("number", text("invoicing.number_wrong")),
        Err(InvoiceError::NumberTaken(other)) => {
            drop(tx);
            let mut conn = visit.state.store.read().await?;
            let other = orders::get(&mut conn, site, &other).await?.number;
            let told = fill(visit.text("invoicing.number_taken"), &[("order", &other)]);
            let taken = problem("number", told);
            drop(conn);
            return upload_page(&clerk, &order, number, &[taken]).await;
        }
        Err(
            InvoiceError::NotNow
            | InvoiceError::NothingToInvoice
            | InvoiceError::Store(StoreError::Conflict),
        ) => problem("", text("invoicing.not_now")),
        Err(error) => return Err(failed(error)),
    };
    drop(tx);
    upload_page(&clerk, &order, number, &[refusal]).await
}

async fn upload_page(
    clerk: &ClerkVisit,
    id: &OrderId,
    typed: String,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let order = visit.state.payments.order_view(site, id).await?;
    let mut conn = visit.state.store.read().await?;
    let details = visit.state.payments.details(&mut conn, site, id).await?;
    drop(conn);
    let text = |name: &str| visit.text(name).to_owned();
    let rest = order.total.0 - order.refunded.0;
    let facts = [
        (text("console.invoice_title"), details.invoice_title),
        (text("console.tax_number"), details.tax_number),
        (text("console.invoice_email"), details.invoice_email),
        (
            text("invoicing.amount"),
            yinxin_core::money::Fen(rest).to_string(),
        ),
    ];
    let page = UploadPage {
        back: format!("/console/orders/{id}"),
        number: order.number,
        facts: facts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        typed,
        problems: ProblemView::all(problems),
    };
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    clerk.page_with(status, "console/invoice_upload.html", page)
}

pub async fn ask_void(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    void_page(&clerk, &InvoiceId::from_stored(id), "", &[]).await
}

/// The clerk has made the red-letter invoice elsewhere and says its number.
pub async fn void(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.invoices, &visit.site.id);
    let id = InvoiceId::from_stored(id);
    let number = typed(&posted, "reason", NUMBER);
    let mut tx = visit.state.store.begin().await?;
    let voided = service
        .void_by_hand(&mut tx, site, &id, &number, &by(&clerk))
        .await;
    match voided {
        Ok(()) => {}
        Err(InvoiceError::BadNumber) => {
            drop(tx);
            let wrong = problem("reason", visit.text("invoicing.number_wrong"));
            return void_page(&clerk, &id, &number, &[wrong]).await;
        }
        Err(InvoiceError::NotNow | InvoiceError::Store(StoreError::Conflict)) => {
            return Ok(visit.go("/console/invoices?state=void-failed", "nothing-to-do"));
        }
        Err(error) => return Err(failed(error)),
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%site, invoice = %id, clerk = %clerk.clerk.id, "an invoice was voided elsewhere");
    Ok(visit.go("/console/invoices?state=voided", "invoice-voided"))
}

async fn void_page(
    clerk: &ClerkVisit,
    id: &InvoiceId,
    number: &str,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let invoice = rows::get(&mut conn, site, id).await?;
    let order = orders::get(&mut conn, site, &invoice.order).await?;
    drop(conn);
    let text = |name: &str| visit.text(name).to_owned();
    Sure {
        title: text("invoicing.void_title"),
        about: format!("{} {}", text("payment.order"), order.number),
        back: format!("/console/orders/{}", order.id),
        action: format!("/console/invoices/{id}/void"),
        sentences: vec![text("invoicing.void_text")],
        facts: vec![
            (text("invoicing.number"), invoice.number),
            (text("invoicing.amount"), invoice.amount.to_string()),
        ],
        label: text("invoicing.void_yes"),
        danger: true,
        reason: text("invoicing.red_number"),
        typed_reason: number.to_owned(),
        problems: ProblemView::all(problems),
        ..Sure::default()
    }
    .page(clerk)
}

fn failed(error: InvoiceError) -> WebError {
    match error {
        InvoiceError::NotNow | InvoiceError::NothingToInvoice => WebError::Stale,
        InvoiceError::Store(error) => error.into(),
        other => WebError::internal(other),
    }
}
