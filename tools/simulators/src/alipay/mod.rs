//! Alipay, payment face to face (precreate): what a merchant reaches at `https://openapi.alipay.com/gateway.do`, as
//! strict with signatures as the original, and pages on which one plays the payer.
//!
//! As with the original, a trade exists only once somebody has scanned its code; before, queries and closings answer
//! `ACQ.TRADE_NOT_EXIST`, and the code stays payable until its time is over.

mod api;
mod bill;
mod signature;

use crate::bills::{self, Bills};
use crate::keys::{AlipayKeys, SigningKey};
use crate::lies::Lies;
use crate::notifier::{Letter, Notifier};
use crate::payer_page::{self, Provider};
use crate::secrets::random_hex;
use crate::trades::{
    Book, Pace, PayMode, Refund, Trade, TradeState, china_time, now, random_digits, yuan,
};
use anyhow::bail;
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The simulated provider.
pub struct Alipay {
    pub keys: AlipayKeys,
    pub book: Arc<Book>,
    pub bills: Arc<Bills>,
    pub lies: Arc<Lies>,
    notifier: Arc<Notifier>,
    /// milliseconds from the request to the end of a refund
    refund_takes: i64,
}

/// With the pace of a patient person at the screen.
pub fn state(state_dir: &Path) -> anyhow::Result<Arc<Alipay>> {
    state_with(state_dir, Pace::default())
}

pub fn state_with(state_dir: &Path, pace: Pace) -> anyhow::Result<Arc<Alipay>> {
    let keys = AlipayKeys::load_or_create(state_dir)?;
    let book = Arc::new(Book::open(state_dir.join("alipay").join("trades.json"))?);
    Ok(Arc::new(Alipay {
        keys,
        book,
        bills: Arc::default(),
        lies: Arc::default(),
        notifier: Arc::new(Notifier::new(pace.retries, pace.delay)?),
        refund_takes: i64::try_from(pace.refund.as_millis())?,
    }))
}

/// The gateway, the pages under `/alipay` and the tests' `/control/alipay`.
pub fn routes(alipay: Arc<Alipay>) -> Router {
    api::routes(Arc::clone(&alipay))
        .merge(bill::routes(Arc::clone(&alipay)))
        .merge(bills::control("alipay", Arc::clone(&alipay.bills)))
        .merge(payer_page::routes(alipay))
}

fn status(trade: &Trade) -> &'static str {
    match trade.state {
        TradeState::Waiting => "WAIT_BUYER_PAY",
        TradeState::Paid if trade.refunded() < trade.received() => "TRADE_SUCCESS",
        TradeState::Paid | TradeState::Closed => "TRADE_CLOSED",
    }
}

impl Provider for Alipay {
    const NAME: &'static str = "alipay";
    const TITLE: &'static str = "支付宝";

    fn book(&self) -> &Arc<Book> {
        &self.book
    }

    fn lies(&self) -> &Arc<Lies> {
        &self.lies
    }

    fn notifier(&self) -> &Arc<Notifier> {
        &self.notifier
    }

    async fn pay(&self, out_trade_no: &str, mode: PayMode) -> anyhow::Result<Trade> {
        let transaction = format!(
            "{}2200{}",
            &china_time(now()).replace(['-', ' ', ':'], ""),
            random_digits(10)?
        );
        let paid = self.book.with(|trades| {
            let Some(trade) = trades.get_mut(out_trade_no) else {
                bail!("没有这笔交易")
            };
            if !trade.is_payable(mode) {
                bail!("这笔交易已支付或已关闭");
            }
            if mode.pays() {
                trade.pay(transaction.clone(), mode);
                return Ok(trade.clone());
            }
            // What the forger claims: the trade as it would be when paid.
            let mut claimed = trade.clone();
            claimed.pay(transaction.clone(), mode);
            Ok(claimed)
        })?;
        let key = match mode {
            PayMode::Forge | PayMode::Signtest => SigningKey::unknown()?,
            _ => Arc::clone(&self.keys.platform),
        };
        let status = if mode == PayMode::Deny {
            "TRADE_CLOSED"
        } else {
            "TRADE_SUCCESS"
        };
        let letter = letter(&key, &mode.told(&paid), status, None, mode)?;
        self.notifier.tell(&self.book, letter, mode).await;
        self.book
            .get(out_trade_no)
            .ok_or_else(|| anyhow::anyhow!("没有这笔交易"))
    }

