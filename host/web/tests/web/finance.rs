//! The finance clerk's pages over HTTP: money that came is booked once, by whoever was first, and never on one's own order.

use crate::console::{PASSWORD, at_work, encoded, site, staffed};
use crate::hall::{Answer, Browser, Hall, send};
use http::{Method as Verb, StatusCode, header};
use yinxin_core::definition::{FileFormat, Role};
use yinxin_core::ids::{AccountId, CaseId, OrderId};
use yinxin_core::money::{FeeLine, Fen, Method};
use yinxin_services::payments::{By, NewOrder, OrderDetails, OrderState, RefundState, Transfer};
use yinxin_services::staff::Hiring;
use yinxin_services::uploads::{SLIP_FORMATS, Upload};

/// A grey picture of 400 × 400 pixels.
const PNG: &str = "\
    89504e470d0a1a0a0000000d4948445200000190000001900800000000a5d46910000002334944415478daedd1310100000cc230fc2b43\
    161676ee482534a95e150b8008081001012220400404888008081001012220400404888008081001012220400404888008081001012220\
    40040488800808100101222040040488800808100101222040040488800808100101222040040488800808100101222040040488800808\
    10010122204004048880080810010122204004048880001110010122204004048880001110010122204004048880001110010122204004\
    04888000111001012220400404888000111001012220400404888000111001012220400404888000111001012220400404888000111001\
    01222040040488800011100101222040040488800011102002222040040488800011102002222040040488800011102002222040040488\
    80001110200222204004048880001110200222204004048880001110200222204004048880001110200222204004048880001110200222\
    204004048880001110200222204004048880001110200202c4022002024440800808100101222002024440800808100101222002024440\
    80080810010122200202444080080810010122200202444080080810010122200202444080080810010122200202444080080810010122\
    20020244408008081001012220020244408008081001012220020244408008081001012220400444408008081001012220400444408008\
    0810010122204004444080080810010122204004444080080810010122204004444080080810010122204004444080e8d600cc5d649946\
    e154090000000049454e44ae426082";
const PDF: &[u8] =
    b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n";

/// An order of 440 yuan that is to be paid by transfer.
async fn order(hall: &Hall) -> OrderId {
    let case = CaseId::generate();
    let line = FeeLine {
        code: "certificate".to_owned(),
        label: "企业证书 2 年".to_owned(),
        quantity: 1,
        amount: 44000,
        case_id: case.to_string(),
    };
    let now = hall.state.clock.now();
    let mut tx = hall.state.store.begin().await.unwrap();
    let payments = &hall.state.payments;
    let new = NewOrder {
        account: AccountId::generate(),
        cases: vec![case],
        lines: vec![line],
        methods: vec![Method::BankTransfer],
        chosen: Some(Method::BankTransfer),
        expires_at: now.plus(86400),
    };
    let order = payments.open_order(&mut tx, &site(), new).await.unwrap();
    let details = OrderDetails {
        invoice_title: "福州甲公司".to_owned(),
        contact_name: "王丽".to_owned(),
        ..OrderDetails::default()
    };
    payments
        .set_details(&mut tx, &site(), &order.id, &details)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    order.id
}

async fn slip(hall: &Hall, order: &OrderId, bytes: Vec<u8>) -> String {
    let formats: &[FileFormat] = &SLIP_FORMATS;
    let upload = Upload {
        name: "回单".to_owned(),
        bytes: bytes.into(),
        by: "applicant".to_owned(),
    };
    let uploads = &hall.state.uploads;
    let taken = uploads
        .take_of_order(&site(), order, "汇款凭证", formats, upload)
        .await
        .unwrap();
    let mut tx = hall.state.store.begin().await.unwrap();
    uploads
        .keep_of_order(&mut tx, &site(), &taken)
        .await
        .unwrap();
    let applicant = By::applicant(&AccountId::generate());
    hall.state
        .payments
        .upload_slip(&mut tx, &site(), order, taken.id(), &applicant)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    taken.id().to_string()
}

