//! An applicant's orders over HTTP, with Fujian's rules: which cases go together, the transfer and its slip, what may be
//! changed until when, and that nobody else sees any of it.

use crate::hall::Browser;
use crate::market::{
    DETAILS, OTHER_UNIT, Person, SLIP, UNIT, chosen, encoded, market, order_in, site, total_on,
};
use http::StatusCode;
use yinxin_core::ids::ClerkId;
use yinxin_core::money::Fen;
use yinxin_services::payments::{By, OrderState, Transfer};
use yinxin_store::orders;

#[tokio::test]
async fn cases_of_one_unit_are_one_order_however_often_the_button_is_pressed() {
    let hall = market().await;
    let mut person = Person::new(&hall, "payer").await;
    let empty = person.get(&hall, "/orders/new").await;
    assert!(empty.body.contains("没有等待下单的申请"), "{}", empty.body);
    let one = person.case(&hall, "2026112000001", UNIT).await;
    let two = person.case(&hall, "2026112000002", UNIT).await;

    let page = person.get(&hall, &format!("/orders/new?case={one}")).await;
    assert!(page.body.contains(&format!("value=\"{one}\" checked")));
    assert!(
        page.body.contains(&format!("value=\"{two}\" aria")),
        "{}",
        page.body
    );
    let none = person.get(&hall, "/orders/new/details").await;
    assert_eq!(none.header("location"), "/orders/new?none=1");
    let none = person.get(&hall, "/orders/new?none=1").await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(none.body.contains("请至少勾选一份申请"));

    let query = chosen(&[&one, &two]);
    let page = person
        .get(&hall, &format!("/orders/new/details?{query}"))
        .await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.body.contains("对公转账") && !page.body.contains("微信支付"));
    let total = total_on(&page);

    let wrong = DETAILS
        .replace("a@example.cn", "nobody")
        .replace("method=bank-transfer", "");
    let body = format!("{query}&_total={total}&{wrong}");
    let again = person.post(&hall, "/orders/new/details", &body).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.body.contains("value=\"nobody\"") && again.body.contains("福州市鼓楼区一号"));
    assert!(again.body.contains("请选择付款方式"), "{}", again.body);
    let here = format!("/orders/new/details?case={one}&amp;case={two}");
    let shown = again.body.replace("&#x2f;", "/");
    assert!(
        shown.contains(&here),
        "who logs in again comes back to the cases"
    );
    let body = format!("{query}&_total=1&{DETAILS}");
    let changed = person.post(&hall, "/orders/new/details", &body).await;
    assert_eq!(changed.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        changed.body.contains("合计 0.01 元变为"),
        "{}",
        changed.body
    );

    let body = format!("{query}&_total={total}&{DETAILS}");
    let first = person.post(&hall, "/orders/new/details", &body).await;
    let order = order_in(&first);
    assert_eq!(first.header("location"), format!("/orders/{order}/pay"));
    let second = person.post(&hall, "/orders/new/details", &body).await;
    assert_eq!(order_in(&second), order);
    let again = person
        .get(&hall, &format!("/orders/new/details?{query}"))
        .await;
    assert_eq!(order_in(&again), order);
    let mut conn = hall.state.store.read().await.unwrap();
    let all = orders::of_account(&mut conn, &site(), &person.account, None, 9)
        .await
        .unwrap();
    assert_eq!(all.len(), 1);
    drop(conn);

    let led = person.get(&hall, &format!("/cases/{one}/pay")).await;
    assert_eq!(order_in(&led), order);
    let case = person.get(&hall, &format!("/cases/{one}")).await;
    assert!(case.body.contains("再申请一份"), "{}", case.body);
    // What was said is there for the next order.
    let three = person.case(&hall, "2026112000003", UNIT).await;
    let next = person
        .get(&hall, &format!("/orders/new/details?case={three}"))
        .await;
    assert!(next.body.contains("福州市鼓楼区一号"), "{}", next.body);
}

