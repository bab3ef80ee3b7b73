//! WeChat Pay, API v3, native payment: what a merchant reaches under `https://api.mch.weixin.qq.com`, as strict with
//! signatures as the original, and pages on which one plays the payer.
//!
//! Not simulated: platform certificates (the key is the newer public key with an id), partners, other ways to pay
//! than native.

mod api;
mod bill;
mod refund;
mod seal;

use crate::bills::{self, Bills};
use crate::keys::WechatKeys;
use crate::lies::Lies;
use crate::notifier::{Letter, Notifier};
use crate::payer_page::{self, Provider};
use crate::signed::Nonces;
use crate::trades::{Book, Pace, PayMode, Refund, Trade, TradeState, random_digits};
use anyhow::bail;
use axum::Router;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

/// The simulated provider.
pub struct Wechat {
    pub keys: WechatKeys,
    pub book: Arc<Book>,
    pub bills: Arc<Bills>,
    pub lies: Arc<Lies>,
    notifier: Arc<Notifier>,
    nonces: Nonces,
    /// milliseconds from the request to the end of a refund
    refund_takes: i64,
}

/// With the pace of a patient person at the screen.
pub fn state(state_dir: &Path) -> anyhow::Result<Arc<Wechat>> {
    state_with(state_dir, Pace::default())
}

pub fn state_with(state_dir: &Path, pace: Pace) -> anyhow::Result<Arc<Wechat>> {
    let keys = WechatKeys::load_or_create(state_dir)?;
    let book = Arc::new(Book::open(state_dir.join("wechat").join("trades.json"))?);
    Ok(Arc::new(Wechat {
        keys,
        book,
        bills: Arc::default(),
        lies: Arc::default(),
        notifier: Arc::new(Notifier::new(pace.retries, pace.delay)?),
        nonces: Nonces::default(),
        refund_takes: i64::try_from(pace.refund.as_millis())?,
    }))
}

/// The API, the pages under `/wechat` and the tests' `/control/wechat`.
pub fn routes(wechat: Arc<Wechat>) -> Router {
    api::routes(Arc::clone(&wechat))
        .merge(bills::control("wechat", Arc::clone(&wechat.bills)))
        .merge(payer_page::routes(wechat))
}

impl Provider for Wechat {
    const NAME: &'static str = "wechat";
    const TITLE: &'static str = "微信支付";

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
        let transaction = format!("42000{}", random_digits(23)?);
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
        let mut content = transaction_json(&mode.told(&paid));
        if mode == PayMode::Stranger {
            belongs_to_another(&mut content);
        }
        let letter = self.letter(&paid, "TRANSACTION.SUCCESS", "支付成功", &content, mode)?;
        self.notifier.tell(&self.book, letter, mode).await;
        self.book
            .get(out_trade_no)
            .ok_or_else(|| anyhow::anyhow!("没有这笔交易"))
    }

    async fn refund_at_console(&self, out_trade_no: &str, amount: i64) -> anyhow::Result<Trade> {
        let refund = Refund {
            // The merchant's own system did not ask for it, so that the number is one of the provider's.
            out_refund_no: format!("CONSOLE{}", random_digits(20)?),
            number: format!("50000{}", random_digits(23)?),
            amount,
            reason: "商户平台退款".to_owned(),
            at: crate::trades::now(),
        };
        let trade = self.book.give_back(out_trade_no, refund.clone())?;
        let content = refund::content(&trade, &refund);
        let letter = self.letter(
            &trade,
            "REFUND.SUCCESS",
            "退款成功",
            &content,
            PayMode::Normal,
        )?;
        self.notifier
            .tell(&self.book, letter, PayMode::Normal)
            .await;
        Ok(trade)
    }
}

/// Puts another merchant's ids into a transaction.
fn belongs_to_another(transaction: &mut Value) {
    if let Some(fields) = transaction.as_object_mut() {
        fields.insert("appid".to_owned(), "wx0000000000000000".into());
        fields.insert("mchid".to_owned(), "1900009999".into());
    }
}

impl Wechat {
    /// A notification: the event's content sealed with the APIv3 key, the whole signed with the platform's key.
    fn letter(
        &self,
        trade: &Trade,
        event: &'static str,
        summary: &str,
        content: &Value,
        mode: PayMode,
    ) -> anyhow::Result<Letter> {
        let original = if event.starts_with("REFUND") {
            "refund"
        } else {
            "transaction"
        };
        let body = json!({
            "id": uuid::Uuid::new_v4().to_string(),
            "create_time": api::china_time(crate::trades::now()),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": summary,
            "resource": seal::seal(&self.keys.api_v3, original, &content.to_string())?,
        });
        let body = body.to_string().into_bytes();
        let sent = match mode {
            // Looks as well, and is not what was signed.
            PayMode::Swap => [&body[..], b" "].concat(),
            PayMode::Cut => body.iter().take(body.len() / 2).copied().collect(),
            _ => body.clone(),
        };
        let signer = seal::Signer::new(&self.keys, mode)?;
        Ok(Letter {
            out_trade_no: trade.out_trade_no.clone(),
            url: trade.notify_url.clone(),
            what: event,
            sign: Box::new(move || Ok((signer.headers(&body)?, sent.clone()))),
            // 5 s and 200 or 204 are what the original asks for.
            accepts: |status, _| matches!(status, 200 | 204),
        })
    }
}

/// A transaction as queries and notifications show it.
fn transaction_json(trade: &Trade) -> Value {
    let mut json = json!({
        "appid": WechatKeys::APPID,
        "mchid": WechatKeys::MCHID,
        "out_trade_no": trade.out_trade_no,
        "attach": "",
    });
    let (state, description) = match trade.state {
        TradeState::Waiting => ("NOTPAY", "订单未支付"),
        TradeState::Closed => ("CLOSED", "订单已关闭"),
        TradeState::Paid if trade.refunds.is_empty() => ("SUCCESS", "支付成功"),
        TradeState::Paid => ("REFUND", "订单发生过退款"),
    };
    let Some(fields) = json.as_object_mut() else {
        return json;
    };
    fields.insert("trade_state".to_owned(), state.into());
    fields.insert("trade_state_desc".to_owned(), description.into());
    if let Some(receipt) = &trade.receipt {
        let amount = json!({
            "total": receipt.amount, "payer_total": receipt.amount, "currency": "CNY", "payer_currency": "CNY",
        });
        fields.insert(
            "transaction_id".to_owned(),
            receipt.transaction.clone().into(),
        );
        fields.insert("trade_type".to_owned(), "NATIVE".into());
        fields.insert("bank_type".to_owned(), "OTHERS".into());
        fields.insert(
            "success_time".to_owned(),
            api::china_time(receipt.at).into(),
        );
        fields.insert(
            "payer".to_owned(),
            json!({"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}),
        );
        fields.insert("amount".to_owned(), amount);
    }
    json
}