/// What the order's page would send along with its forms.
fn seen(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"_seen\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn transfer(token: &str, seen: &str, amount: &str, serial: &str) -> String {
    format!(
        "_csrf={token}&_seen={seen}&amount={amount}&reference={serial}&payer={}",
        encoded("福州甲公司")
    )
}

/// The page with slashes as people read them.
fn plain(page: &Answer) -> String {
    page.body.replace("&#x2f;", "/")
}

/// Of a page that asks whether one is sure: the same again, agreed to.
fn agreed(page: &Answer, body: &str) -> String {
    let (_, rest) = page.body.split_once("name=\"_agreed\" value=\"").unwrap();
    format!("{body}&_agreed={}", rest.split('"').next().unwrap())
}

async fn finance(hall: &Hall) -> (Browser, String) {
    at_work(hall, "finance").await
}

#[tokio::test]
async fn the_slip_stands_beside_its_order_and_belongs_to_no_other() {
    let hall = staffed().await;
    let (mut browser, _) = finance(&hall).await;
    let (first, second) = (order(&hall).await, order(&hall).await);
    let picture = slip(&hall, &first, hex::decode(PNG).unwrap()).await;
    let page = browser
        .get(&hall, &format!("/console/orders/{first}"))
        .await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    for part in ["data-scan", "440.00", "王丽", "上传汇款凭证", "福州甲公司"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let path = format!("/console/orders/{first}/slips/{picture}");
    let shown = browser.get(&hall, &path).await;
    // Re-encoded: never the bytes that somebody sent us.
    assert_eq!(shown.header("content-type"), "image/jpeg");
    assert!(shown.header("content-security-policy").contains("sandbox"));
    assert_eq!(shown.header("x-frame-options"), "DENY");
    let elsewhere = format!("/console/orders/{second}/slips/{picture}");
    assert_eq!(
        browser.get(&hall, &elsewhere).await.status,
        StatusCode::NOT_FOUND
    );

    let paper = slip(&hall, &second, PDF.to_vec()).await;
    let page = browser
        .get(&hall, &format!("/console/orders/{second}"))
        .await;
    assert!(page.body.contains("<iframe"), "{}", page.body);
    let path = format!("/console/orders/{second}/slips/{paper}");
    let framed = browser.get(&hall, &path).await;
    assert_eq!(framed.header("content-type"), "application/pdf");
    assert_eq!(framed.header("x-frame-options"), "SAMEORIGIN");
    assert!(
        framed
            .header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    let saved = browser.get(&hall, &format!("{path}/original")).await;
    assert!(
        saved
            .header("content-disposition")
            .starts_with("attachment")
    );
}

#[tokio::test]
async fn another_amount_is_told_before_it_is_booked() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let id = order(&hall).await;
    let path = format!("/console/orders/{id}");
    let post = format!("{path}/transfer");

    let page = browser.get(&hall, &path).await;
    let body = transfer(&token, &seen(&page), "100", "A1");
    let sure = browser.post(&hall, &post, &body, &[]).await;
    assert_eq!(sure.status, StatusCode::OK, "{}", sure.body);
    assert!(sure.body.contains("还差 340.00 元"), "{}", sure.body);
    let done = browser.post(&hall, &post, &agreed(&sure, &body), &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);

    // What is missing stands in the form; the bank's number counts once.
    let page = browser.get(&hall, &path).await;
    assert!(page.body.contains("value=\"340.00\""), "{}", page.body);
    let again = transfer(&token, &seen(&page), "340", "A1");
    let refused = browser.post(&hall, &post, &again, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("已经登记在订单"), "{}", refused.body);

    let body = transfer(&token, &seen(&page), "350.5", "A2");
    let sure = browser.post(&hall, &post, &body, &[]).await;
    assert!(sure.body.contains("多出的 10.50 元"), "{}", sure.body);
    // Agreeing to one amount is not agreeing to another.
    let other = body.replace("350.5", "999");
    let asked = browser
        .post(&hall, &post, &agreed(&sure, &other), &[])
        .await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.body);
    let done = browser.post(&hall, &post, &agreed(&sure, &body), &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let order = hall.state.payments.order_view(&site(), &id).await.unwrap();
    assert_eq!(order.state, OrderState::Paid);

    // The rest goes back by hand, and the history says who did what.
    let page = browser.get(&hall, &path).await;
    for part in ["演示财务", "登记到账", "多收，待退回", "付清"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let refunds = &hall.state.payments;
    let due = refunds
        .refunds_in(&site(), RefundState::Requested, None, 10)
        .await
        .unwrap();
    assert_eq!(due[0].amount, Fen(1050));
    let finish = format!("/console/refunds/{}/finish", due[0].id);
    let empty = format!("_csrf={token}&_state=requested&reference=");
    let refused = browser.post(&hall, &finish, &empty, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = format!("_csrf={token}&_state=requested&reference=B7");
    let done = browser.post(&hall, &finish, &body, &[]).await;
    assert_eq!(done.header("location"), "/console/refunds?state=done");
    let late = browser.post(&hall, &finish, &body, &[]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("演示财务已于"), "{}", late.body);
}

#[tokio::test]
async fn who_comes_second_is_told_who_was_first() {
    let hall = staffed().await;
    let new = Hiring {
        login: "colleague",
        name: "林会计",
        mobile: "",
        roles: &[Role::Finance],
        password: PASSWORD,
    };
    hall.state.staff.create(&site(), new, None).await.unwrap();
    let (mut browser, token) = finance(&hall).await;
    let id = order(&hall).await;
    let path = format!("/console/orders/{id}");
    let page = browser.get(&hall, &path).await;

    // Both look at the same transfer; one types a space more.
    let colleague = By::clerk(
        &yinxin_core::ids::ClerkId::from_stored("colleague"),
        "林会计",
    );
    let mut tx = hall.state.store.begin().await.unwrap();
    let found = Transfer {
        reference: "A1",
        amount: Fen(44000),
        payer: "福州甲公司",
    };
    hall.state
        .payments
        .verify_transfer(&mut tx, &site(), &id, &found, &colleague)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let body = transfer(&token, &seen(&page), "440", "A1-x");
    let sure = browser
        .post(&hall, &format!("{path}/transfer"), &body, &[])
        .await;
    let body = agreed(&sure, &body);
    let late = browser
        .post(&hall, &format!("{path}/transfer"), &body, &[])
        .await;
    assert_eq!(late.status, StatusCode::CONFLICT, "{}", late.body);
    assert!(late.body.contains("林会计已于"), "{}", late.body);
    let refunds = &hall.state.payments;
    let due = refunds
        .refunds_in(&site(), RefundState::Requested, None, 10)
        .await
        .unwrap();
    assert!(due.is_empty(), "nothing was booked twice");

    // Cancelling from the old page is late as well.
    let cancel = format!("{path}/cancel");
    let body = format!("_csrf={token}&_seen={}", seen(&page));
    let late = browser.post(&hall, &cancel, &body, &[]).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body.contains("林会计"), "{}", late.body);
}

#[tokio::test]
async fn nobody_decides_about_an_order_of_his_own() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let id = order(&hall).await;
    let path = format!("/console/orders/{id}");
    let page = browser.get(&hall, &path).await;
    let body = format!(
        "_csrf={token}&_seen={}&amount=440&reference=A1&payer={}",
        seen(&page),
        encoded("演示财务")
    );
    let refused = browser
        .post(&hall, &format!("{path}/transfer"), &body, &[])
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.body.contains("请另一位财务人员核实"),
        "{}",
        refused.body
    );
    // What was typed is still there.
    assert!(refused.body.contains("value=\"A1\""), "{}", refused.body);

    // Where the order itself says so, there is no form at all.
    let details = OrderDetails {
        contact_name: "演示财务".to_owned(),
        ..OrderDetails::default()
    };
    let mut tx = hall.state.store.begin().await.unwrap();
    let payments = &hall.state.payments;
    payments
        .set_details(&mut tx, &site(), &id, &details)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let page = browser.get(&hall, &path).await;
    assert!(page.body.contains("请另一位财务人员核实"));
    assert!(!page.body.contains("name=\"reference\""), "{}", page.body);
}