#[tokio::test]
async fn two_presses_at_once_make_one_order() {
    let hall = market().await;
    let mut person = Person::new(&hall, "payer").await;
    for number in ["2026112000001", "2026112000002", "2026112000003"] {
        let case = person.case(&hall, number, UNIT).await;
        let path = format!("/orders/new/details?case={case}");
        let page = person.get(&hall, &path).await;
        let body = format!("case={case}&_total={}&{DETAILS}", total_on(&page));
        let (one, other) = person.post_twice(&hall, &path, &body).await;
        assert_eq!(order_in(&one), order_in(&other), "{}", one.body);
    }
    let mut conn = hall.state.store.read().await.unwrap();
    let all = orders::of_account(&mut conn, &site(), &person.account, None, 9)
        .await
        .unwrap();
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn two_units_are_told_why_they_cannot_be_one_order_and_their_choice_is_kept() {
    let hall = market().await;
    let mut person = Person::new(&hall, "payer").await;
    let one = person.case(&hall, "2026112000001", UNIT).await;
    let two = person.case(&hall, "2026112000002", OTHER_UNIT).await;
    let query = chosen(&[&one, &two]);
    let refused = person
        .get(&hall, &format!("/orders/new/details?{query}"))
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("同一个单位"), "{}", refused.body);
    let back = format!("/orders/new?case={one}&amp;case={two}");
    assert!(
        refused.body.replace("&#x2f;", "/").contains(&back),
        "{}",
        refused.body
    );
    let body = format!("{query}&_total=0&{DETAILS}");
    let refused = person.post(&hall, "/orders/new/details", &body).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_transfer_shows_its_account_takes_a_slip_and_says_why_it_was_sent_back() {
    let hall = market().await;
    let mut person = Person::new(&hall, "payer").await;
    let case = person.case(&hall, "2026112000001", UNIT).await;
    let order = person.orders(&hall, &[&case]).await;
    let (payments, store) = (&hall.state.payments, &hall.state.store);
    let view = payments.order_view(&site(), &order).await.unwrap();
    let pay = format!("/orders/{order}/pay");
    let page = person.get(&hall, &pay).await;
    for said in [
        "江西省数字证书有限公司",
        "36001000000000000001",
        &view.reference,
        &view.total.to_string(),
        "稍后上传",
    ] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }

    let slip = format!("/orders/{order}/slip");
    let empty = person.upload(&hall, &slip, "a.pdf", "").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = person.upload(&hall, &slip, "a.zip", "PK\u{5}\u{6}").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains("汇款底单"), "{}", wrong.body);
    let kept = person.upload(&hall, &slip, "回单.pdf", SLIP).await;
    assert_eq!(kept.status, StatusCode::SEE_OTHER);
    let page = person.get(&hall, &pay).await;
    assert!(page.body.contains("回单.pdf") && page.body.contains("正在核实汇款"));
    let file = person.get(&hall, &slip).await;
    assert_eq!((file.status, file.body.as_str()), (StatusCode::OK, SLIP));

    let clerk = By::clerk(&ClerkId::generate(), "出纳");
    let mut tx = store.begin().await.unwrap();
    payments
        .refuse_slip(&mut tx, &site(), &order, "金额看不清", &clerk)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for path in [&pay, &format!("/orders/{order}")] {
        let page = person.get(&hall, path).await;
        assert!(page.body.contains("金额看不清"), "{path}: {}", page.body);
        assert!(
            !page.body.contains("出纳"),
            "the applicant does not see who it was"
        );
    }
    let again = person.upload(&hall, &slip, "清楚的回单.pdf", SLIP).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    let page = person.get(&hall, &pay).await;
    assert!(!page.body.contains("金额看不清"), "{}", page.body);

    let half = Transfer {
        reference: "B1",
        amount: Fen(100),
        payer: "福州甲公司",
    };
    let rest = Transfer {
        reference: "B2",
        amount: Fen(view.total.0 - 100),
        payer: "福州甲公司",
    };
    let mut tx = store.begin().await.unwrap();
    payments
        .verify_transfer(&mut tx, &site(), &order, &half, &clerk)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let page = person.get(&hall, &pay).await;
    let missing = Fen(view.total.0 - 100).to_string();
    assert!(
        page.body.contains("1.00") && page.body.contains(&missing),
        "{}",
        page.body
    );
    let mut tx = store.begin().await.unwrap();
    payments
        .verify_transfer(&mut tx, &site(), &order, &rest, &clerk)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let page = person.get(&hall, &pay).await;
    assert!(page.body.contains("付款成功"), "{}", page.body);
    let late = person.upload(&hall, &slip, "a.pdf", SLIP).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    for path in ["/edit", "/edit/details", "/cancel"] {
        let page = person.get(&hall, &format!("/orders/{order}{path}")).await;
        assert_eq!(page.status, StatusCode::CONFLICT, "{path}");
    }
    let page = person.get(&hall, &format!("/orders/{order}")).await;
    assert!(page.body.contains("付款完成"), "{}", page.body);
    for (tab, shown) in [("paid", true), ("unpaid", false), ("verifying", false)] {
        let list = person.get(&hall, &format!("/orders?tab={tab}")).await;
        assert_eq!(list.body.contains(&view.number), shown, "{tab}");
    }
}

