//! `/orders/{id}/pay`: a QR code that survives a refresh, a second tab and a lost network, or an account to transfer the
//! money to; and the receipt.

use super::lines::{CaseLine, OrderLines, case_lines, order_lines, title};
use super::receipts::{self, ReceiptLine};
use super::slip::{self, News, SlipView};
use super::{Possible, cases, is_basket, method_by_name, method_name, method_text, own, way};
use crate::applicant::load_case;
use crate::error::WebError;
use crate::forms::Posted;
use crate::live;
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Serialize;
use yinxin_core::money::Method;
use yinxin_documents::qr;
use yinxin_engine::Actor;
use yinxin_engine::views::CasePage;
use yinxin_services::payments::{OrderState, OrderView, PaymentError, PaymentState, PaymentView};
use yinxin_store::StoreError;

#[derive(Serialize)]
struct PayPage {
    path: String,
    /// Whom it is for, in short.
    title: String,
    order: OrderLines,
    ways: Vec<Way>,
    /// Name of the way that is picked, or empty.
    way: &'static str,
    code: Option<Code>,
    transfer: Option<Transfer>,
    /// A sentence about a gateway that did not answer, or empty.
    trouble: String,
    changeable: bool,
    live: String,
}

/// A way to pay that may be picked.
#[derive(Serialize)]
struct Way {
    name: &'static str,
    label: String,
    chosen: bool,
}

#[derive(Serialize)]
struct Code {
    method: &'static str,
    /// Our own drawing of what the provider gave.
    svg: String,
    /// Seconds that the code is valid.
    left: i64,
}

/// Where the money goes, and the proof of it.
#[derive(Serialize)]
struct Transfer {
    /// Label, text, and what is copied; the site's account, or nothing where it has none.
    facts: Vec<Fact>,
    verifying: bool,
    slip: SlipView,
    receipts: Vec<ReceiptLine>,
}

#[derive(Serialize)]
struct Fact {
    name: &'static str,
    text: String,
    copied: String,
}

#[derive(Serialize)]
struct PaidPage {
    path: String,
    order: OrderLines,
    cases: Vec<CaseLine>,
    receipts: Vec<ReceiptLine>,
    live: String,
}

/// What a page says beside how things stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    pub trouble: &'a str,
    pub slip: News<'a>,
}

/// `/cases/{id}/pay`: on to where it is paid.
pub async fn of_case(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let page = load_case(&applicant, &id).await?;
    let closed = |state: &str| state == OrderState::Closed.as_str();
    let path = match &page.order {
        _ if page.orderable => format!("/orders/new?case={}", page.id),
        Some(order) if !closed(&order.state) => format!("/orders/{}/pay", order.id),
        _ => format!("/cases/{}", page.id),
    };
    Ok(Redirect::to(&path).into_response())
}

pub async fn show(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let order = own(&applicant, &id).await?;
    render(&applicant, &order, StatusCode::OK, Said::default()).await
}

/// Picks a way to pay; one with a code begins at once.
pub async fn begin(
    applicant: Applicant,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "pay", ACTIONS).await?;
    let order = own(&applicant, &id).await?;
    let method = method_by_name(posted.get("method"))
        .filter(|method| order.methods.contains(method))
        .ok_or(WebError::BadRequest("way to pay"))?;
    let path = format!("/orders/{}/pay", order.id);
    if !Possible::of(visit, &order, false).pay {
        // Paid meanwhile, in another tab: the page says so.
        return Ok(Redirect::to(&path).into_response());
    }
    let (site, payments) = (&visit.site.id, &visit.state.payments);
    let mut tx = visit.state.store.begin().await?;
    let chosen = payments
        .choose_method(&mut tx, site, &order.id, method)
        .await;
    match chosen {
        Ok(()) => tx.commit().await.map_err(StoreError::from)?,
        Err(error) => {
            drop(tx);
            return stopped(&applicant, &id, error).await;
        }
    }
    if method == Method::BankTransfer {
        return Ok(Redirect::to(&path).into_response());
    }
    match payments.begin_payment(site, &order.id, method).await {
        Ok(_) => Ok(Redirect::to(&path).into_response()),
        Err(error) => stopped(&applicant, &id, error).await,
    }
}

/// The page again, with what kept the payment from beginning.
async fn stopped(
    applicant: &Applicant,
    id: &str,
    error: PaymentError,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    match error {
        PaymentError::Gateway(error) => {
            tracing::warn!(site = %visit.site.id, %error, "a gateway gave no code");
            let said = Said {
                trouble: visit.text("payment.gateway_down"),
                ..Said::default()
            };
            let order = own(applicant, id).await?;
            render(applicant, &order, StatusCode::SERVICE_UNAVAILABLE, said).await
        }
        // What the order is now says more than that this was not possible.
        PaymentError::NotPayable(_)
        | PaymentError::Expired
        | PaymentError::NotNow
        | PaymentError::PartlyPaid => {
            Ok(Redirect::to(&format!("/orders/{id}/pay")).into_response())
        }
        error => Err(error.into()),
    }
}

