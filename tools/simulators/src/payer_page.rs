//! The pages on which one plays the payer, alike for both providers, and the same for programs as JSON.

use crate::lies::{Answers, Lies};
use crate::misbehave::is_json;
use crate::notifier::Notifier;
use crate::pages;
use crate::trades::{Book, PayMode, Trade, china_time, yuan};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, RequestExt, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;

/// A simulated provider that takes money.
pub trait Provider: Send + Sync + 'static {
    /// Part of the addresses: `wechat`.
    const NAME: &'static str;
    const TITLE: &'static str;

    fn book(&self) -> &Arc<Book>;

    fn lies(&self) -> &Arc<Lies>;

    fn notifier(&self) -> &Arc<Notifier>;

    /// The payer pays, or somebody pretends so; comes back after the first notification.
    fn pay(
        &self,
        out_trade_no: &str,
        mode: PayMode,
    ) -> impl Future<Output = anyhow::Result<Trade>> + Send;

    /// Somebody gives `amount` fen back at the provider's own console, without the merchant's system; told as any refund.
    fn refund_at_console(
        &self,
        out_trade_no: &str,
        amount: i64,
    ) -> impl Future<Output = anyhow::Result<Trade>> + Send;
}

/// `/{name}`: trades with buttons; `/{name}/scan?code_url=`: what the phone shows; `POST /control/{name}/pay` with
/// `{out_trade_no or code_url, mode}`, `/tell` with `{out_trade_no}`, `/answers` with `{out_trade_no or nothing, answers}`,
/// `/refund` with `{out_trade_no, part}`; `GET /control/{name}/trades`.
pub fn routes<P: Provider>(provider: Arc<P>) -> Router {
    let name = P::NAME;
    Router::new()
        .route(&format!("/{name}"), get(list::<P>))
        .route(&format!("/{name}/scan"), get(scan::<P>))
        .route(&format!("/control/{name}/pay"), post(pay::<P>))
        .route(&format!("/control/{name}/tell"), post(tell::<P>))
        .route(&format!("/control/{name}/answers"), post(answers::<P>))
        .route(&format!("/control/{name}/refund"), post(refund::<P>))
        .route(&format!("/control/{name}/trades"), get(trades::<P>))
        .with_state(provider)
}

#[derive(Deserialize)]
struct Payment {
    #[serde(default)]
    out_trade_no: String,
    #[serde(default)]
    code_url: String,
    #[serde(default)]
    mode: PayMode,
}

/// What was posted, as JSON or as a form of the page's, and whether it was JSON.
async fn posted<T: DeserializeOwned + 'static>(request: Request) -> (Option<T>, bool) {
    let json = is_json(&request);
    let posted = if json {
        let extracted = request.extract::<Json<T>, _>().await;
        extracted.map(|Json(posted)| posted).ok()
    } else {
        let extracted = request.extract::<Form<T>, _>().await;
        extracted.map(|Form(posted)| posted).ok()
    };
    (posted, json)
}

/// The trade for a program, the list for a person, or what is wrong.
fn outcome<P: Provider>(trade: anyhow::Result<Trade>, json: bool) -> Response {
    match trade {
        Ok(trade) if json => Json(trade).into_response(),
        Ok(_) => Redirect::to(&format!("/{}", P::NAME)).into_response(),
        Err(error) => (StatusCode::CONFLICT, error.to_string()).into_response(),
    }
}

async fn pay<P: Provider>(State(provider): State<Arc<P>>, request: Request) -> Response {
    let (Some(payment), json) = posted::<Payment>(request).await else {
        let modes = PayMode::ALL.map(|mode| format!("{mode:?}").to_lowercase());
        return (
            StatusCode::BAD_REQUEST,
            format!("mode: {}", modes.join(", ")),
        )
            .into_response();
    };
    let named = if payment.out_trade_no.is_empty() {
        &payment.code_url
    } else {
        &payment.out_trade_no
    };
    let paid = match provider.book().find(named) {
        Some(trade) => provider.pay(&trade.out_trade_no, payment.mode).await,
        None => Err(anyhow::anyhow!("没有这笔交易")),
    };
    outcome::<P>(paid, json)
}

#[derive(Deserialize)]
struct Named {
    out_trade_no: String,
    /// Of a refund: half of what is left.
    #[serde(default)]
    part: bool,
}

