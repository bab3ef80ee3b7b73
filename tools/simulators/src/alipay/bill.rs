//! Trade bills: `alipay.data.dataservice.bill.downloadurl.query` gives an address, the address gives a ZIP of two CSV files
//! in GBK, whose names are in GBK too. Only the first is signed.

use super::Alipay;
use crate::bills::{Bills, Entry, compact};
use crate::keys::AlipayKeys;
use crate::trades::{china_time, now, yuan};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::sync::Arc;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const NAMES: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注";
const RULE: &str = "-----------------------------------------";

pub fn routes(alipay: Arc<Alipay>) -> Router {
    Router::new()
        .route("/downloadBillFile.resource", get(download))
        .with_state(Arc::clone(&alipay.bills))
}

async fn download(
    State(bills): State<Arc<Bills>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    match query.get("fileId").and_then(|token| bills.fetch(token)) {
        Some(file) => ([(header::CONTENT_TYPE, "application/zip")], file).into_response(),
        None => (StatusCode::NOT_FOUND, "链接已失效").into_response(),
    }
}

/// The ZIP. `cut`: all lines but the first are lost, the sums are not.
pub fn write(entries: &[Entry], day: &str, cut: bool) -> anyhow::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let prefix = format!("{}0156_{}", AlipayKeys::SELLER_ID, day.replace('-', ""));
    for (name, text) in [
        ("业务明细(汇总)", summary(entries)),
        ("业务明细", details(entries, cut)),
    ] {
        zip.start_file(format!("{prefix}_{name}.csv"), SimpleFileOptions::default())?;
        zip.write_all(&encoding_rs::GBK.encode(&text).0)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn head(title: &str, entries: &[Entry]) -> String {
    let day = entries
        .first()
        .map_or_else(String::new, |entry| china_time(entry.at));
    format!(
        "#{title}\r\n#账号：[{}0156]\r\n#起始日期：[{day}]   终止日期：[{day}]\r\n",
        AlipayKeys::SELLER_ID
    )
}

fn of(entries: &[Entry], refunds: bool) -> (usize, i64) {
    let chosen: Vec<i64> = entries
        .iter()
        .filter(|entry| entry.refund.is_some() == refunds)
        .map(|entry| entry.amount)
        .collect();
    (chosen.len(), chosen.iter().sum())
}

fn summary(entries: &[Entry]) -> String {
    let ((payments, received), (refunds, back)) = (of(entries, false), of(entries, true));
    format!(
        "{}#{RULE}业务汇总列表{RULE}\r\n门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）\r\n合计\t,\t,{payments}\t,{refunds}\t,{},{}\r\n#{RULE}业务汇总列表结束{RULE}\r\n",
        head("支付宝业务汇总查询", entries),
        yuan(received),
        yuan(received - back),
    )
}

fn details(entries: &[Entry], cut: bool) -> String {
    let mut text = head("支付宝业务明细查询", entries);
    text.push_str(&format!("#{RULE}业务明细列表{RULE}\r\n{NAMES}\r\n"));
    for entry in entries.iter().take(if cut { 1 } else { usize::MAX }) {
        text.push_str(&line(entry));
    }
    let ((payments, received), (refunds, back)) = (of(entries, false), of(entries, true));
    text.push_str(&format!(
        "#{RULE}业务明细列表结束{RULE}\r\n#交易合计：{payments}笔，商家实收共{}元，商家优惠共0.00元\r\n#退款合计：{refunds}笔，商家实收退款共-{}元，商家优惠退款共0.00元\r\n#导出时间：[{}]\r\n",
        yuan(received),
        yuan(back),
        compact(now()),
    ));
    text
}

fn line(entry: &Entry) -> String {
    let (kind, sign, number) = match &entry.refund {
        None => ("交易", "", ""),
        Some((number, _)) => ("退款", "-", number.as_str()),
    };
    // What the provider keeps is negative here, what it gives back is not.
    let fee = match entry.fee {
        0 => "0.00".to_owned(),
        kept if kept > 0 => format!("-{}", yuan(kept)),
        back => yuan(-back),
    };
    let amount = format!("{sign}{}", yuan(entry.amount));
    format!(
        "{}\t,{}\t,{kind}\t,{},{},{},\t,\t,\t,\t,*小明(zha***@sandbox.com)\t,{amount},{amount},0.00,0.00,0.00,0.00,0.00,,0.00\t,0.00,{number}\t,{fee},0.00,\r\n",
        entry.transaction,
        entry.out_trade_no,
        entry.subject,
        china_time(entry.created),
        china_time(entry.at),
    )
}
