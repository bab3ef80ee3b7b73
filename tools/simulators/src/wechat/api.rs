//! The paths under `/v3`. Every request is verified and every answer signed around the handlers.

use super::{Wechat, belongs_to_another, bill, refund, seal, transaction_json};
use crate::keys::WechatKeys;
use crate::lies::{self, Answers};
use crate::payer_page::Provider;
use crate::secrets::random_hex;
use crate::signed::unix_seconds;
use crate::trades::{PayMode, Trade, TradeState, now};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of a request.
const BODY_LIMIT: usize = 64 * 1024;
/// Seconds that the merchant's clock may be off.
const WINDOW: u64 = 300;
/// fen; the original's own limit of an amount is not published, this one is the host's.
const AMOUNT_LIMIT: i64 = 10_000_000_000;
/// Milliseconds that a code lives when the merchant names no end.
const DEFAULT_LIFE: i64 = 7 * 24 * 3_600_000;

pub fn routes(wechat: Arc<Wechat>) -> Router {
    Router::new()
        .route("/v3/pay/transactions/native", post(native))
        .route("/v3/pay/transactions/id/{transaction}", get(by_transaction))
        .route("/v3/pay/transactions/out-trade-no/{number}", get(by_number))
        .route(
            "/v3/pay/transactions/out-trade-no/{number}/close",
            post(close),
        )
        .route("/v3/refund/domestic/refunds", post(refund::order))
        .route(
            "/v3/refund/domestic/refunds/{number}",
            get(refund::by_number),
        )
        .route("/v3/bill/tradebill", get(bill::apply))
        .layer(from_fn_with_state(Arc::clone(&wechat), verified_and_signed))
        // The file's answer is not signed: its hash stood in the answer before.
        .route("/v3/billdownload/file", get(bill::download))
        .with_state(wechat)
}

/// A refusal in the original's words.
pub(super) struct Refusal(
    pub(super) StatusCode,
    pub(super) &'static str,
    pub(super) &'static str,
);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"code": self.1, "message": self.2}))).into_response()
    }
}

pub(super) type Answer = Result<Response, Refusal>;

pub(super) const fn parameter(message: &'static str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, "PARAM_ERROR", message)
}

const NO_ORDER: Refusal = Refusal(StatusCode::NOT_FOUND, "ORDER_NOT_EXIST", "订单不存在");
pub(super) const BROKEN: Refusal = Refusal(
    StatusCode::INTERNAL_SERVER_ERROR,
    "SYSTEM_ERROR",
    "系统异常，请稍后重试",
);

/// `2026-11-20T18:05:00+08:00`
pub fn china_time(millis: i64) -> String {
    format!(
        "{}+08:00",
        crate::trades::china_time(millis).replace(' ', "T")
    )
}

async fn verified_and_signed(
    State(wechat): State<Arc<Wechat>>,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return parameter("请求体过大").into_response();
    };
    let target = head
        .uri
        .path_and_query()
        .map_or("", |target| target.as_str());
    if let Err(refusal) = verify(&wechat, &head.headers, head.method.as_str(), target, &body) {
        return refusal.into_response();
    }
    let asked = format!("{target} {}", String::from_utf8_lossy(&body));
    let answers = wechat.lies.about(&asked);
    match answers {
        Answers::Silent => return lies::silence().await,
        Answers::Error => return BROKEN.into_response(),
        _ => {}
    }
    let answer = next.run(Request::from_parts(head, Body::from(body))).await;
    let (mut head, body) = answer.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return BROKEN.into_response();
    };
    let signed = match answers {
        Answers::Broken => return lies::broken(body.to_vec()),
        Answers::Forged => seal::forged_headers(&body),
        _ => seal::answer_headers(&wechat.keys, &body),
    };
    match signed {
        Ok(headers) => {
            head.headers.extend(headers);
            Response::from_parts(head, Body::from(body))
        }
        Err(_) => BROKEN.into_response(),
    }
}