/// Sends the notifications that were held back.
async fn tell<P: Provider>(State(provider): State<Arc<P>>, request: Request) -> Response {
    let (Some(named), json) = posted::<Named>(request).await else {
        return (StatusCode::BAD_REQUEST, "out_trade_no").into_response();
    };
    let book = provider.book();
    provider.notifier().release(book, &named.out_trade_no).await;
    let trade = book.get(&named.out_trade_no);
    outcome::<P>(trade.ok_or_else(|| anyhow::anyhow!("没有这笔交易")), json)
}

/// Gives all or half of what is left back, as at the provider's own console.
async fn refund<P: Provider>(State(provider): State<Arc<P>>, request: Request) -> Response {
    let (Some(named), json) = posted::<Named>(request).await else {
        return (StatusCode::BAD_REQUEST, "out_trade_no, part").into_response();
    };
    let left = provider
        .book()
        .get(&named.out_trade_no)
        .map_or(0, |trade| trade.received() - trade.refunded());
    let amount = if named.part { left / 2 } else { left };
    outcome::<P>(
        provider
            .refund_at_console(&named.out_trade_no, amount)
            .await,
        json,
    )
}

#[derive(Deserialize)]
struct Manner {
    #[serde(default)]
    out_trade_no: String,
    answers: Answers,
}

/// How requests are answered from now on.
async fn answers<P: Provider>(State(provider): State<Arc<P>>, request: Request) -> Response {
    let (Some(manner), json) = posted::<Manner>(request).await else {
        let known = Answers::ALL.map(|answers| format!("{answers:?}").to_lowercase());
        return (
            StatusCode::BAD_REQUEST,
            format!("answers: {}", known.join(", ")),
        )
            .into_response();
    };
    provider.lies().set(&manner.out_trade_no, manner.answers);
    if json {
        StatusCode::NO_CONTENT.into_response()
    } else {
        Redirect::to(&format!("/{}", P::NAME)).into_response()
    }
}

async fn trades<P: Provider>(State(provider): State<Arc<P>>) -> Response {
    Json(json!({"trades": provider.book().all()})).into_response()
}

#[derive(Deserialize)]
struct Scan {
    code_url: String,
}

async fn scan<P: Provider>(State(provider): State<Arc<P>>, Query(scan): Query<Scan>) -> Response {
    let found = provider.book().with(|trades| {
        let trade = trades
            .values_mut()
            .find(|trade| trade.code_url == scan.code_url)?;
        trade.scanned = true;
        Some(trade.clone())
    });
    let status = if found.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    (status, page(&*provider, found.as_slice(), false)).into_response()
}

async fn list<P: Provider>(State(provider): State<Arc<P>>) -> Html<String> {
    page(&*provider, &provider.book().all(), true)
}

/// `whole`: the list of all trades and not what one scan found.
fn page<P: Provider>(provider: &P, trades: &[Trade], whole: bool) -> Html<String> {
    let answers = |number: &str| provider.lies().about(number);
    let cards: Vec<Value> = trades
        .iter()
        .map(|trade| card(trade, answers(&trade.out_trade_no)))
        .collect();
    let view = json!({
        "title": P::TITLE, "name": P::NAME, "whole": whole, "trades": cards, "answers": answers(""),
    });
    Html(pages::render("payer.html", view))
}

fn card(trade: &Trade, answers: Answers) -> Value {
    let refunds: Vec<Value> = trade
        .refunds
        .iter()
        .map(|refund| json!({"amount": yuan(refund.amount), "reason": refund.reason}))
        .collect();
    let deliveries: Vec<Value> = trade
        .deliveries
        .iter()
        .map(|delivery| {
            json!({
                "at": china_time(delivery.at), "what": delivery.what, "status": delivery.status,
                "accepted": delivery.accepted,
            })
        })
        .collect();
    json!({
        "subject": trade.subject,
        "amount": yuan(trade.amount),
        "state": trade.state,
        "out_trade_no": trade.out_trade_no,
        "code_url": trade.code_url,
        "created": china_time(trade.created),
        "received": trade.receipt.as_ref().map(|receipt| yuan(receipt.amount)),
        "transaction": trade.receipt.as_ref().map(|receipt| &receipt.transaction),
        "refunds": refunds,
        "left": trade.received() > trade.refunded(),
        "deliveries": deliveries,
        "answers": answers,
    })
}
