//! An ordered invoice and whether its fields and sums are right.

use super::TAX_NUMBER;
use super::gateway::Refused;
use serde::Deserialize;

/// Rates of value-added tax in force, in hundredths.
const RATES: [(&str, i64); 5] = [
    ("0.01", 1),
    ("0.03", 3),
    ("0.06", 6),
    ("0.09", 9),
    ("0.13", 13),
];
/// fen by which a line's tax may differ from rest × rate.
const TOLERANCE: i64 = 6;
/// Lines of one invoice.
const LINES: usize = 2000;
/// Characters of `orderNo`; one document says 20, a client 64.
const ORDER_NO: usize = 20;

/// The fields of `order` that an ordinary digital invoice has. An unknown one is taken for a misspelling.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Order {
    pub order_no: String,
    invoice_date: String,
    invoice_type: String,
    invoice_line: String,
    pub buyer_name: String,
    #[serde(default)]
    pub buyer_tax_num: String,
    saler_tax_num: String,
    #[serde(default, rename = "salerTel")]
    _saler_tel: String,
    #[serde(default, rename = "salerAddress")]
    _saler_address: String,
    clerk: String,
    #[serde(default)]
    pub remark: String,
    push_mode: String,
    #[serde(default)]
    buyer_phone: String,
    #[serde(default)]
    email: String,
    pub invoice_detail: Vec<Line>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Line {
    pub goods_name: String,
    goods_code: String,
    with_tax_flag: String,
    price: String,
    num: String,
    tax_rate: String,
    tax_excluded_amount: String,
    tax: String,
    tax_included_amount: String,
    invoice_line_property: String,
}

/// fen of a text with exactly two places.
fn fen(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() != 2 {
        return None;
    }
    whole
        .parse::<i64>()
        .ok()?
        .checked_mul(100)?
        .checked_add(fraction.parse().ok()?)
}

fn bad<T>(words: impl Into<String>) -> Result<T, Refused> {
    Err(("E9105", words.into()))
}

impl Order {
    /// Amount with tax and tax, in fen.
    pub(super) fn check(&self) -> Result<(i64, i64), Refused> {
        if self.order_no.is_empty() || self.order_no.len() > ORDER_NO {
            return bad("订单号为空或超过20位");
        }
        if self.saler_tax_num != TAX_NUMBER {
            return bad("销方税号与授权企业不一致");
        }
        if self.invoice_type != "1" || self.invoice_line != "pc" {
            return bad("开票类型或发票种类不支持");
        }
        let title = self.buyer_name.chars().count();
        if title == 0 || title > 100 {
            return bad("购方名称为空或过长");
        }
        let tax_number = &self.buyer_tax_num;
        let is_tax_number = (15..=20).contains(&tax_number.len())
            && tax_number
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if !tax_number.is_empty() && !is_tax_number {
            return bad("购方税号有误");
        }
        if self.clerk.is_empty() {
            return bad("开票员不能为空");
        }
        if jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", &self.invoice_date).is_err() {
            return bad("订单时间格式有误");
        }
        let reachable = match self.push_mode.as_str() {
            "-1" => true,
            "0" => !self.email.is_empty(),
            "1" => !self.buyer_phone.is_empty(),
            "2" => !self.email.is_empty() && !self.buyer_phone.is_empty(),
            _ => false,
        };
        if !reachable {
            return bad("推送方式与推送地址不符");
        }
        if self.invoice_detail.is_empty() || self.invoice_detail.len() > LINES {
            return bad("发票明细为空或超过2000行");
        }
        let mut sums = (0, 0);
        for line in &self.invoice_detail {
            let (amount, tax) = line.check()?;
            sums = (sums.0 + amount, sums.1 + tax);
        }
        Ok(sums)
    }
}