pub(super) fn verify(
    wechat: &Wechat,
    headers: &HeaderMap,
    method: &str,
    target: &str,
    body: &[u8],
) -> Result<(), Refusal> {
    let unsigned = |message| Refusal(StatusCode::UNAUTHORIZED, "SIGN_ERROR", message);
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    if header("accept").is_empty() || header("user-agent").is_empty() {
        return Err(Refusal(
            StatusCode::BAD_REQUEST,
            "INVALID_REQUEST",
            "Http头缺少Accept或User-Agent",
        ));
    }
    let key_id = header("wechatpay-serial");
    if !key_id.is_empty() && key_id != WechatKeys::PLATFORM_KEY_ID {
        return Err(Refusal(
            StatusCode::BAD_REQUEST,
            "INVALID_REQUEST",
            "Wechatpay-Serial 不是本平台的公钥",
        ));
    }
    let credentials = header("authorization")
        .strip_prefix("WECHATPAY2-SHA256-RSA2048 ")
        .ok_or_else(|| unsigned("Authorization 认证类型不正确"))?;
    let fields: HashMap<&str, &str> = credentials
        .split(',')
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let (timestamp, nonce) = (field("timestamp"), field("nonce_str"));
    if field("mchid") != WechatKeys::MCHID || field("serial_no") != WechatKeys::MERCHANT_SERIAL {
        return Err(unsigned("商户号与证书序列号不匹配"));
    }
    if timestamp
        .parse::<u64>()
        .map_or(true, |at| at.abs_diff(unix_seconds()) > WINDOW)
    {
        return Err(unsigned(
            "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟",
        ));
    }
    if nonce.is_empty() || nonce.len() > 32 {
        return Err(unsigned("nonce_str 不正确"));
    }
    let mut message = format!("{method}\n{target}\n{timestamp}\n{nonce}\n").into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    let signature = STANDARD.decode(field("signature")).unwrap_or_default();
    if !wechat.keys.merchant.verifies(&message, &signature) {
        return Err(unsigned("签名错误，请检查后再试"));
    }
    if !wechat.nonces.fresh(nonce, unix_seconds(), 2 * WINDOW) {
        return Err(unsigned("nonce_str 重复使用"));
    }
    Ok(())
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, Refusal> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Refusal(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "PARAM_ERROR",
            "Content-Type 应为 application/json",
        ));
    }
    serde_json::from_slice(body).map_err(|_| parameter("请求体不符合接口定义"))
}

pub(super) fn merchant_number(number: &str, shortest: usize, longest: usize) -> bool {
    (shortest..=longest).contains(&number.len())
        && number
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte))
}

#[derive(Deserialize)]
struct NativeAmount {
    total: i64,
    #[serde(default = "cny")]
    currency: String,
}

fn cny() -> String {
    "CNY".to_owned()
}

#[derive(Deserialize)]
struct Native {
    appid: String,
    mchid: String,
    description: String,
    out_trade_no: String,
    notify_url: String,
    time_expire: Option<String>,
    amount: NativeAmount,
}

