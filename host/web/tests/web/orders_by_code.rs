//! An order paid by a code: the way is picked with the order, changed on the page, and the page goes on by itself.

use crate::market::{DETAILS, Person, UNIT, chosen, market_with_till, order_in, site, total_on};
use http::StatusCode;
use std::time::Duration;

/// What `/orders/{id}/events?poll=1` says.
async fn version(person: &mut Person, hall: &crate::hall::Hall, order: &str) -> String {
    let answer = person
        .get(hall, &format!("/orders/{order}/events?poll=1"))
        .await;
    let state: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    state["version"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn renewals_are_paid_by_code_or_transfer_as_the_applicant_likes() {
    let (hall, till) = market_with_till().await;
    let mut person = Person::new(&hall, "payer").await;
    let one = person
        .case_of(&hall, "renew-enterprise", "2026112000001", UNIT)
        .await;
    let two = person
        .case_of(&hall, "renew-enterprise", "2026112000002", UNIT)
        .await;
    let new = person.case(&hall, "2026112000003", UNIT).await;

    // With a new certificate among them there is but the transfer.
    let mixed = chosen(&[&one, &new]);
    let page = person
        .get(&hall, &format!("/orders/new/details?{mixed}"))
        .await;
    assert!(page.body.contains("对公转账") && !page.body.contains("微信支付"));

    let query = chosen(&[&one, &two]);
    let page = person
        .get(&hall, &format!("/orders/new/details?{query}"))
        .await;
    assert!(page.body.contains("对公转账") && page.body.contains("微信支付"));
    let details = DETAILS.replace("method=bank-transfer", "method=wechat");
    let body = format!("{query}&_total={}&{details}", total_on(&page));
    let answer = person.post(&hall, "/orders/new/details", &body).await;
    let order = order_in(&answer);
    let pay = format!("/orders/{order}/pay");
    let page = person.get(&hall, &pay).await;
    assert!(
        page.body.contains("请用微信扫描二维码付款"),
        "{}",
        page.body
    );
    let payments = &hall.state.payments;
    let view = payments.order_view(&site(), &order).await.unwrap();
    let code = view.payment.unwrap().code_url;

    // Another way, and back: the code is the same.
    let moved = person.post(&hall, &pay, "method=bank-transfer").await;
    assert_eq!(moved.header("location"), pay);
    let page = person.get(&hall, &pay).await;
    assert!(page.body.contains(&view.reference) && !page.body.contains("扫描二维码"));
    person.post(&hall, &pay, "method=wechat").await;
    let again = payments.order_view(&site(), &order).await.unwrap();
    assert_eq!(again.payment.unwrap().code_url, code);
    for unknown in ["method=alipay", "method=cpcn", "method="] {
        let refused = person.post(&hall, &pay, unknown).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{unknown}");
    }

    let early = person.post(&hall, &format!("{pay}/check"), "").await;
    assert!(early.header("set-cookie").contains("not-paid"));
    let before = version(&mut person, &hall, order.as_str()).await;
    till.pay(&code).await;
    // Two seconds lie between two questions about one trade.
    let news = async {
        while version(&mut person, &hall, order.as_str()).await == before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), news)
        .await
        .expect("the page goes on");
    let page = person.get(&hall, &pay).await;
    assert!(page.body.contains("付款成功") && page.body.contains("微信支付"));
    let late = person.post(&hall, &pay, "method=bank-transfer").await;
    assert_eq!(late.header("location"), pay);
}

#[tokio::test]
async fn a_provider_that_is_silent_leaves_the_order_and_the_other_way() {
    let (hall, till) = market_with_till().await;
    till.close();
    let mut person = Person::new(&hall, "payer").await;
    let case = person
        .case_of(&hall, "renew-enterprise", "2026112000001", UNIT)
        .await;
    let query = chosen(&[&case]);
    let page = person
        .get(&hall, &format!("/orders/new/details?{query}"))
        .await;
    let details = DETAILS.replace("method=bank-transfer", "method=wechat");
    let body = format!("{query}&_total={}&{details}", total_on(&page));
    let answer = person.post(&hall, "/orders/new/details", &body).await;
    let order = order_in(&answer);
    let pay = format!("/orders/{order}/pay");
    let page = person.get(&hall, &pay).await;
    assert!(page.body.contains("选择付款方式"), "{}", page.body);
    let silent = person.post(&hall, &pay, "method=wechat").await;
    assert_eq!(silent.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(
        silent.body.contains("支付渠道暂时没有响应"),
        "{}",
        silent.body
    );
    person.post(&hall, &pay, "method=bank-transfer").await;
    let page = person.get(&hall, &pay).await;
    assert!(page.body.contains("36001000000000000001"), "{}", page.body);
}
