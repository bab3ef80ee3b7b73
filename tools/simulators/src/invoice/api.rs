//! The service behind the gateway: ordering, asking, sealing again.

use super::gateway::{Envelope, Refused, answer};
use super::request::Order;
use super::{Fate, Invoice, InvoiceOffice, LOOKS, Stage, red};
use crate::misbehave::{self, Mode};
use crate::pages::china_time;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Numbers in one query.
const ASKED: usize = 50;

pub(super) async fn services(
    State(office): State<Arc<InvoiceOffice>>,
    Query(envelope): Query<Envelope>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let method = headers
        .get("method")
        .and_then(|method| method.to_str().ok())
        .unwrap_or_default();
    let name = method
        .strip_prefix("nuonuo.OpeMplatform.")
        .unwrap_or_default();
    let admitted = office.admit(&envelope, &headers, &body);
    if let Err((code, words)) = &admitted {
        tracing::warn!(code, words, "invoice: a call was refused");
    }
    // Only what orders something has a temper; asking always tells the truth, and a forged file has its own moment.
    let orders = matches!(name, "requestBillingNew" | "saveInvoiceRedConfirm");
    let turn = if orders && admitted.is_ok() && office.misbehaviour.standing().0 != Mode::Forge {
        office.misbehaviour.turn()
    } else {
        misbehave::Turn::default()
    };
    if turn.mode == Mode::Error {
        let words = "控制页面安排的错误".to_owned();
        let json = json!({ "code": turn.code_or("E9105"), "describe": words, "result": null });
        return Json(json).into_response();
    }
    let run = || -> Result<Value, Refused> {
        admitted.clone()?;
        match name {
            "requestBillingNew" => order(&office, &body),
            "queryInvoiceResult" => query(&office, &body, host),
            "reInvoice" => seal_again(&office, &body),
            "saveInvoiceRedConfirm" => red::request(&office, &body),
            "queryInvoiceRedConfirm" => red::query(&office, &body),
            _ => Err(("070203", format!("API方法不存在或未授权: {method}"))),
        }
    };
    let mut result = run();
    if turn.mode == Mode::Repeat {
        result = run();
    }
    match turn.mode {
        Mode::Drop => return misbehave::broken_answer(),
        Mode::Delay => tokio::time::sleep(turn.delay).await,
        _ => {}
    }
    let (status, json) = answer(result);
    (status, Json(json)).into_response()
}

pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| ("E9100", format!("报文有误: {error}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Billing {
    order: Order,
}

fn order(office: &InvoiceOffice, body: &[u8]) -> Result<Value, Refused> {
    let Billing { order } = read(body)?;
    let (amount, tax) = order.check()?;
    let lines = order
        .invoice_detail
        .iter()
        .map(|line| line.goods_name.clone())
        .collect();
    let serial = office.with(|books| {
        if books
            .invoices
            .values()
            .any(|other| other.order_no == order.order_no)
        {
            return Err(("E9106", "订单编号或流水号不能重复".to_owned()));
        }
        let serial = books.new_serial();
        let invoice = Invoice {
            order_no: order.order_no,
            serial: serial.clone(),
            number: String::new(),
            buyer: order.buyer_name,
            buyer_tax_number: order.buyer_tax_num,
            amount,
            tax,
            lines,
            remark: order.remark,
            stage: Stage::Working,
            fate: books.take_fate(),
            looks: LOOKS,
            voids: String::new(),
            at: china_time(Timestamp::now()),
            issued_at: 0,
        };
        books.invoices.insert(serial.clone(), invoice);
        Ok(serial)
    })?;
    let result = json!({ "invoiceSerialNum": serial });
    Ok(json!({ "code": "E0000", "describe": "开票提交成功", "result": result }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    order_nos: Vec<String>,
    #[serde(default)]
    serial_nos: Vec<String>,
    #[serde(default, rename = "isOfferInvoiceDetail")]
    _is_offer_invoice_detail: String,
}

fn query(office: &InvoiceOffice, body: &[u8], host: &str) -> Result<Value, Refused> {
    let asked: Asked = read(body)?;
    let count = asked.order_nos.len() + asked.serial_nos.len();
    if count == 0 || count > ASKED {
        return Err(("E9501", "查询条件为空或超过50个".to_owned()));
    }
    let found = office.with(|books| {
        let serials: Vec<String> = books
            .invoices
            .values()
            .filter(|invoice| {
                asked.serial_nos.contains(&invoice.serial)
                    || asked.order_nos.contains(&invoice.order_no)
            })
            .map(|invoice| invoice.serial.clone())
            .collect();
        serials
            .iter()
            .filter_map(|serial| books.look(serial))
            .map(|invoice| shown(&invoice, host))
            .collect::<Vec<_>>()
    });
    if found.is_empty() {
        return Err(("E9500", "发票信息不存在".to_owned()));
    }
    Ok(json!({ "code": "E0000", "describe": "获取成功", "result": found }))
}

/// An invoice as a query shows it.
fn shown(invoice: &Invoice, host: &str) -> Value {
    let (status, words) = match invoice.stage {
        Stage::Working => ("20", "开票中"),
        Stage::Issued => ("2", "开票完成（最终状态）"),
        Stage::Failed => ("22", "开票失败"),
        Stage::Unsealed => ("24", "开票成功签章失败"),
    };
    let yuan = |fen: i64| {
        let sign = if fen < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", fen.abs() / 100, fen.abs() % 100)
    };
    let pdf = match invoice.stage {
        Stage::Issued => format!("http://{host}/nuonuo/pdf/{}", invoice.serial),
        _ => String::new(),
    };
    let cause = match invoice.stage {
        Stage::Failed => "购方税号在税务局不存在",
        _ => "",
    };
    json!({
        "serialNo": invoice.serial, "orderNo": invoice.order_no, "status": status, "statusMsg": words,
        "failCause": cause, "pdfUrl": pdf, "invoiceTime": invoice.issued_at,
        "invoiceCode": "", "invoiceNo": invoice.number, "allElectronicInvoiceNumber": invoice.number,
        "exTaxAmount": yuan(invoice.amount - invoice.tax), "taxAmount": yuan(invoice.tax),
        "orderAmount": yuan(invoice.amount), "payerName": invoice.buyer,
        "payerTaxNo": invoice.buyer_tax_number, "salerTaxNum": super::TAX_NUMBER,
        "saleName": super::SELLER, "remark": invoice.remark, "invoiceKind": "电子发票(普通发票)",
        "oldEleInvoiceNumber": invoice.voids, "invoiceType": if invoice.voids.is_empty() { "1" } else { "2" },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Again {
    fpqqlsh: String,
    orderno: String,
}

fn seal_again(office: &InvoiceOffice, body: &[u8]) -> Result<Value, Refused> {
    let again: Again = read(body)?;
    office.with(|books| {
        let invoice = books
            .invoices
            .get_mut(&again.fpqqlsh)
            .filter(|invoice| invoice.order_no == again.orderno);
        match invoice {
            Some(invoice) if invoice.stage == Stage::Unsealed => {
                invoice.stage = Stage::Issued;
                invoice.fate = Fate::Issue;
                Ok(json!({ "code": "E0000", "describe": "重试成功", "result": null }))
            }
            Some(_) => Err(("E9612", "发票已生成或开票中，无需重试".to_owned())),
            None => Err(("E9500", "发票信息不存在".to_owned())),
        }
    })
}