#[tokio::test]
async fn a_slip_goes_back_with_a_reason() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let id = order(&hall).await;
    slip(&hall, &id, PDF.to_vec()).await;
    let path = format!("/console/orders/{id}");
    let list = browser.get(&hall, "/console/orders").await;
    assert!(plain(&list).contains(&path), "{}", list.body);
    let desk = browser.get(&hall, "/console").await;
    assert!(desk.body.contains("待核汇款"), "{}", desk.body);

    let page = browser.get(&hall, &path).await;
    let body = format!("_csrf={token}&_seen={}&reason=", seen(&page));
    let post = format!("{path}/refuse-slip");
    let missing = browser.post(&hall, &post, &body, &[]).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let reason = encoded("没有盖章");
    let done = browser
        .post(&hall, &post, &format!("{body}{reason}"), &[])
        .await;
    assert_eq!(done.header("location"), path, "{}", done.body);
    let page = browser.get(&hall, &path).await;
    assert!(page.body.contains("没有盖章"), "{}", page.body);
    // The next slip may be refused with the same words.
    slip(&hall, &id, PDF.to_vec()).await;
    let page = browser.get(&hall, &path).await;
    assert!(
        page.body.contains("<option value=\"没有盖章\">"),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn money_on_the_wrong_order_goes_to_the_right_one() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let (wrong, right) = (order(&hall).await, order(&hall).await);
    let path = format!("/console/orders/{wrong}");
    let page = browser.get(&hall, &path).await;
    let body = transfer(&token, &seen(&page), "100", "A1");
    let post = format!("{path}/transfer");
    let sure = browser.post(&hall, &post, &body, &[]).await;
    browser.post(&hall, &post, &agreed(&sure, &body), &[]).await;

    let payments = hall.state.payments.payments_of(&site(), &wrong).await;
    let payment = payments.unwrap()[0].payment.clone();
    let assign = format!("/console/payments/{payment}/assign");
    let unknown = format!("_csrf={token}&to=999");
    let refused = browser.post(&hall, &assign, &unknown, &[]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("没有找到这个订单"));
    let target = hall
        .state
        .payments
        .order_view(&site(), &right)
        .await
        .unwrap();
    let body = format!("_csrf={token}&to={}", target.reference);
    let sure = browser.post(&hall, &assign, &body, &[]).await;
    assert!(sure.body.contains("还差 340.00 元"), "{}", sure.body);
    let done = browser
        .post(&hall, &assign, &agreed(&sure, &body), &[])
        .await;
    assert_eq!(
        done.header("location"),
        format!("/console/orders/{right}"),
        "{}",
        done.body
    );
    let moved = hall
        .state
        .payments
        .order_view(&site(), &right)
        .await
        .unwrap();
    assert_eq!(moved.received, Fen(10000));
    let partly = browser.get(&hall, "/console/orders?state=partly").await;
    assert!(partly.body.contains(&moved.number), "{}", partly.body);

    // Cancelling gives the part back.
    let cancel = format!("/console/orders/{right}/cancel");
    let asked = browser.get(&hall, &cancel).await;
    assert!(asked.body.contains("100.00 元"), "{}", asked.body);
    let body = format!("_csrf={token}&_seen={}", seen(&asked));
    let done = browser.post(&hall, &cancel, &body, &[]).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let due = browser.get(&hall, "/console/refunds?state=requested").await;
    assert!(due.body.contains("100.00"), "{}", due.body);
    assert!(due.body.contains("福州甲公司"), "who gets it: {}", due.body);
}

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
