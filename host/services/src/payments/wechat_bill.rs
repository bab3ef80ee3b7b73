//! A trade bill of WeChat Pay, `bill_type=ALL`, as `GET /v3/bill/tradebill` leads to.
//!
//! The shape is that of the provider's documentation (申请交易账单, 下载账单) and of bills in the tests of its clients: one
//! line of names; one line a payment or refund, each value behind a backtick, so that fields part at ``,` `` and a
//! description may hold commas; one line of names of sums and one of sums. Amounts are yuan; a fee has five places and is
//! negative where it comes back. Columns are found by name, because merchants with coupons have more of them.

use super::gateway::{BillLine, Forged, GatewayError};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use ring::digest;
use std::collections::HashMap;
use yinxin_core::money::Fen;
use yinxin_core::time::Millis;
use yinxin_store::reconciliations::BillKind;

/// Whether the file is the one that the signed answer spoke of.
pub(super) fn verify(hash_type: &str, hash: &str, file: &[u8]) -> Result<(), Forged> {
    let made = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, file);
    let same = hash_type == "SHA1" && hash.eq_ignore_ascii_case(&hex::encode(made));
    same.then_some(()).ok_or(Forged::Hash)
}

const fn malformed(what: &'static str) -> GatewayError {
    GatewayError::Malformed(what)
}

/// The lines of a bill of the merchant `mchid`.
pub(super) fn read(file: &[u8], mchid: &str) -> Result<Vec<BillLine>, GatewayError> {
    let text = std::str::from_utf8(file).map_err(|_| malformed("a bill that is not UTF-8"))?;
    let mut rows = text
        .trim_start_matches('\u{feff}')
        .lines()
        .filter(|row| !row.trim().is_empty());
    let names: Vec<&str> = rows
        .next()
        .ok_or(malformed("an empty bill"))?
        .split(',')
        .map(str::trim)
        .collect();
    let mut lines = Vec::new();
    let mut trades = 0_usize;
    for row in rows.by_ref() {
        let Some(values) = row.trim_end().strip_prefix('`') else {
            // The names of the sums: the trades are over.
            break;
        };
        trades += 1;
        let fields: HashMap<&str, &str> = names.iter().copied().zip(values.split(",`")).collect();
        if let Some(line) = line(&fields, mchid)? {
            lines.push(line);
        }
    }
    let sums = rows.next().unwrap_or_default();
    let counted = sums
        .trim_start_matches('`')
        .split(',')
        .next()
        .and_then(|count| count.trim().parse::<usize>().ok());
    if counted != Some(trades) {
        return Err(malformed("a bill whose sums do not fit its lines"));
    }
    Ok(lines)
}

/// None for what moved no money in the end.
fn line(fields: &HashMap<&str, &str>, mchid: &str) -> Result<Option<BillLine>, GatewayError> {
    let field = |name: &str| fields.get(name).copied().unwrap_or_default().trim();
    if field("商户号") != mchid {
        return Err(malformed("a bill of another merchant"));
    }
    let kind = match field("交易状态") {
        "SUCCESS" => BillKind::Payment,
        "REFUND" | "REVOKED" => BillKind::Refund,
        _ => return Err(malformed("a bill line's state")),
    };
    if kind == BillKind::Refund && matches!(field("退款状态"), "FAIL" | "CHANGE") {
        return Ok(None);
    }
    let first = |names: [&str; 2]| {
        names
            .into_iter()
            .map(field)
            .find(|value| !value.is_empty())
            .and_then(|value| fen(value, 2))
            .ok_or(malformed("a bill line's amount"))
    };
    let (amount, number) = match kind {
        // What was to be settled leaves coupons out; what was paid does not.
        BillKind::Payment => (first(["订单金额", "应结订单金额"])?, field("微信订单号")),
        BillKind::Refund => (first(["申请退款金额", "退款金额"])?, field("微信退款单号")),
    };
    let out_refund_no = match kind {
        BillKind::Payment => "",
        BillKind::Refund => field("商户退款单号"),
    };
    let fee = match field("手续费") {
        "" => Fen(0),
        fee => fen(fee, 5).ok_or(malformed("a bill line's fee"))?,
    };
    Ok(Some(BillLine {
        kind,
        out_trade_no: field("商户订单号").to_owned(),
        out_refund_no: out_refund_no.to_owned(),
        provider_no: number.to_owned(),
        amount: Fen(amount.0.abs()),
        fee,
        at: china(field("交易时间")).ok_or(malformed("a bill line's time"))?,
    }))
}

