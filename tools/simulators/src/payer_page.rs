//! The pages on which one plays the payer, alike for both providers, and the same for programs as JSON.

use crate::misbehave::is_json;
use crate::pages;
use crate::trades::{Book, PayMode, Trade, china_time, yuan};
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, RequestExt, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use std::future::Future;
use std::sync::Arc;

/// A simulated provider that takes money.
pub trait Provider: Send + Sync + 'static {
    /// Part of the addresses: `wechat`.
    const NAME: &'static str;
    const TITLE: &'static str;

    fn book(&self) -> &Arc<Book>;

    /// The payer pays, or somebody pretends so; comes back after the first notification.
    fn pay(
        &self,
        out_trade_no: &str,
        mode: PayMode,
    ) -> impl Future<Output = anyhow::Result<Trade>> + Send;
}

/// `/{name}`: trades with buttons; `/{name}/scan?code_url=`: what the phone shows; `POST /control/{name}/pay` with
/// `{out_trade_no or code_url, mode}`; `GET /control/{name}/trades`.
pub fn routes<P: Provider>(provider: Arc<P>) -> Router {
    let name = P::NAME;
    Router::new()
        .route(&format!("/{name}"), get(list::<P>))
        .route(&format!("/{name}/scan"), get(scan::<P>))
        .route(&format!("/control/{name}/pay"), post(pay::<P>))
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

async fn pay<P: Provider>(State(provider): State<Arc<P>>, request: Request) -> Response {
    let json = is_json(&request);
    let payment = if json {
        request
            .extract::<Json<Payment>, _>()
            .await
            .map(|Json(payment)| payment)
            .ok()
    } else {
        request
            .extract::<Form<Payment>, _>()
            .await
            .map(|Form(payment)| payment)
            .ok()
    };
    let Some(payment) = payment else {
        let modes = "mode: normal, delay, repeat, forge, drop, amount, signtest";
        return (StatusCode::BAD_REQUEST, modes).into_response();
    };
    let named = if payment.out_trade_no.is_empty() {
        &payment.code_url
    } else {
        &payment.out_trade_no
    };
    let outcome = match provider.book().find(named) {
        Some(trade) => provider.pay(&trade.out_trade_no, payment.mode).await,
        None => Err(anyhow::anyhow!("没有这笔交易")),
    };
    match outcome {
        Ok(trade) if json => Json(trade).into_response(),
        Ok(_) => Redirect::to(&format!("/{}", P::NAME)).into_response(),
        Err(error) => (StatusCode::CONFLICT, error.to_string()).into_response(),
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
    (status, page::<P>(found.as_slice(), false)).into_response()
}

async fn list<P: Provider>(State(provider): State<Arc<P>>) -> Html<String> {
    page::<P>(&provider.book().all(), true)
}

/// `whole`: the list of all trades and not what one scan found.
fn page<P: Provider>(trades: &[Trade], whole: bool) -> Html<String> {
    let cards: Vec<Value> = trades.iter().map(card).collect();
    let view = json!({"title": P::TITLE, "name": P::NAME, "whole": whole, "trades": cards});
    Html(pages::render("payer.html", view))
}

fn card(trade: &Trade) -> Value {
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
        "deliveries": deliveries,
    })
}
