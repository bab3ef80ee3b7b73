//! A trade bill of Alipay (业务账单), as `alipay.data.dataservice.bill.downloadurl.query` leads to.
//!
//! The shape is that of the provider's documentation and of bills in the tests of merchants' programs: a ZIP with names in
//! GBK and two CSV files in GBK, the lines (业务明细) and their sums (业务明细(汇总)). Remarks begin with `#`: the account, and
//! behind the lines how many payments and refunds there are. Numbers end in a tab. A fee (服务费) is negative where the
//! provider keeps it; a refund's amounts are negative. Nothing signs the file, so its address is asked for by a signed
//! call, fetched by https, and read only when account and counts fit.

use super::gateway::{BillLine, Forged, GatewayError};
use super::wechat_bill::{china, fen};
use std::collections::HashMap;
use std::io::{Cursor, Read};
use url::Url;
use yinxin_core::money::Fen;
use yinxin_store::reconciliations::BillKind;
use zip::ZipArchive;

/// Files in a bill: two, and some more for merchants with several products.
const MOST_ENTRIES: usize = 20;
/// Bytes of all its files, unpacked.
const UNPACKED_LIMIT: u64 = 128 << 20;
/// The columns before and behind the description of the goods, which may hold commas.
const SUBJECT: usize = 3;

const fn malformed(what: &'static str) -> GatewayError {
    GatewayError::Malformed(what)
}

/// The address of the file. Alipay itself names one without TLS at times.
pub(super) fn address(text: &str) -> Result<Url, GatewayError> {
    let mut url = Url::parse(text.trim()).map_err(|_| malformed("a bill's address"))?;
    let alipays = url
        .host_str()
        .is_some_and(|host| host.ends_with(".alipay.com"));
    if url.scheme() == "http" && alipays {
        url.set_scheme("https")
            .map_err(|()| malformed("a bill's address"))?;
    }
    Ok(url)
}

/// The lines of a bill of the merchant `seller_id`.
pub(super) fn read(archive: Vec<u8>, seller_id: &str) -> Result<Vec<BillLine>, GatewayError> {
    read_within(archive, seller_id, UNPACKED_LIMIT)
}

fn read_within(
    archive: Vec<u8>,
    seller_id: &str,
    limit: u64,
) -> Result<Vec<BillLine>, GatewayError> {
    const UNREADABLE: GatewayError = malformed("a bill that is no ZIP");
    let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(|_| UNREADABLE)?;
    if archive.len() > MOST_ENTRIES {
        return Err(malformed("a bill of too many files"));
    }
    let mut lines = None;
    let mut left = limit;
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|_| UNREADABLE)?;
        let mut bytes = Vec::new();
        entry
            .take(left.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|_| UNREADABLE)?;
        left = left
            .checked_sub(bytes.len() as u64)
            .ok_or(malformed("a bill that is too long"))?;
        let (text, damaged) = encoding_rs::GB18030.decode_without_bom_handling(&bytes);
        // Which file it is says its first line; the names are in GBK and differ.
        if damaged || !text.trim_start().starts_with("#支付宝业务明细查询") {
            continue;
        }
        lines = Some(details(&text, seller_id)?);
    }
    lines.ok_or(malformed("a bill without its lines"))
}

fn details(text: &str, seller_id: &str) -> Result<Vec<BillLine>, GatewayError> {
    let (mut names, mut lines) = (None, Vec::new());
    let (mut own, mut payments, mut refunds) = (false, None, None);
    for row in text.lines().map(str::trim_end) {
        if let Some(remark) = row.strip_prefix('#') {
            own |= account(remark).is_some_and(|account| account.starts_with(seller_id));
            payments = payments.or_else(|| count(remark, "交易合计"));
            refunds = refunds.or_else(|| count(remark, "退款合计"));
        } else if names.is_none() && !row.is_empty() {
            names = Some(row.split(',').map(str::trim).collect::<Vec<_>>());
        } else if let (Some(names), false) = (&names, row.is_empty()) {
            lines.push(line(names, row)?);
        }
    }
    if !own {
        return Err(Forged::Merchant.into());
    }
    let of = |kind| lines.iter().filter(|line| line.kind == kind).count();
    if payments != Some(of(BillKind::Payment)) || refunds != Some(of(BillKind::Refund)) {
        return Err(malformed("a bill whose sums do not fit its lines"));
    }
    Ok(lines)
}

/// `账号：[20880211096256330156]`: the merchant's number and four digits more.
fn account(remark: &str) -> Option<&str> {
    let (_, rest) = remark.strip_prefix("账号")?.split_once('[')?;
    Some(rest.split_once(']')?.0)
}

/// `交易合计：6笔，…`
fn count(remark: &str, what: &str) -> Option<usize> {
    let rest = remark.strip_prefix(what)?.trim_start_matches(['：', ':']);
    rest.split_once('笔')?.0.trim().parse().ok()
}

