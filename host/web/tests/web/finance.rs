//! The finance clerk's pages over HTTP: money that came is booked once, by whoever was first, and never on one's own order.

use crate::console::{PASSWORD, at_work, encoded, site, staffed};
use crate::hall::{Answer, Browser, Hall};
use http::StatusCode;
use yinxin_core::definition::{FileFormat, Role};
use yinxin_core::ids::{AccountId, CaseId, OrderId, PaymentId};
use yinxin_core::money::{FeeLine, Fen, Method};
use yinxin_core::time::Millis;
use yinxin_services::payments::{By, NewOrder, OrderDetails, OrderState, RefundState, Transfer};
use yinxin_services::staff::Hiring;
use yinxin_services::uploads::{SLIP_FORMATS, Upload};
use yinxin_store::payments::{self, Arrival, Payment, PaymentState};

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
pub const PDF: &[u8] =
    b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n";

/// An order of 440 yuan that is to be paid by transfer.
pub async fn order(hall: &Hall) -> OrderId {
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

pub async fn slip(hall: &Hall, order: &OrderId, bytes: Vec<u8>) -> String {
    let formats: &[FileFormat] = &SLIP_FORMATS;
    let upload = Upload {
        name: "回单".to_owned(),
        bytes: bytes.into(),
        by: "applicant".to_owned(),
    };
    let uploads = &hall.state.uploads;
    let taken = uploads
        .take_of_order(&site(), order, "汇款底单", formats, upload)
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
pub fn seen(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("name=\"_seen\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

pub fn transfer(token: &str, seen: &str, amount: &str, serial: &str) -> String {
    format!(
        "_csrf={token}&_seen={seen}&amount={amount}&reference={serial}&payer={}",
        encoded("福州甲公司")
    )
}

/// The page with slashes as people read them.
pub fn plain(page: &Answer) -> String {
    page.body.replace("&#x2f;", "/")
}

/// Of a page that asks whether one is sure: the same again, agreed to.
pub fn agreed(page: &Answer, body: &str) -> String {
    let (_, rest) = page.body.split_once("name=\"_agreed\" value=\"").unwrap();
    format!("{body}&_agreed={}", rest.split('"').next().unwrap())
}

pub async fn finance(hall: &Hall) -> (Browser, String) {
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
    for part in ["data-scan", "440.00", "王丽", "上传汇款底单", "福州甲公司"] {
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
    assert!(desk.body.contains("待核实汇款"), "{}", desk.body);

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

/// 100 yuan by WeChat Pay, where 440 were asked for.
async fn odd_payment(hall: &Hall, order: &OrderId) -> PaymentId {
    let now = hall.state.clock.now();
    let payment = Payment {
        id: PaymentId::generate(),
        order: order.clone(),
        method: Method::Wechat,
        out_trade_no: order.to_string(),
        code_url: String::new(),
        amount: Fen(44000),
        state: PaymentState::Prepared,
        transaction: String::new(),
        received: Fen(0),
        created_at: now,
        expires_at: now,
        checked_at: Millis(0),
        notified_at: None,
        confirmed_at: None,
    };
    let arrival = Arrival {
        transaction: "4200001",
        amount: Fen(10000),
        payer: "",
        at: now,
    };
    let mut tx = hall.state.store.begin().await.unwrap();
    assert!(payments::insert(&mut tx, &site(), &payment).await.unwrap());
    let mismatch = PaymentState::Mismatch;
    let sealer = &hall.state.sealer;
    payments::set_arrived(&mut tx, sealer, &site(), &payment.id, mismatch, &arrival)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    payment.id
}

#[tokio::test]
async fn money_of_a_wrong_amount_goes_back_with_a_reason() {
    let hall = staffed().await;
    let (mut browser, token) = finance(&hall).await;
    let id = order(&hall).await;
    let payment = odd_payment(&hall, &id).await;
    let list = browser.get(&hall, "/console/payments").await;
    for part in ["4200001", "440.00", "100.00"] {
        assert!(list.body.contains(part), "{part}: {}", list.body);
    }
    let path = format!("/console/payments/{payment}/give-back");
    assert!(plain(&list).contains(&path));
    let asked = browser.get(&hall, &path).await;
    assert!(asked.body.contains("4200001"), "{}", asked.body);
    let missing = browser
        .post(&hall, &path, &format!("_csrf={token}&reason="), &[])
        .await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = format!("_csrf={token}&reason={}", encoded("金额不符"));
    let done = browser.post(&hall, &path, &body, &[]).await;
    assert_eq!(
        done.header("location"),
        "/console/payments",
        "{}",
        done.body
    );
    let late = browser.post(&hall, &path, &body, &[]).await;
    assert!(late.body.contains("演示财务已于"), "{}", late.body);
    let list = browser.get(&hall, "/console/payments").await;
    assert!(list.body.contains("已全部退回"), "{}", list.body);
    let due = browser.get(&hall, "/console/refunds?state=requested").await;
    for part in ["微信支付原路退回", "金额不符", "演示财务申请"] {
        assert!(due.body.contains(part), "{part}: {}", due.body);
    }
}