async fn native(State(wechat): State<Arc<Wechat>>, headers: HeaderMap, body: Bytes) -> Answer {
    let order: Native = parse(&headers, &body)?;
    if order.appid != WechatKeys::APPID || order.mchid != WechatKeys::MCHID {
        return Err(Refusal(
            StatusCode::BAD_REQUEST,
            "APPID_MCHID_NOT_MATCH",
            "appid和mch_id不匹配",
        ));
    }
    if !merchant_number(&order.out_trade_no, 6, 32) {
        return Err(parameter(
            "商户订单号应为 6 到 32 个字符，只能是数字、大小写字母及_-*",
        ));
    }
    if order.description.is_empty() || order.description.chars().count() > 127 {
        return Err(parameter("商品描述应为 1 到 127 个字符"));
    }
    if order.amount.currency != "CNY" || !(1..=AMOUNT_LIMIT).contains(&order.amount.total) {
        return Err(parameter("订单金额不正确"));
    }
    if !acceptable_url(&order.notify_url) {
        return Err(parameter("通知地址应为不带参数的 https 地址"));
    }
    let created = now();
    let expires = match &order.time_expire {
        None => created + DEFAULT_LIFE,
        Some(text) => {
            let end: jiff::Timestamp = text
                .parse()
                .map_err(|_| parameter("time_expire 应遵循 rfc3339"))?;
            end.as_millisecond()
        }
    };
    // A minute is the shortest life of a code in the original.
    if expires < created + 60_000 {
        return Err(parameter("time_expire 应至少在 1 分钟之后"));
    }
    let code_url = format!(
        "weixin://wxpay/bizpayurl?pr={}",
        random_hex::<5>().map_err(|_| BROKEN)?
    );
    let number = order.out_trade_no.clone();
    let code_url = wechat.book.with(|trades| {
        if let Some(known) = trades.get(&order.out_trade_no) {
            let same = known.amount == order.amount.total
                && known.subject == order.description
                && known.notify_url == order.notify_url;
            return match known.state {
                TradeState::Paid => Err(Refusal(
                    StatusCode::BAD_REQUEST,
                    "ORDERPAID",
                    "该订单已支付",
                )),
                TradeState::Closed => Err(Refusal(
                    StatusCode::BAD_REQUEST,
                    "ORDER_CLOSED",
                    "该订单已关闭",
                )),
                TradeState::Waiting if same => Ok(known.code_url.clone()),
                TradeState::Waiting => Err(Refusal(
                    StatusCode::FORBIDDEN,
                    "OUT_TRADE_NO_USED",
                    "商户订单号重复且参数不一致",
                )),
            };
        }
        trades.insert(
            order.out_trade_no.clone(),
            Trade {
                out_trade_no: order.out_trade_no,
                subject: order.description,
                amount: order.amount.total,
                notify_url: order.notify_url,
                code_url: code_url.clone(),
                state: TradeState::Waiting,
                scanned: false,
                created,
                expires,
                receipt: None,
                refunds: Vec::new(),
                deliveries: Vec::new(),
            },
        );
        Ok(code_url)
    })?;
    if wechat.lies.about(&number) == Answers::Eager {
        // Paid already: the same trade was asked for again.
        let _paid = wechat.pay(&number, PayMode::Normal).await;
    }
    Ok(Json(json!({"code_url": code_url})).into_response())
}

/// The original wants https and no query; on this machine itself http will do.
fn acceptable_url(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else {
        return false;
    };
    let local = url.host_str().is_some_and(|host| {
        matches!(host, "127.0.0.1" | "localhost" | "[::1]") || host.ends_with(".localhost")
    });
    url.query().is_none() && (url.scheme() == "https" || (url.scheme() == "http" && local))
}

fn own_merchant(query: &HashMap<String, String>) -> Result<(), Refusal> {
    let own = query
        .get("mchid")
        .is_some_and(|mchid| mchid == WechatKeys::MCHID);
    own.then_some(()).ok_or(parameter("mchid 不正确"))
}

async fn by_number(
    State(wechat): State<Arc<Wechat>>,
    Path(number): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    own_merchant(&query)?;
    let trade = wechat.book.get(&number).ok_or(NO_ORDER)?;
    let answers = wechat.lies.about(&number);
    let mut transaction = transaction_json(&answers.of(&trade));
    if answers == Answers::Stranger {
        belongs_to_another(&mut transaction);
    }
    Ok(Json(transaction).into_response())
}

async fn by_transaction(
    State(wechat): State<Arc<Wechat>>,
    Path(transaction): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    own_merchant(&query)?;
    let is_it = |trade: &&Trade| {
        trade
            .receipt
            .as_ref()
            .is_some_and(|receipt| receipt.transaction == transaction)
    };
    let trade = wechat
        .book
        .with(|trades| trades.values().find(is_it).cloned())
        .ok_or(NO_ORDER)?;
    Ok(Json(transaction_json(&trade)).into_response())
}

#[derive(Deserialize)]
struct Close {
    mchid: String,
}

async fn close(
    State(wechat): State<Arc<Wechat>>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let close: Close = parse(&headers, &body)?;
    if close.mchid != WechatKeys::MCHID {
        return Err(parameter("mchid 不正确"));
    }
    wechat.book.with(|trades| {
        let trade = trades.get_mut(&number).ok_or(NO_ORDER)?;
        if trade.state == TradeState::Paid {
            return Err(Refusal(
                StatusCode::BAD_REQUEST,
                "ORDERPAID",
                "该订单已支付",
            ));
        }
        trade.state = TradeState::Closed;
        Ok(())
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
