//! Refunds: asked for, `PROCESSING` for a while, then `SUCCESS` with a notification.

use super::Wechat;
use super::api::{Answer, BROKEN, Refusal, china_time, merchant_number, parameter, parse};
use crate::keys::WechatKeys;
use crate::trades::{PayMode, Refund, Trade, TradeState, now, random_digits};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
struct RefundAmount {
    refund: i64,
    total: i64,
    currency: String,
}

#[derive(Deserialize)]
struct RefundOrder {
    out_trade_no: Option<String>,
    transaction_id: Option<String>,
    out_refund_no: String,
    #[serde(default)]
    reason: String,
    notify_url: Option<String>,
    amount: RefundAmount,
}

/// Asks for a refund; the same number again gives the same one.
pub async fn order(State(wechat): State<Arc<Wechat>>, headers: HeaderMap, body: Bytes) -> Answer {
    let order: RefundOrder = parse(&headers, &body)?;
    if !merchant_number(&order.out_refund_no, 1, 64)
        || order.amount.currency != "CNY"
        || order.amount.refund < 1
    {
        return Err(parameter("退款单号或金额不正确"));
    }
    // The original counts 80 bytes.
    if order.reason.len() > 80 {
        return Err(parameter("退款原因不得超过 80 字节"));
    }
    let number = format!("50000{}", random_digits(23).map_err(|_| BROKEN)?);
    let (trade, refund, new) = wechat.book.with(|trades| {
        let trade = trades
            .values_mut()
            .find(|trade| match (&order.out_trade_no, &order.transaction_id) {
                (Some(number), _) => trade.out_trade_no == *number,
                (None, Some(id)) => trade
                    .receipt
                    .as_ref()
                    .is_some_and(|receipt| receipt.transaction == *id),
                (None, None) => false,
            })
            .ok_or(Refusal(
                StatusCode::NOT_FOUND,
                "RESOURCE_NOT_EXISTS",
                "订单不存在",
            ))?;
        if trade.state != TradeState::Paid {
            return Err(Refusal(
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST",
                "订单未支付，不能退款",
            ));
        }
        if order.amount.total != trade.received() {
            return Err(Refusal(
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST",
                "订单金额与原订单不一致",
            ));
        }
        if let Some(known) = trade
            .refunds
            .iter()
            .find(|known| known.out_refund_no == order.out_refund_no)
        {
            let same = known.amount == order.amount.refund;
            return if same {
                Ok((trade.clone(), known.clone(), false))
            } else {
                Err(Refusal(
                    StatusCode::BAD_REQUEST,
                    "INVALID_REQUEST",
                    "退款单号已用于另一金额",
                ))
            };
        }
        if trade.refunded() + order.amount.refund > trade.received() {
            return Err(Refusal(
                StatusCode::FORBIDDEN,
                "NOT_ENOUGH",
                "退款金额超过可退金额",
            ));
        }
        let refund = Refund {
            out_refund_no: order.out_refund_no.clone(),
            number,
            amount: order.amount.refund,
            reason: order.reason.clone(),
            at: now(),
        };
        trade.refunds.push(refund.clone());
        Ok((trade.clone(), refund, true))
    })?;
    if new {
        if let Some(url) = order.notify_url {
            tokio::spawn(tell_refund(
                Arc::clone(&wechat),
                trade.clone(),
                refund.clone(),
                url,
            ));
        }
        return Ok(Json(refund_json(&trade, &refund, false)).into_response());
    }
    Ok(Json(refund_json(&trade, &refund, wechat.finished(&refund))).into_response())
}

pub async fn by_number(State(wechat): State<Arc<Wechat>>, Path(number): Path<String>) -> Answer {
    let found = wechat.book.with(|trades| {
        trades.values().find_map(|trade| {
            let refund = trade
                .refunds
                .iter()
                .find(|refund| refund.out_refund_no == number)?;
            Some((trade.clone(), refund.clone()))
        })
    });
    let (trade, refund) = found.ok_or(Refusal(
        StatusCode::NOT_FOUND,
        "RESOURCE_NOT_EXISTS",
        "退款单不存在",
    ))?;
    Ok(Json(refund_json(&trade, &refund, wechat.finished(&refund))).into_response())
}

impl Wechat {
    fn finished(&self, refund: &Refund) -> bool {
        refund.at + self.refund_takes <= now()
    }
}

fn refund_json(trade: &Trade, refund: &Refund, finished: bool) -> Value {
    let received = trade.received();
    let mut json = json!({
        "refund_id": refund.number,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": trade.receipt.as_ref().map(|receipt| receipt.transaction.as_str()),
        "out_trade_no": trade.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": china_time(refund.at),
        "status": if finished { "SUCCESS" } else { "PROCESSING" },
        "funds_account": "AVAILABLE",
        "amount": {
            "total": received, "refund": refund.amount, "payer_total": received, "payer_refund": refund.amount,
            "settlement_refund": refund.amount, "settlement_total": received, "discount_refund": 0, "currency": "CNY",
        },
    });
    if let (true, Some(fields)) = (finished, json.as_object_mut()) {
        fields.insert("success_time".to_owned(), china_time(now()).into());
    }
    json
}

/// What `REFUND.SUCCESS` carries.
pub(super) fn content(trade: &Trade, refund: &Refund) -> Value {
    json!({
        "mchid": WechatKeys::MCHID,
        "out_trade_no": trade.out_trade_no,
        "transaction_id": trade.receipt.as_ref().map(|receipt| receipt.transaction.as_str()),
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.number,
        "refund_status": "SUCCESS",
        "success_time": china_time(now()),
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": trade.received(), "refund": refund.amount,
            "payer_total": trade.received(), "payer_refund": refund.amount,
        },
    })
}

/// `REFUND.SUCCESS`, when the money is back.
async fn tell_refund(wechat: Arc<Wechat>, mut trade: Trade, refund: Refund, url: String) {
    trade.notify_url = url;
    let wait = u64::try_from(wechat.refund_takes).unwrap_or_default();
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    let content = content(&trade, &refund);
    match wechat.letter(
        &trade,
        "REFUND.SUCCESS",
        "退款成功",
        &content,
        PayMode::Normal,
    ) {
        Ok(letter) => {
            wechat
                .notifier
                .tell(&wechat.book, letter, PayMode::Normal)
                .await
        }
        Err(error) => tracing::warn!(%error, "refund was not told"),
    }
}