fn line(names: &[&str], row: &str) -> Result<BillLine, GatewayError> {
    let values: Vec<&str> = row.split(',').map(str::trim).collect();
    // Commas in the description move what stands behind it, where two instants are.
    let spare = values.len().saturating_sub(names.len());
    let is_instant = |index: usize| {
        values
            .get(index)
            .is_some_and(|value| china(value).is_some())
    };
    let moved = (0..=spare)
        .find(|moved| is_instant(SUBJECT + 1 + moved) && is_instant(SUBJECT + 2 + moved))
        .ok_or(malformed("a bill line without its time"))?;
    let fields: HashMap<&str, &str> = names
        .iter()
        .enumerate()
        .filter_map(|(index, name)| {
            let index = if index > SUBJECT {
                index + moved
            } else {
                index
            };
            Some((*name, *values.get(index)?))
        })
        .collect();
    let field = |name: &str| fields.get(name).copied().unwrap_or_default();
    let kind = match field("业务类型") {
        "交易" => BillKind::Payment,
        "退款" => BillKind::Refund,
        _ => return Err(malformed("a bill line's kind")),
    };
    let amount = |name: &str| fen(field(name), 2).ok_or(malformed("a bill line's amount"));
    let fee = match field("服务费（元）") {
        "" => Fen(0),
        _ => amount("服务费（元）")?,
    };
    Ok(BillLine {
        kind,
        out_trade_no: field("商户订单号").to_owned(),
        out_refund_no: field("退款批次号/请求号").to_owned(),
        provider_no: field("支付宝交易号").to_owned(),
        amount: Fen(amount("订单金额（元）")?.0.abs()),
        fee: Fen(-fee.0),
        at: china(field("完成时间")).ok_or(malformed("a bill line's time"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;

    const SELLER: &str = "2088021109625633";
    const ROWS: &str = "\
2026111922001458860515315453\t,a1\t,交易\t,证书,主锁,2026-11-19 10:55:16,2026-11-19 10:55:23,\t,\t,\t,\t,*小明(602***@qq.com)\t,220.00,220.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,\t,-1.32,0.00,证书\r
2026111922001458860515315453\t,a1\t,退款\t,证书,2026-11-19 10:55:16,2026-11-19 10:56:48,\t,\t,\t,\t,*小明(602***@qq.com)\t,-20.00,-20.00,0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,r1\t,0.12,0.00,证书\r
";

    fn csv(rows: &str, payments: usize, refunds: usize) -> String {
        format!(
            "#支付宝业务明细查询\r\n#账号：[{SELLER}0156]\r\n#起始日期：[2026年11月19日 00:00:00]   终止日期：[2026年11月20日 00:00:00]\r\n#-----业务明细列表----\r\n支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\r\n{rows}#-----业务明细列表结束----\r\n#交易合计：{payments}笔，商家实收共220.00元，商家优惠共0.00元\r\n#退款合计：{refunds}笔，商家实收退款共-20.00元，商家优惠退款共0.00元\r\n#导出时间：[2026年11月20日 05:46:49]\r\n"
        )
    }

    fn archive(details: &str) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for text in ["#支付宝业务汇总查询\r\n", details] {
            let name = format!("{}.csv", text.len());
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(&encoding_rs::GBK.encode(text).0).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn payments_and_refunds_are_read_with_their_fees() {
        let lines = read(archive(&csv(ROWS, 1, 1)), SELLER).unwrap();
        assert_eq!(
            lines[0],
            BillLine {
                kind: BillKind::Payment,
                out_trade_no: "a1".to_owned(),
                out_refund_no: String::new(),
                provider_no: "2026111922001458860515315453".to_owned(),
                amount: Fen(22000),
                fee: Fen(132),
                at: china("2026-11-19 10:55:23").unwrap(),
            }
        );
        assert_eq!(
            (lines[1].kind, lines[1].amount, lines[1].fee),
            (BillKind::Refund, Fen(2000), Fen(-12))
        );
        assert_eq!(lines[1].out_refund_no, "r1");
    }

    #[test]
    fn a_bill_that_is_cut_or_of_another_merchant_is_not_read() {
        assert!(read(archive(&csv(ROWS, 2, 1)), SELLER).is_err());
        let another = read(archive(&csv(ROWS, 1, 1)), "2088000000000000");
        assert_eq!(another, Err(GatewayError::Unverified(Forged::Merchant)));
        assert!(read(archive("#别的\r\n"), SELLER).is_err());
        assert!(read(b"no zip".to_vec(), SELLER).is_err());
        assert_eq!(read(archive(&csv("", 0, 0)), SELLER).unwrap(), []);
    }

    #[test]
    fn a_bill_unpacks_to_no_more_than_is_allowed() {
        let whole = archive(&csv(ROWS, 1, 1));
        let mut unpacked = 0;
        let mut zip = ZipArchive::new(Cursor::new(whole.clone())).unwrap();
        for index in 0..zip.len() {
            unpacked += zip.by_index(index).unwrap().size();
        }
        assert_eq!(
            read_within(whole.clone(), SELLER, unpacked).unwrap().len(),
            2
        );
        // All files count together.
        assert!(read_within(whole, SELLER, unpacked - 1).is_err());
    }

    #[test]
    fn the_providers_file_is_fetched_by_https() {
        let given = "http://dwbillcenter.alipay.com/downloadBillFile.resource?bizType=trade";
        assert_eq!(address(given).unwrap().scheme(), "https");
        assert_eq!(address("http://127.0.0.1:9/x").unwrap().scheme(), "http");
        assert!(address("x").is_err());
    }
}