/// Yuan with a sign and at most `places` decimal places, rounded half away from 0 to fen.
pub(super) fn fen(text: &str, places: usize) -> Option<Fen> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if fraction.len() > places || !all_digits(fraction) {
        return None;
    }
    let (cents, rest) = fraction.split_at_checked(2).unwrap_or((fraction, ""));
    let mut amount = Fen::parse_yuan(&format!("{whole}.{cents}"))?.0;
    if rest.starts_with(['5', '6', '7', '8', '9']) {
        amount += 1;
    }
    Some(Fen(if negative { -amount } else { amount }))
}

/// `2026-11-20 18:05:00`, in China.
pub(super) fn china(text: &str) -> Option<Millis> {
    let local = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    let instant = Offset::constant(8).to_timestamp(local).ok()?;
    Some(Millis(instant.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
    const PAID: &str = "`2026-11-19 10:06:33,`wx01,`1900000001,`0,`,`42001,`a1,`o1,`NATIVE,`SUCCESS,`OTHERS,`CNY,`60.00,`0.00,`0,`0,`0.00,`0.00,`,`,`证书,主锁,`,`0.32500,`0.54%,`60.00,`0.00,`";
    const BACK: &str = "`2026-11-19 16:47:58,`wx01,`1900000001,`0,`,`42001,`a1,`o1,`NATIVE,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50301,`r1,`50.00,`0.00,`ORIGINAL,`SUCCESS,`证书,`,`-0.27000,`0.54%,`0.00,`50.00,`";

    fn bill(rows: &[&str], count: usize) -> String {
        let sums = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
        format!(
            "\u{feff}{NAMES}\r\n{}\r\n{sums}\r\n`{count},`60.00,`50.00,`0.00,`0.05000,`60.00,`50.00\r\n",
            rows.join("\r\n")
        )
    }

    #[test]
    fn payments_and_refunds_are_read_with_their_fees() {
        let lines = read(bill(&[PAID, BACK], 2).as_bytes(), "1900000001").unwrap();
        assert_eq!(
            lines[0],
            BillLine {
                kind: BillKind::Payment,
                out_trade_no: "a1".to_owned(),
                out_refund_no: String::new(),
                provider_no: "42001".to_owned(),
                amount: Fen(6000),
                fee: Fen(33),
                at: china("2026-11-19 10:06:33").unwrap(),
            }
        );
        assert_eq!(
            (lines[1].kind, lines[1].amount, lines[1].fee),
            (BillKind::Refund, Fen(5000), Fen(-27))
        );
        assert_eq!(
            (
                lines[1].out_refund_no.as_str(),
                lines[1].provider_no.as_str()
            ),
            ("r1", "50301")
        );
    }

    #[test]
    fn a_bill_that_is_cut_or_of_another_merchant_is_not_read() {
        for (file, merchant) in [
            (bill(&[PAID], 2), "1900000001"),
            (bill(&[PAID], 1), "1900000002"),
            (format!("{NAMES}\n{PAID}\n"), "1900000001"),
            (String::new(), "1900000001"),
        ] {
            assert!(read(file.as_bytes(), merchant).is_err(), "{file}");
        }
        assert_eq!(read(bill(&[], 0).as_bytes(), "1900000001").unwrap(), []);
    }

    #[test]
    fn a_changed_file_does_not_fit_its_hash() {
        let file = b"abc";
        let hash = "A9993E364706816ABA3E25717850C26C9CD0D89D";
        assert_eq!(verify("SHA1", hash, file), Ok(()));
        assert_eq!(verify("SHA1", hash, b"abd"), Err(Forged::Hash));
        assert_eq!(verify("MD5", hash, file), Err(Forged::Hash));
    }

    #[test]
    fn fees_are_rounded_to_fen() {
        for (text, amount) in [
            ("0.32499", 32),
            ("0.325", 33),
            ("-0.27000", -27),
            ("7", 700),
            ("0.005", 1),
        ] {
            assert_eq!(fen(text, 5), Some(Fen(amount)), "{text}");
        }
        assert_eq!(fen("0.123456", 5), None);
        assert_eq!(fen("x", 5), None);
    }
}