impl Line {
    fn check(&self) -> Result<(i64, i64), Refused> {
        let name = self.goods_name.chars().count();
        if name == 0 || name > 90 {
            return bad("商品名称为空或过长");
        }
        if self.goods_code.len() != 19 || !self.goods_code.bytes().all(|b| b.is_ascii_digit()) {
            return bad("商品编码应为19位数字");
        }
        if self.with_tax_flag != "1" || self.invoice_line_property != "0" {
            return bad("含税标志或发票行性质不支持");
        }
        let Some((_, rate)) = RATES.iter().find(|(word, _)| *word == self.tax_rate) else {
            return bad("税率有误");
        };
        let money = [
            &self.price,
            &self.tax_excluded_amount,
            &self.tax,
            &self.tax_included_amount,
        ];
        let [Some(price), Some(rest), Some(tax), Some(amount)] = money.map(|text| fen(text)) else {
            return bad("金额应精确到小数点后两位");
        };
        let Some(pieces) = self.num.parse::<i64>().ok().filter(|num| *num > 0) else {
            return bad("数量有误");
        };
        if amount <= 0 || price.checked_mul(pieces) != Some(amount) {
            return bad("单价乘以数量不等于含税金额");
        }
        if rest + tax != amount {
            return bad("不含税金额与税额之和不等于含税金额");
        }
        // In ten-thousandths of a yuan, to compare without fractions.
        if (rest * rate - tax * 100).abs() > TOLERANCE * 100 {
            return bad("税额误差超过0.06元");
        }
        Ok((amount, tax))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn order() -> Value {
        json!({
            "orderNo": "20261120000000000101", "invoiceDate": "2026-11-20 18:05:00", "invoiceType": "1",
            "invoiceLine": "pc", "buyerName": "个人", "salerTaxNum": TAX_NUMBER, "clerk": "林开票",
            "pushMode": "-1",
            "invoiceDetail": [{
                "goodsName": "证书服务费", "goodsCode": "3040203000000000000", "withTaxFlag": "1",
                "price": "110.00", "num": "2", "taxRate": "0.06", "taxExcludedAmount": "207.55",
                "tax": "12.45", "taxIncludedAmount": "220.00", "invoiceLineProperty": "0",
            }],
        })
    }

    fn check(order: Value) -> Result<(i64, i64), Refused> {
        serde_json::from_value::<Order>(order).unwrap().check()
    }

    #[test]
    fn sums_are_checked_to_the_fen() {
        assert_eq!(check(order()), Ok((22000, 1245)));
        for (field, value) in [
            ("tax", "12.46"),
            ("taxExcludedAmount", "207.54"),
            ("price", "110.01"),
            ("num", "1"),
            ("taxIncludedAmount", "220"),
            ("taxRate", "0.6"),
            ("goodsCode", "3040203"),
        ] {
            let mut wrong = order();
            wrong["invoiceDetail"][0][field] = json!(value);
            assert_eq!(check(wrong).unwrap_err().0, "E9105", "{field}");
        }
        let mut wrong = order();
        wrong["invoiceDetail"][0]["tax"] = json!("13.00");
        wrong["invoiceDetail"][0]["taxExcludedAmount"] = json!("207.00");
        assert!(check(wrong).unwrap_err().1.contains("0.06"));
    }

    #[test]
    fn what_the_document_asks_for_is_asked_for() {
        for (field, value) in [
            ("orderNo", "202611200000000001011"),
            ("invoiceDate", "2026-11-20"),
            ("buyerName", ""),
            ("buyerTaxNum", "91350000ma00000j4e"),
            ("salerTaxNum", "91350000MA00000000"),
            ("clerk", ""),
            ("pushMode", "0"),
        ] {
            let mut wrong = order();
            wrong[field] = json!(value);
            assert!(check(wrong).is_err(), "{field}");
        }
        let mut misspelt = order();
        misspelt["buyerTel"] = json!("1");
        assert!(serde_json::from_value::<Order>(misspelt).is_err());
    }
}
