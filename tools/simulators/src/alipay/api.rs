//! `gateway.do`: one address, the call named by the parameter `method`.

use super::{Alipay, bill, letter, signature, status};
use crate::bills::NoBill;
use crate::keys::{AlipayKeys, SigningKey};
use crate::lies::{self, Answers};
use crate::payer_page::Provider;
use crate::secrets::random_hex;
use crate::trades::{PayMode, Refund, Trade, TradeState, china_time, now, yuan};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// fen: one hundred million yuan is the original's upper bound.
const AMOUNT_LIMIT: i64 = 10_000_000_000;
/// Milliseconds that a code lives when the merchant names no end: two hours.
const DEFAULT_LIFE: i64 = 2 * 3_600_000;

pub fn routes(alipay: Arc<Alipay>) -> Router {
    Router::new()
        .route("/gateway.do", any(gateway))
        .with_state(alipay)
}

/// Code, message, sub-code, sub-message.
struct Refusal(&'static str, &'static str, &'static str, &'static str);

const fn invalid(sub_code: &'static str, sub_message: &'static str) -> Refusal {
    Refusal("40002", "Invalid Arguments", sub_code, sub_message)
}

const fn business(sub_code: &'static str, sub_message: &'static str) -> Refusal {
    Refusal("40004", "Business Failed", sub_code, sub_message)
}

const BILL: &str = "alipay.data.dataservice.bill.downloadurl.query";
const NO_TRADE: Refusal = business("ACQ.TRADE_NOT_EXIST", "交易不存在");
const WRONG_STATE: Refusal = business("ACQ.TRADE_STATUS_ERROR", "交易状态不合法");
const BROKEN: Refusal = Refusal(
    "20000",
    "Service Currently Unavailable",
    "isp.unknow-error",
    "系统繁忙",
);

impl Refusal {
    fn node(&self) -> Value {
        json!({"code": self.0, "msg": self.1, "sub_code": self.2, "sub_msg": self.3})
    }
}

