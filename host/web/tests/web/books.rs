//! Statements, books and invoices over HTTP: what the finance clerk takes in from outside, and takes out.

use crate::console::{encoded, site, staffed};
use crate::finance::{PDF, finance, order, plain, seen, transfer};
use crate::hall::{Answer, Browser, Hall, send};
use http::{Method as Verb, StatusCode, header};
use yinxin_core::money::Fen;

async fn import(hall: &Hall, browser: &Browser, token: &str, csv: &str) -> Answer {
    let body = format!(
        "--x\r\ncontent-disposition: form-data; name=\"_csrf\"\r\n\r\n{token}\r\n--x\r\n\
         content-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n{csv}\r\n--x--\r\n"
    );
    let request = browser
        .request(Verb::POST, "/console/statements")
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
    send(hall, request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_statement_is_booked_line_by_line_or_at_once() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let mut references = Vec::new();
    for _ in 0..3 {
        let id = order(&hall).await;
        let view = hall.state.payments.order_view(&site(), &id).await.unwrap();
        references.push(view.reference);
    }
    let head = "交易日期,流水号,收入金额,付款人,附言";
    let day = hall.state.clock.now().plus(-86400).day();

    let broken = format!(
        "{head}\n{day},B1,abc,甲,{}\n昨天,B2,1.00,甲,x",
        references[0]
    );
    let refused = import(&hall, &browser, &token, &broken).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for line in ["第 2 行", "第 3 行"] {
        assert!(refused.body.contains(line), "{line}: {}", refused.body);
    }

    let good = format!(
        "{head}\n{day},B1,440.00,甲公司,{}\n{day},B2,440.00,乙公司,证书 {}\n{day},B3,100.00,丙公司,{}\n{day},B4,5.00,利息,",
        references[0], references[1], references[2]
    );
    let taken = import(&hall, &browser, &token, &good).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.body);
    let path = taken.header("location").to_owned();
    let page = browser.get(&hall, &path).await;
    for part in [
        "完全匹配的 2 笔",
        "少 340.00 元",
        "没有找到订单",
        "金额一致",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let sure = browser.get(&hall, &format!("{path}/confirm-all")).await;
    assert!(sure.body.contains("880.00"), "{}", sure.body);
    let body = format!("_csrf={token}");
    let results = browser
        .post(&hall, &format!("{path}/confirm-all"), &body, &[])
        .await;
    assert_eq!(results.status, StatusCode::OK, "{}", results.body);
    assert_eq!(results.body.matches("已入账，订单付清").count(), 2);

    // What is left: a part, and what belongs to no order.
    let page = browser.get(&hall, &path).await;
    let lines: Vec<String> = page
        .body
        .match_indices("/ignore\"")
        .map(|(at, _)| {
            let link = &page.body[..at];
            link[link.rfind('/').unwrap() + 1..].to_owned()
        })
        .collect();
    assert_eq!(lines.len(), 2, "{}", page.body);
    let id = hall.state.payments.find(&site(), &references[2]).await;
    let id = id.unwrap().unwrap().id;
    let confirm = format!("{path}/lines/{}/confirm", lines[0]);
    let body = format!("_csrf={token}&order={id}&_seen=reference");
    let done = browser.post(&hall, &confirm, &body, &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let late = browser.post(&hall, &confirm, &body, &[]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("演示财务已于"), "{}", late.body);

    let ignore = format!("{path}/lines/{}/ignore", lines[1]);
    let missing = browser
        .post(&hall, &ignore, &format!("_csrf={token}&reason="), &[])
        .await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let reason = encoded("利息");
    let body = format!("_csrf={token}&reason={reason}");
    let done = browser.post(&hall, &ignore, &body, &[]).await;
    assert_eq!(done.header("location"), path, "{}", done.body);
    let restore = format!("{path}/lines/{}/restore", lines[1]);
    let done = browser
        .post(&hall, &restore, &format!("_csrf={token}"), &[])
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let page = browser.get(&hall, &path).await;
    assert!(page.body.contains("利息"), "{}", page.body);
    let choice = format!("{path}/lines/{}/order?text={}", lines[1], references[2]);
    let choice = browser.get(&hall, &choice).await;
    assert!(choice.body.contains("选择这个订单"), "{}", choice.body);
}

#[tokio::test]
async fn the_books_add_up_and_go_out_as_a_table() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let id = order(&hall).await;
    let path = format!("/console/orders/{id}");
    let page = browser.get(&hall, &path).await;
    let body = transfer(&token, &seen(&page), "440", "A1");
    let done = browser
        .post(&hall, &format!("{path}/transfer"), &body, &[])
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);

    let books = browser.get(&hall, "/console/ledger").await;
    assert_eq!(books.status, StatusCode::OK, "{}", books.body);
    for part in ["账目完整", "银行存款", "gateway:bank-transfer", "440.00"] {
        assert!(books.body.contains(part), "{part}: {}", books.body);
    }
    let table = browser.get(&hall, "/console/ledger/postings.csv").await;
    assert!(table.header("content-type").starts_with("text/csv"));
    assert!(table.body.starts_with('\u{feff}'));
    let sum: i64 = table
        .body
        .lines()
        .skip(1)
        .map(|line| Fen::parse_yuan(line.split(',').nth(3).unwrap().trim_start_matches('-')))
        .map(|amount| amount.unwrap().0)
        .sum();
    assert!(table.body.lines().count() > 4, "{}", table.body);
    assert_eq!(sum % 44000, 0, "{}", table.body);
    for wrong in ["?from=x&to=y", "?from=2026-11-20&to=2026-11-01"] {
        let answer = browser.get(&hall, &format!("/console/ledger{wrong}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn an_invoice_that_was_made_elsewhere_is_put_into_its_order() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let id = order(&hall).await;
    let path = format!("/console/orders/{id}");
    let page = browser.get(&hall, &path).await;
    let body = transfer(&token, &seen(&page), "440", "A1");
    browser
        .post(&hall, &format!("{path}/transfer"), &body, &[])
        .await;
    let put = async |number: &str, file: &str| {
        let body = format!(
            "--x\r\ncontent-disposition: form-data; name=\"_csrf\"\r\n\r\n{token}\r\n--x\r\n\
             content-disposition: form-data; name=\"number\"\r\n\r\n{number}\r\n--x\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"fp.pdf\"\r\n\r\n{file}\r\n--x--\r\n"
        );
        let request = browser
            .request(Verb::POST, &format!("{path}/invoice"))
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=x");
        send(&hall, request.body(body.into()).unwrap()).await
    };
    let pdf = String::from_utf8(PDF.to_vec()).unwrap();
    for (number, file) in [("12", pdf.as_str()), ("26352000000000000001", "no pdf")] {
        let refused = put(number, file).await;
        assert_eq!(
            refused.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{number}: {}",
            refused.body
        );
    }
    let done = put("26352000000000000001", &pdf).await;
    assert_eq!(done.header("location"), path, "{}", done.body);
    let issued = browser.get(&hall, "/console/invoices?state=issued").await;
    assert!(
        issued.body.contains("26352000000000000001"),
        "{}",
        issued.body
    );
    let page = browser.get(&hall, &path).await;
    assert!(page.body.contains("上传发票"), "{}", page.body);
    let body = plain(&page);
    let (_, rest) = body.split_once("href=\"/console/invoices/").unwrap();
    let file = format!("/console/invoices/{}", rest.split('"').next().unwrap());
    let saved = browser.get(&hall, &file).await;
    assert_eq!(saved.header("content-type"), "application/pdf");
}

#[tokio::test]
async fn a_difference_is_settled_once_with_a_note() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let day = hall.state.clock.now().plus(-86400).day();
    let csv = format!("交易日期,流水号,收入金额,付款人,附言\n{day},B1,440.00,甲公司,\n");
    let taken = import(&hall, &browser, &token, &csv).await;
    assert_eq!(taken.status, StatusCode::SEE_OTHER, "{}", taken.body);

    let run = format!("_csrf={token}&gateway=bank-transfer&day={day}");
    let done = browser
        .post(&hall, "/console/reconciliation", &run, &[])
        .await;
    let report = format!("/console/reconciliation/{day}-bank-transfer");
    assert_eq!(done.header("location"), report, "{}", done.body);
    for path in [report.as_str(), "/console/reconciliation"] {
        let page = browser.get(&hall, path).await;
        for part in ["本系统没有", "440.00", "B1"] {
            assert!(page.body.contains(part), "{path} {part}: {}", page.body);
        }
    }
    let page = plain(&browser.get(&hall, "/console/reconciliation").await);
    let (before, _) = page.split_once("/settle\"").unwrap();
    let settle = format!(
        "{}/settle",
        &before[before.rfind("/console/reconciliation").unwrap()..]
    );
    let missing = browser
        .post(&hall, &settle, &format!("_csrf={token}&note="), &[])
        .await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = format!("_csrf={token}&note={}", encoded("利息，与订单无关"));
    let done = browser.post(&hall, &settle, &body, &[]).await;
    assert_eq!(
        done.header("location"),
        "/console/reconciliation",
        "{}",
        done.body
    );
    let late = browser.post(&hall, &settle, &body, &[]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("演示财务已于"), "{}", late.body);
    let settled = browser
        .get(&hall, "/console/reconciliation?show=settled")
        .await;
    assert!(
        settled.body.contains("利息，与订单无关"),
        "{}",
        settled.body
    );
    let reopen = settle.replace("/settle", "/reopen");
    let done = browser
        .post(&hall, &reopen, &format!("_csrf={token}"), &[])
        .await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);

    // A day that is not over, or none at all.
    let today = hall.state.clock.now().day().to_string();
    for (wrong, said) in [(today.as_str(), "当天还没有结束"), ("x", "填写日期")] {
        let run = format!("_csrf={token}&gateway=bank-transfer&day={wrong}");
        let refused = browser
            .post(&hall, "/console/reconciliation", &run, &[])
            .await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains(said), "{}", refused.body);
    }
}