    async fn refund_at_console(&self, out_trade_no: &str, amount: i64) -> anyhow::Result<Trade> {
        let refund = Refund {
            // The merchant's own system did not ask for it, so that the number is one of the provider's.
            out_refund_no: format!("CONSOLE{}", random_digits(20)?),
            number: random_digits(28)?,
            amount,
            reason: "商家平台退款".to_owned(),
            at: now(),
        };
        let trade = self.book.give_back(out_trade_no, refund.clone())?;
        let mode = PayMode::Normal;
        let letter = letter(
            &self.keys.platform,
            &trade,
            status(&trade),
            Some(&refund),
            mode,
        )?;
        self.notifier.tell(&self.book, letter, mode).await;
        Ok(trade)
    }
}

/// Milliseconds: an hour. The original names no bound; what repeats is told apart by its id.
const OLD: i64 = 3_600_000;

/// The form that is posted to `notify_url`.
fn letter(
    key: &SigningKey,
    trade: &Trade,
    status: &'static str,
    refund: Option<&Refund>,
    mode: PayMode,
) -> anyhow::Result<Letter> {
    let (app, seller) = match mode {
        PayMode::Stranger => ("2021000000009999", "2088000000009999"),
        _ => (AlipayKeys::APP_ID, AlipayKeys::SELLER_ID),
    };
    let age = if mode == PayMode::Stale { OLD } else { 0 };
    let receipt = trade
        .receipt
        .as_ref()
        .ok_or_else(|| anyhow::anyhow!("nothing was paid"))?;
    let amount = yuan(receipt.amount);
    let mut fields: BTreeMap<&str, String> = [
        ("notify_time", china_time(now() - age)),
        ("notify_type", "trade_status_sync".to_owned()),
        ("notify_id", random_hex::<16>()?),
        ("charset", "utf-8".to_owned()),
        ("version", "1.0".to_owned()),
        ("app_id", app.to_owned()),
        ("auth_app_id", app.to_owned()),
        ("trade_no", receipt.transaction.clone()),
        ("out_trade_no", trade.out_trade_no.clone()),
        ("seller_id", seller.to_owned()),
        ("buyer_id", "2088102169481075".to_owned()),
        ("buyer_logon_id", "zha***@sandbox.com".to_owned()),
        ("trade_status", status.to_owned()),
        ("subject", trade.subject.clone()),
        ("total_amount", amount.clone()),
        ("receipt_amount", amount.clone()),
        ("buyer_pay_amount", amount.clone()),
        ("gmt_create", china_time(trade.created)),
        ("gmt_payment", china_time(receipt.at)),
        (
            "fund_bill_list",
            format!(r#"[{{"amount":"{amount}","fundChannel":"ALIPAYACCOUNT"}}]"#),
        ),
    ]
    .into_iter()
    .collect();
    if let Some(refund) = refund {
        fields.insert("out_biz_no", refund.out_refund_no.clone());
        fields.insert("refund_fee", yuan(trade.refunded()));
        fields.insert("gmt_refund", format!("{}.000", china_time(refund.at)));
    }
    // Here `sign_type` is not part of what is signed; in requests it is.
    let sign = signature::sign(key, &signature::content(&fields))?;
    fields.insert("sign_type", "RSA2".to_owned());
    fields.insert("sign", sign);
    if mode == PayMode::Swap {
        // Looks as well, and is not what was signed.
        fields.insert("subject", format!("{} ", trade.subject));
    }
    let mut body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    if mode == PayMode::Cut {
        body.truncate(body.len() / 2);
    }
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    Ok(Letter {
        out_trade_no: trade.out_trade_no.clone(),
        url: trade.notify_url.clone(),
        what: if refund.is_some() { "refund" } else { status },
        sign: Box::new(move || Ok((headers.clone(), body.clone().into_bytes()))),
        accepts: |status, body| status == 200 && body == b"success",
    })
}