async fn gateway(
    State(alipay): State<Arc<Alipay>>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    // Clients put parameters into the query, the body, or both.
    let mut fields: BTreeMap<String, String> = BTreeMap::new();
    fields.extend(url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned());
    if method == Method::POST {
        fields.extend(url::form_urlencoded::parse(&body).into_owned());
    }
    let name = fields.get("method").cloned().unwrap_or_default();
    let node = if name.is_empty() {
        "error_response".to_owned()
    } else {
        format!("{}_response", name.replace('.', "_"))
    };
    if let Err(refusal) = verify(&alipay, &mut fields) {
        // The original does not sign what it says to somebody whom it does not know.
        return page(format!(r#"{{"{node}":{}}}"#, refusal.node()));
    }
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let answers = alipay.lies.about(field("biz_content"));
    match answers {
        Answers::Silent => return lies::silence().await,
        Answers::Error => {
            return page(format!(r#"{{"{node}":{}}}"#, BROKEN.node()));
        }
        _ => {}
    }
    let content = match serde_json::from_str::<Value>(field("biz_content")) {
        Ok(content) if name == BILL => bill_address(&alipay, &headers, &content),
        Ok(content) => call(&alipay, &name, &content, field("notify_url")),
        Err(_) => Err(invalid("isv.invalid-parameter", "biz_content 不是 JSON")),
    };
    if answers == Answers::Eager
        && name == "alipay.trade.precreate"
        && let Ok(made) = &content
    {
        // Paid already: the same trade was asked for again.
        let _paid = alipay
            .pay(text(made, "out_trade_no"), PayMode::Normal)
            .await;
    }
    let content = content.unwrap_or_else(|refusal| refusal.node()).to_string();
    let key = match answers {
        Answers::Forged => SigningKey::unknown(),
        _ => Ok(Arc::clone(&alipay.keys.platform)),
    };
    let whole = match key.and_then(|key| signature::sign(&key, &content)) {
        Ok(sign) => format!(r#"{{"{node}":{content},"sign":"{sign}"}}"#),
        Err(_) => format!(r#"{{"{node}":{}}}"#, BROKEN.node()),
    };
    if answers == Answers::Broken {
        return lies::broken(whole.into_bytes());
    }
    page(whole)
}

/// Always status 200, and JSON under the name of a page, as the original has it.
fn page(json: String) -> Response {
    ([(header::CONTENT_TYPE, "text/html;charset=utf-8")], json).into_response()
}

/// Checks the common parameters and the signature; `sign` is taken out.
fn verify(alipay: &Alipay, fields: &mut BTreeMap<String, String>) -> Result<(), Refusal> {
    let sign = fields.remove("sign").unwrap_or_default();
    let is = |name: &str, value: &str| {
        fields
            .get(name)
            .is_some_and(|given| given.eq_ignore_ascii_case(value))
    };
    if !is("app_id", AlipayKeys::APP_ID) {
        return Err(invalid("isv.invalid-app-id", "无效的AppID参数"));
    }
    if !is("sign_type", "RSA2") {
        return Err(invalid("isv.invalid-signature-type", "无效的签名类型"));
    }
    if !is("version", "1.0") || !is("charset", "utf-8") {
        return Err(invalid(
            "isv.invalid-parameter",
            "version 应为 1.0，charset 应为 utf-8",
        ));
    }
    let timestamp = fields.get("timestamp").map_or("", String::as_str);
    if jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", timestamp).is_err() {
        return Err(invalid("isv.invalid-timestamp", "非法的时间戳参数"));
    }
    if !signature::verifies(&alipay.keys.app, &signature::content(fields), &sign) {
        return Err(invalid("isv.invalid-signature", "无效签名"));
    }
    Ok(())
}

fn call(
    alipay: &Arc<Alipay>,
    name: &str,
    content: &Value,
    notify_url: &str,
) -> Result<Value, Refusal> {
    match name {
        "alipay.trade.precreate" => precreate(alipay, content, notify_url),
        "alipay.trade.query" => with_trade(alipay, content, |trade| {
            let answers = alipay.lies.about(&trade.out_trade_no);
            let mut told = answers.of(trade);
            if answers == Answers::Stranger {
                told.out_trade_no = told.out_trade_no.chars().rev().collect();
            }
            Ok(query(&told))
        }),
        "alipay.trade.close" => with_trade(alipay, content, close),
        "alipay.trade.refund" => refund(alipay, content),
        "alipay.trade.fastpay.refund.query" => refund_query(alipay, content),
        _ => Err(invalid("isv.invalid-method", "不存在的方法名")),
    }
}

fn text<'a>(content: &'a Value, name: &str) -> &'a str {
    content
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Yuan with at most two places, as text or number, to fen.
fn amount(content: &Value, name: &str) -> Result<i64, Refusal> {
    const WRONG: Refusal = business("ACQ.INVALID_PARAMETER", "金额不正确");
    let written = match content.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return Err(WRONG),
    };
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 9
        || fraction.len() > 2
        || !digits(whole)
        || !digits(fraction)
    {
        return Err(WRONG);
    }
    let fen: i64 = format!("{whole}{fraction:0<2}")
        .parse()
        .map_err(|_| WRONG)?;
    if (1..=AMOUNT_LIMIT).contains(&fen) {
        Ok(fen)
    } else {
        Err(WRONG)
    }
}

fn success(fields: Value) -> Value {
    let mut node = Map::new();
    node.insert("code".to_owned(), "10000".into());
    node.insert("msg".to_owned(), "Success".into());
    if let Value::Object(fields) = fields {
        node.extend(fields);
    }
    Value::Object(node)
}

/// Where the bill of a day is. A day without trades and a bill that is not made yet are told alike.
fn bill_address(alipay: &Alipay, headers: &HeaderMap, content: &Value) -> Result<Value, Refusal> {
    if text(content, "bill_type") != "trade" {
        return Err(business("invalid_arguments", "bill_type 只支持 trade"));
    }
    let day = text(content, "bill_date");
    let entries = alipay
        .bills
        .entries(&alipay.book, day)
        .map_err(|why| match why {
            NoBill::Date => business("invalid_arguments", "bill_date 不正确"),
            NoBill::NotYet | NoBill::Nothing => business("isp.bill_not_exist", "账单不存在"),
        })?;
    let file = bill::write(&entries, day, alipay.bills.manner().cut).map_err(|_| BROKEN)?;
    let token = alipay.bills.publish(file).map_err(|_| BROKEN)?;
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .ok_or(BROKEN)?;
    let address = format!("http://{host}/downloadBillFile.resource?bizType=trade&fileId={token}");
    Ok(success(json!({"bill_download_url": address})))
}

fn precreate(alipay: &Alipay, content: &Value, notify_url: &str) -> Result<Value, Refusal> {
    let number = text(content, "out_trade_no");
    let fits = number
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if number.is_empty() || number.len() > 64 || !fits {
        return Err(business(
            "ACQ.INVALID_PARAMETER",
            "out_trade_no 应为 1 到 64 位字母、数字或下划线",
        ));
    }
    let subject = text(content, "subject");
    if subject.is_empty() || subject.chars().count() > 256 || subject.contains(['/', '=', '&']) {
        return Err(business("ACQ.INVALID_PARAMETER", "subject 不正确"));
    }
    let total = amount(content, "total_amount")?;
    let created = now();
    let expires = match text(content, "time_expire") {
        "" => created + DEFAULT_LIFE,
        end => jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", end)
            .and_then(|local| jiff::tz::Offset::constant(8).to_timestamp(local))
            .map_err(|_| business("ACQ.INVALID_PARAMETER", "time_expire 格式不正确"))?
            .as_millisecond(),
    };
    if expires <= created {
        return Err(business("ACQ.INVALID_PARAMETER", "time_expire 已过"));
    }
    let code_url = format!(
        "https://qr.alipay.com/bax{}",
        random_hex::<10>().map_err(|_| BROKEN)?
    );
    let code_url = alipay.book.with(|trades| {
        if let Some(known) = trades.get(number) {
            return match known.state {
                TradeState::Paid => Err(business("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")),
                TradeState::Closed => Err(business("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")),
                TradeState::Waiting if known.amount == total && known.subject == subject => {
                    Ok(known.code_url.clone())
                }
                TradeState::Waiting => Err(business("ACQ.CONTEXT_INCONSISTENT", "交易信息被篡改")),
            };
        }
        let trade = Trade {
            out_trade_no: number.to_owned(),
            subject: subject.to_owned(),
            amount: total,
            notify_url: notify_url.to_owned(),
            code_url: code_url.clone(),
            state: TradeState::Waiting,
            scanned: false,
            created,
            expires,
            receipt: None,
            refunds: Vec::new(),
            deliveries: Vec::new(),
        };
        trades.insert(number.to_owned(), trade);
        Ok(code_url)
    })?;
    Ok(success(
        json!({"out_trade_no": number, "qr_code": code_url}),
    ))
}

/// Finds the trade that `trade_no` or `out_trade_no` names; one that nobody scanned is not there.
fn with_trade(
    alipay: &Alipay,
    content: &Value,
    work: impl FnOnce(&mut Trade) -> Result<Value, Refusal>,
) -> Result<Value, Refusal> {
    let (own, merchants) = (text(content, "trade_no"), text(content, "out_trade_no"));
    alipay.book.with(|trades| {
        let named = |trade: &&mut Trade| match own {
            "" => trade.out_trade_no == merchants,
            own => trade
                .receipt
                .as_ref()
                .is_some_and(|receipt| receipt.transaction == own),
        };
        let trade = trades
            .values_mut()
            .filter(|trade| {
                trade.scanned || alipay.lies.about(&trade.out_trade_no) == Answers::Paid
            })
            .find(named)
            .ok_or(NO_TRADE)?;
        work(trade)
    })
}

fn query(trade: &Trade) -> Value {
    let paid = yuan(trade.received());
    let mut fields = json!({
        "out_trade_no": trade.out_trade_no,
        "trade_status": status(trade),
        "total_amount": if trade.receipt.is_some() { paid.clone() } else { yuan(trade.amount) },
        "buyer_logon_id": "zha***@sandbox.com",
        "buyer_user_id": "2088102169481075",
        "receipt_amount": paid,
        "buyer_pay_amount": paid,
        "point_amount": "0.00",
        "invoice_amount": "0.00",
    });
    if let (Some(receipt), Some(fields)) = (&trade.receipt, fields.as_object_mut()) {
        fields.insert("trade_no".to_owned(), receipt.transaction.clone().into());
        fields.insert("send_pay_date".to_owned(), china_time(receipt.at).into());
    }
    success(fields)
}

fn close(trade: &mut Trade) -> Result<Value, Refusal> {
    if trade.state != TradeState::Waiting {
        return Err(WRONG_STATE);
    }
    trade.state = TradeState::Closed;
    Ok(success(json!({"out_trade_no": trade.out_trade_no})))
}

fn refund(alipay: &Arc<Alipay>, content: &Value) -> Result<Value, Refusal> {
    let wanted = amount(content, "refund_amount")?;
    // Without a number of its own a refund is of the whole, and known by the trade's number.
    let number = match text(content, "out_request_no") {
        "" => text(content, "out_trade_no"),
        number => number,
    };
    let takes = alipay.refund_takes;
    let mut told = None;
    let node = with_trade(alipay, content, |trade| {
        let Some(transaction) = trade
            .receipt
            .as_ref()
            .map(|receipt| receipt.transaction.clone())
        else {
            return Err(WRONG_STATE);
        };
        let known = trade
            .refunds
            .iter()
            .find(|known| known.out_refund_no == number)
            .cloned();
        // The same request again changes nothing; neither does one that the bank has still to carry out.
        let changed = known.is_none() && takes == 0;
        match &known {
            Some(known) if known.amount != wanted => {
                return Err(business("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致"));
            }
            Some(_) => {}
            None if trade.refunded() + wanted > trade.received() => {
                return Err(business("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限"));
            }
            None => {
                let refund = Refund {
                    out_refund_no: number.to_owned(),
                    number: transaction.clone(),
                    amount: wanted,
                    reason: text(content, "refund_reason").to_owned(),
                    at: now(),
                };
                trade.refunds.push(refund.clone());
                told = Some((trade.clone(), refund));
            }
        }
        Ok(success(json!({
            "trade_no": transaction,
            "out_trade_no": trade.out_trade_no,
            "buyer_logon_id": "zha***@sandbox.com",
            "buyer_user_id": "2088102169481075",
            "fund_change": if changed { "Y" } else { "N" },
            "refund_fee": yuan(trade.refunded()),
        })))
    })?;
    if let Some((trade, refund)) = told {
        tokio::spawn(tell_refund(Arc::clone(alipay), trade, refund));
    }
    Ok(node)
}

fn refund_query(alipay: &Alipay, content: &Value) -> Result<Value, Refusal> {
    let number = text(content, "out_request_no");
    let takes = alipay.refund_takes;
    with_trade(alipay, content, |trade| {
        let transaction = trade
            .receipt
            .as_ref()
            .map(|receipt| receipt.transaction.as_str());
        let mut fields = json!({"trade_no": transaction, "out_trade_no": trade.out_trade_no, "out_request_no": number});
        let done = trade
            .refunds
            .iter()
            .find(|refund| refund.out_refund_no == number && refund.at + takes <= now());
        // A refund that is not there, or not yet: success without a status.
        if let (Some(refund), Some(fields)) = (done, fields.as_object_mut()) {
            fields.insert("total_amount".to_owned(), yuan(trade.received()).into());
            fields.insert("refund_amount".to_owned(), yuan(refund.amount).into());
            fields.insert("refund_status".to_owned(), "REFUND_SUCCESS".into());
        }
        Ok(success(fields))
    })
}

/// The trade's state after the refund, when the money is back.
async fn tell_refund(alipay: Arc<Alipay>, trade: Trade, refund: Refund) {
    if trade.notify_url.is_empty() {
        return;
    }
    let wait = u64::try_from(alipay.refund_takes).unwrap_or_default();
    tokio::time::sleep(std::time::Duration::from_millis(wait)).await;
    let mode = PayMode::Normal;
    match letter(
        &alipay.keys.platform,
        &trade,
        status(&trade),
        Some(&refund),
        mode,
    ) {
        Ok(letter) => alipay.notifier.tell(&alipay.book, letter, mode).await,
        Err(error) => tracing::warn!(%error, "refund was not told"),
    }
}
