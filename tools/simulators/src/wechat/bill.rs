//! Trade bills: `GET /v3/bill/tradebill` gives hash and address, the address gives the file. Both requests are signed; the
//! first answer is, the file is not.

use super::Wechat;
use super::api::{Answer, BROKEN, Refusal, parameter, verify};
use crate::bills::{Entry, NoBill};
use crate::keys::WechatKeys;
use crate::trades::{china_time, yuan};
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::IntoResponse;
use ring::digest;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

const NAMES: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUMS: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

/// Where the bill of a day is.
pub async fn apply(
    State(wechat): State<Arc<Wechat>>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let field = |name: &str| query.get(name).map_or("", String::as_str);
    if !matches!(field("bill_type"), "" | "ALL") {
        return Err(parameter("bill_type 只支持 ALL"));
    }
    if !field("tar_type").is_empty() {
        return Err(parameter("不支持 tar_type"));
    }
    let refused = |code, message| Refusal(StatusCode::BAD_REQUEST, code, message);
    let entries = wechat
        .bills
        .entries(&wechat.book, field("bill_date"))
        .map_err(|why| match why {
            NoBill::Date => refused("INVALID_REQUEST", "bill_date 不正确"),
            NoBill::NotYet => refused("STATEMENT_CREATING", "账单生成中"),
            NoBill::Nothing => refused("NO_STATEMENT_EXIST", "账单文件不存在"),
        })?;
    let file = write(&entries, wechat.bills.manner().cut).into_bytes();
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &file);
    let token = wechat.bills.publish(file).map_err(|_| BROKEN)?;
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .ok_or(BROKEN)?;
    Ok(Json(json!({
        "hash_type": "SHA1",
        "hash_value": hex::encode(hash.as_ref()),
        "download_url": format!("http://{host}/v3/billdownload/file?token={token}"),
    }))
    .into_response())
}

/// The file, for the merchant who asked for it, while the link lives.
pub async fn download(
    State(wechat): State<Arc<Wechat>>,
    headers: HeaderMap,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let target = uri.path_and_query().map_or("", |target| target.as_str());
    verify(&wechat, &headers, "GET", target, b"")?;
    let token = query.get("token").map_or("", String::as_str);
    let file = wechat.bills.fetch(token).ok_or(Refusal(
        StatusCode::BAD_REQUEST,
        "INVALID_REQUEST",
        "账单地址已失效，请重新申请",
    ))?;
    Ok(([(header::CONTENT_TYPE, "text/plain")], file).into_response())
}

/// `cut`: all lines but the first are lost, the sums are not.
fn write(entries: &[Entry], cut: bool) -> String {
    let mut file = format!("\u{feff}{NAMES}\r\n");
    for entry in entries.iter().take(if cut { 1 } else { usize::MAX }) {
        file.push_str(&line(entry));
    }
    let sum = |wanted: bool| {
        let entries = entries
            .iter()
            .filter(|entry| entry.refund.is_some() == wanted);
        yuan(entries.map(|entry| entry.amount).sum())
    };
    let fees: i64 = entries.iter().map(|entry| entry.fee).sum();
    let (paid, back) = (sum(false), sum(true));
    file.push_str(&format!(
        "{SUMS}\r\n`{},`{paid},`{back},`0.00,`{},`{paid},`{back}\r\n",
        entries.len(),
        fee(fees)
    ));
    file
}

fn line(entry: &Entry) -> String {
    let amount = yuan(entry.amount);
    let zero = "0.00".to_owned();
    let (state, paid, back, (merchants, own)) = match &entry.refund {
        None => ("SUCCESS", amount, zero, ("0".to_owned(), "0".to_owned())),
        Some(numbers) => ("REFUND", zero, amount, numbers.clone()),
    };
    let (kind, outcome) = match &entry.refund {
        None => ("", ""),
        Some(_) => ("ORIGINAL", "SUCCESS"),
    };
    let fields = [
        china_time(entry.at),
        WechatKeys::APPID.to_owned(),
        WechatKeys::MCHID.to_owned(),
        "0".to_owned(),
        String::new(),
        entry.transaction.clone(),
        entry.out_trade_no.clone(),
        "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".to_owned(),
        "NATIVE".to_owned(),
        state.to_owned(),
        "OTHERS".to_owned(),
        "CNY".to_owned(),
        paid.clone(),
        "0.00".to_owned(),
        own,
        merchants,
        back.clone(),
        "0.00".to_owned(),
        kind.to_owned(),
        outcome.to_owned(),
        entry.subject.clone(),
        String::new(),
        fee(entry.fee),
        "0.60%".to_owned(),
        paid,
        back,
        String::new(),
    ];
    let fields: Vec<String> = fields.iter().map(|field| format!("`{field}")).collect();
    format!("{}\r\n", fields.join(","))
}

/// `-0.27000`
fn fee(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    format!("{sign}{}000", yuan(fen.abs()))
}
