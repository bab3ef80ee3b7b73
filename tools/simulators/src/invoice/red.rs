//! Red-letter invoices: a request that the tax office confirms, after which the invoice follows by itself.

use super::api::read;
use super::gateway::Refused;
use super::{Fate, Invoice, InvoiceOffice, LOOKS, RedRequest, SELLER, Stage, TAX_NUMBER};
use crate::pages::china_time;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    bill_id: String,
    apply_source: String,
    blue_invoice_line: String,
    blue_elec_invoice_number: String,
    seller_tax_no: String,
    seller_name: String,
    #[serde(default)]
    buyer_tax_no: String,
    buyer_name: String,
    red_reason: String,
}

pub(super) fn request(office: &InvoiceOffice, body: &[u8]) -> Result<Value, Refused> {
    let request: Request = read(body)?;
    let bad = |words: &str| Err(("E9702", words.to_owned()));
    if request.bill_id.is_empty() || request.bill_id.len() > 32 {
        return bad("红字确认单申请号为空或超过32位");
    }
    if request.apply_source != "0" || request.blue_invoice_line != "pc" {
        return bad("申请方或蓝票种类不支持");
    }
    if request.seller_tax_no != TAX_NUMBER || request.seller_name != SELLER {
        return bad("销方税号或名称与授权企业不一致");
    }
    if !matches!(request.red_reason.as_str(), "1" | "2" | "3" | "4") {
        return bad("冲红原因有误");
    }
    office.with(|books| {
        if books.reds.contains_key(&request.bill_id) {
            return bad("红字确认单申请号不能重复");
        }
        let number = &request.blue_elec_invoice_number;
        let Some(blue) = books.blue(number).filter(|_| !number.is_empty()) else {
            return bad("对应的蓝字发票不存在");
        };
        if blue.buyer != request.buyer_name || blue.buyer_tax_number != request.buyer_tax_no {
            return bad("购方信息与蓝字发票不一致");
        }
        let taken = books
            .reds
            .values()
            .any(|other| other.blue == *number && other.stage != Stage::Failed);
        if taken {
            return bad("蓝字发票已冲红或已申请冲红");
        }
        let red = RedRequest {
            bill_id: request.bill_id.clone(),
            blue: number.clone(),
            stage: Stage::Working,
            fate: books.take_fate(),
            looks: LOOKS,
            serial: String::new(),
        };
        books.reds.insert(request.bill_id.clone(), red);
        Ok(json!({ "code": "E0000", "describe": "申请成功", "result": request.bill_id }))
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    identity: String,
    bill_id: String,
}

pub(super) fn query(office: &InvoiceOffice, body: &[u8]) -> Result<Value, Refused> {
    let asked: Asked = read(body)?;
    if asked.identity != "0" {
        return Err(("E9702", "操作方身份有误".to_owned()));
    }
    let list: Vec<Value> = office.with(|books| {
        let due = books.reds.get_mut(&asked.bill_id).is_some_and(|red| {
            let open = red.stage == Stage::Working && red.fate != Fate::Wait;
            let now = open && red.looks == 0;
            red.looks = red.looks.saturating_sub(u32::from(open));
            now
        });
        if due {
            books.confirm(&asked.bill_id);
        }
        books
            .reds
            .get(&asked.bill_id)
            .map(shown)
            .into_iter()
            .collect()
    });
    let total = list.len().to_string();
    Ok(json!({ "code": "0000", "describe": "查询成功", "total": total, "list": list }))
}

fn shown(red: &RedRequest) -> Value {
    let (status, open, words) = match red.stage {
        Stage::Working => ("15", "0", "申请中"),
        Stage::Failed => ("16", "0", "蓝字发票已勾选用途，不能冲红"),
        Stage::Issued | Stage::Unsealed => ("01", "1", "无需确认"),
    };
    json!({
        "billId": red.bill_id, "billNo": format!("3500{}", red.serial), "billStatus": status,
        "billMessage": words, "openStatus": open, "invoiceSerialNum": red.serial,
        "applySource": "0", "blueInvoiceLine": "pc", "blueInvoiceNumber": red.blue,
        "sellerTaxNo": TAX_NUMBER, "sellerName": SELLER,
    })
}

impl super::Books {
    /// The tax office confirms a request or refuses it; with the confirmation the red-letter invoice is issued.
    fn confirm(&mut self, bill_id: &str) {
        let Some(red) = self.reds.get(bill_id).cloned() else {
            return;
        };
        let blue = self.blue(&red.blue).cloned();
        let issued = blue.filter(|_| red.fate != Fate::Fail).map(|blue| {
            let (serial, number) = (self.new_serial(), self.new_number());
            let invoice = Invoice {
                order_no: format!("{}R", blue.order_no),
                serial: serial.clone(),
                number,
                amount: -blue.amount,
                tax: -blue.tax,
                remark: format!("被红冲蓝字数电发票号码：{}", blue.number),
                stage: Stage::Issued,
                fate: Fate::Issue,
                looks: 0,
                voids: blue.number.clone(),
                at: china_time(Timestamp::now()),
                issued_at: Timestamp::now().as_millisecond(),
                ..blue
            };
            self.invoices.insert(serial.clone(), invoice);
            serial
        });
        if let Some(red) = self.reds.get_mut(bill_id) {
            red.stage = match issued {
                Some(_) => Stage::Issued,
                None => Stage::Failed,
            };
            red.serial = issued.unwrap_or_default();
        }
    }
}