/// "I have paid": looks at once.
pub async fn check(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "pay", ACTIONS).await?;
    let order = own(&applicant, &id).await?;
    let path = format!("/orders/{}/pay", order.id);
    let Some(payment) = order.payment else {
        return Ok(Redirect::to(&path).into_response());
    };
    let now = visit
        .state
        .payments
        .poll(&visit.site.id, &payment.id)
        .await?;
    let flash = if now.state == PaymentState::Prepared {
        "not-paid"
    } else {
        ""
    };
    Ok(visit.go(&path, flash))
}

/// The page for an order as it stands: to pay, paid, or the order's own where there is nothing to pay any more.
pub async fn render(
    applicant: &Applicant,
    order: &OrderView,
    status: StatusCode,
    said: Said<'_>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let cases = cases(applicant, order).await?;
    let possible = Possible::of(visit, order, is_basket(&cases));
    if possible.pay {
        let page = pay_page(applicant, order, &cases, possible, said).await?;
        return visit.page_with(status, "applicant/orders/pay.html", page);
    }
    if order.paid_at.is_none() {
        return Ok(Redirect::to(&format!("/orders/{}", order.id)).into_response());
    }
    let viewer = Actor::Applicant(applicant.account.clone());
    let page = PaidPage {
        path: format!("/orders/{}", order.id),
        receipts: receipts::lines(visit, &viewer, order).await?,
        live: live::order_fingerprint(visit, order).await?,
        order: order_lines(visit, order, &cases),
        cases: case_lines(&order.lines, &cases),
    };
    visit.page_with(status, "applicant/orders/paid.html", page)
}

async fn pay_page(
    applicant: &Applicant,
    order: &OrderView,
    cases: &[CasePage],
    possible: Possible,
    said: Said<'_>,
) -> Result<PayPage, WebError> {
    let visit = &applicant.visit;
    let way = way(order);
    let subjects: Vec<&str> = cases.iter().map(|case| case.subject.as_str()).collect();
    let payment = order
        .payment
        .as_ref()
        .filter(|payment| said.trouble.is_empty() && Some(payment.method) == way);
    let transfer = match way {
        Some(Method::BankTransfer) => Some(transfer(applicant, order, said.slip).await?),
        _ => None,
    };
    // Money that came by transfer is completed by transfer.
    let offered = order
        .methods
        .iter()
        .filter(|method| order.received.0 == 0 || **method == Method::BankTransfer);
    Ok(PayPage {
        path: format!("/orders/{}", order.id),
        ways: offered
            .map(|method| Way {
                name: method_name(*method),
                label: method_text(visit, *method).to_owned(),
                chosen: Some(*method) == way && (payment.is_some() || transfer.is_some()),
            })
            .collect(),
        way: way.map_or("", method_name),
        code: payment.map(|payment| code(visit, payment)).transpose()?,
        transfer,
        trouble: said.trouble.to_owned(),
        changeable: possible.change,
        live: live::order_fingerprint(visit, order).await?,
        title: title(visit, &subjects),
        order: order_lines(visit, order, cases),
    })
}

async fn transfer(
    applicant: &Applicant,
    order: &OrderView,
    news: News<'_>,
) -> Result<Transfer, WebError> {
    let visit = &applicant.visit;
    let events = visit
        .state
        .payments
        .history(&visit.site.id, &order.id)
        .await?;
    let fact = |name: &'static str, text: &str| Fact {
        name,
        text: text.to_owned(),
        copied: text.to_owned(),
    };
    let account = visit.site.transfer.as_ref();
    let mut facts: Vec<Fact> = account
        .map(|account| {
            vec![
                fact("holder", &account.holder),
                fact("bank", &account.bank),
                Fact {
                    // A bank's form takes the digits alone.
                    copied: account.account.replace(' ', ""),
                    ..fact("account", &account.account)
                },
            ]
        })
        .unwrap_or_default();
    if !facts.is_empty() {
        facts.push(Fact {
            name: "amount",
            text: format!("{} {}", order.outstanding, visit.text("transfer.yuan")),
            copied: order.outstanding.to_string(),
        });
        facts.push(fact("reference", &order.reference));
    }
    let viewer = Actor::Applicant(applicant.account.clone());
    Ok(Transfer {
        facts,
        verifying: order.state == OrderState::SlipUploaded,
        slip: slip::item(visit, order, &events, news).await?,
        receipts: receipts::lines(visit, &viewer, order).await?,
    })
}

fn code(visit: &Visit, payment: &PaymentView) -> Result<Code, WebError> {
    let left = (payment.expires_at.0 - visit.state.clock.now().0) / 1000;
    Ok(Code {
        method: method_name(payment.method),
        svg: qr::svg(&payment.code_url).map_err(WebError::internal)?,
        left: left.max(0),
    })
}