#[tokio::test]
async fn an_order_is_changed_and_cancelled_until_it_is_paid() {
    let hall = market().await;
    let mut person = Person::new(&hall, "payer").await;
    let one = person.case(&hall, "2026112000001", UNIT).await;
    let two = person.case(&hall, "2026112000002", UNIT).await;
    let order = person.orders(&hall, &[&one]).await;
    let before = hall
        .state
        .payments
        .order_view(&site(), &order)
        .await
        .unwrap();

    let page = person.get(&hall, &format!("/orders/{order}/edit")).await;
    assert!(
        page.body.contains(&format!("value=\"{one}\" checked")),
        "{}",
        page.body
    );
    assert!(page.body.contains(&format!("value=\"{two}\" aria")));
    let query = chosen(&[&one, &two]);
    let path = format!("/orders/{order}/edit/details");
    let page = person.get(&hall, &format!("{path}?{query}")).await;
    assert!(page.body.contains("福州市鼓楼区一号"), "{}", page.body);
    let body = format!("{query}&_total={}&{DETAILS}", total_on(&page)).replace("一号", "二号");
    let changed = person.post(&hall, &path, &body).await;
    assert_eq!(
        changed.header("location"),
        format!("/orders/{order}"),
        "{}",
        changed.body
    );
    let after = hall
        .state
        .payments
        .order_view(&site(), &order)
        .await
        .unwrap();
    assert!(after.total > before.total);
    let page = person.get(&hall, &format!("/orders/{order}")).await;
    for said in [
        "福州市鼓楼区二号",
        "2026112000001",
        "2026112000002",
        "修改订单",
    ] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    for text in [before.number.as_str(), "甲公"] {
        let path = format!("/orders?text={}", encoded(text));
        let list = person.get(&hall, &path).await;
        assert!(list.body.contains("等 2 份申请"), "{text}: {}", list.body);
        for action in ["付款", "上传汇款底单", "修改", "取消订单", "打印回执"] {
            assert!(list.body.contains(action), "{action}");
        }
    }

    let sure = person.get(&hall, &format!("/orders/{order}/cancel")).await;
    assert!(sure.body.contains("取消这个订单"), "{}", sure.body);
    let gone = person
        .post(&hall, &format!("/orders/{order}/cancel"), "")
        .await;
    assert_eq!(
        gone.header("location"),
        format!("/orders/{order}"),
        "{}",
        gone.body
    );
    let view = hall
        .state
        .payments
        .order_view(&site(), &order)
        .await
        .unwrap();
    assert_eq!(view.state, OrderState::Closed);
    let twice = person
        .post(&hall, &format!("/orders/{order}/cancel"), "")
        .await;
    assert!(twice.status.is_client_error(), "{}", twice.status);
    let led = person.get(&hall, &format!("/orders/{order}/pay")).await;
    assert_eq!(led.header("location"), format!("/orders/{order}"));
    let list = person.get(&hall, "/orders/new").await;
    assert!(
        list.body.contains("2026112000001"),
        "they can be ordered again"
    );
}

#[tokio::test]
async fn nobody_else_sees_an_order_and_odd_addresses_break_nothing() {
    let hall = market().await;
    let mut person = Person::new(&hall, "payer").await;
    let case = person.case(&hall, "2026112000001", UNIT).await;
    let order = person.orders(&hall, &[&case]).await;
    person
        .upload(&hall, &format!("/orders/{order}/slip"), "a.pdf", SLIP)
        .await;
    let mut other = Person::new(&hall, "other").await;
    let pages = [
        "",
        "/edit",
        "/edit/details",
        "/cancel",
        "/pay",
        "/events?poll=1",
        "/slip",
        "/slip/thumbnail",
        "/receipts/receipt",
        "/invoices/1",
    ];
    let forms = ["/edit/details", "/cancel", "/pay", "/pay/check"];
    for id in [
        order.as_str(),
        "none",
        "%E4%B8%AD",
        "a%2Fb",
        &"x".repeat(3000),
    ] {
        for page in pages {
            let answer = other.get(&hall, &format!("/orders/{id}{page}")).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{page} of {id}");
        }
        for form in forms {
            let answer = other
                .post(
                    &hall,
                    &format!("/orders/{id}{form}"),
                    "method=bank-transfer",
                )
                .await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{form} of {id}");
        }
        let answer = other
            .upload(&hall, &format!("/orders/{id}/slip"), "a.pdf", SLIP)
            .await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "a slip of {id}");
    }
    // Another's case is none of theirs.
    let answer = other
        .get(&hall, &format!("/orders/new/details?case={case}"))
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let led = other.get(&hall, answer.header("location")).await;
    assert_eq!(led.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!led.body.contains("2026112000001"));

    let many: String = (0..2000).map(|n| format!("case={n}&")).collect();
    let long = "9".repeat(5000);
    for path in [
        format!("/orders/new?{many}"),
        format!("/orders/new/details?{many}"),
        format!("/orders/new/details?case={long}"),
        "/orders/new/details?case=".to_owned(),
        format!("/orders?after={long}&tab={long}&text={long}"),
        "/orders?text=%25_%5C'%22%3B--".to_owned(),
        "/orders?text=a&text=b".to_owned(),
        "/orders?after=%F0%9F%98%80".to_owned(),
        format!("/orders/{order}/edit?{many}"),
        format!("/orders/{order}/edit/details?{many}"),
    ] {
        let answer = person.get(&hall, &path).await;
        assert!(!answer.status.is_server_error(), "{path}: {}", answer.body);
    }
    for body in [
        many.as_str(),
        "method=gold",
        "method=",
        "case=&_total=x",
        &format!("case={case}&_total=99999999999999999999"),
        &format!("case={case}&_total=-1&invoice_title={long}"),
    ] {
        for path in [
            "/orders/new/details".to_owned(),
            format!("/orders/{order}/pay"),
            format!("/orders/{order}/edit/details"),
        ] {
            let answer = person.post(&hall, &path, body).await;
            assert!(
                !answer.status.is_server_error(),
                "{path} {body}: {}",
                answer.body
            );
        }
    }
    for path in ["/orders", "/orders/new", &format!("/orders/{order}")] {
        let answer = person.post(&hall, path, "").await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
    }
    let mut stranger = Browser::default();
    let answer = stranger.get(&hall, &format!("/orders/{order}/pay")).await;
    assert!(answer.header("location").starts_with("/login?next="));
}
