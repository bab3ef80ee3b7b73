//! Rules that only answer: `check`, `quote` and `prefill`.

use super::*;
use crate::market::DETAILS;

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_the_rules_could_not_look_at_are_kept_and_not_passed() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let case = begin(&mut person, &hall, "new").await;
    let path = format!("/cases/{case}/steps/fill");
    for harm in HARMS.into_iter().chain(["aliases"]) {
        let body = encoded(&format!("unit=福州甲公司&amount={harm}"));
        let answer = person.post(&hall, &path, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{harm}");
        assert!(
            answer
                .body
                .contains("内容已为您保存，但系统暂时无法核对，请稍后再次点击保存。错误编号："),
            "{harm}: {}",
            answer.body
        );
        for kept in ["福州甲公司", harm] {
            assert!(answer.body.contains(kept), "{harm}: {}", answer.body);
        }
        assert!(!answer.body.contains("wasm"), "{harm}");
        let viewer = Actor::Applicant(person.account.clone());
        let page = hall.state.engine.page(&site(), &viewer, &case).await;
        let step = &page.unwrap().steps[0];
        assert!(!step.complete, "{harm}: nobody has looked at the answers");
    }
    let body = encoded("unit=福州甲公司&amount=22000");
    let answer = person.post(&hall, &path, &body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}

/// Prices that nobody can be asked for; their answers check well.
const LIES: [&str; 9] = [
    "-1",
    "9223372036854775807",
    "sum-overflows",
    "least",
    "shipping-overflows",
    "back-and-forth",
    "many-lines",
    "stranger",
    "no-method",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_cannot_be_asked_for_opens_no_order() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let case = begin(&mut person, &hall, "basket").await;
    let fill = format!("/cases/{case}/steps/fill");
    let details = format!("/orders/new/details?case={case}");
    let order = format!("case={case}&_total=0&{}", DETAILS);
    for wish in LIES {
        let body = encoded(&format!("unit=福州甲公司&amount={wish}"));
        person.post(&hall, &fill, &body).await;
        let orders = kept(&hall).await;
        let shown = person.get(&hall, &details).await;
        let opened = person.post(&hall, "/orders/new/details", &order).await;
        for answer in [&shown, &opened] {
            assert_eq!(
                answer.status,
                StatusCode::SERVICE_UNAVAILABLE,
                "{wish}: {}",
                answer.body
            );
            is_plain(answer, wish);
        }
        assert_eq!(kept(&hall).await, orders, "{wish}");
    }
    // Answers that the rules could not look at are not priced at all: `quote` is not asked.
    for harm in HARMS {
        let body = encoded(&format!("unit=福州甲公司&amount={harm}"));
        person.post(&hall, &fill, &body).await;
        let orders = kept(&hall).await;
        let shown = person.get(&hall, &details).await;
        let opened = person.post(&hall, "/orders/new/details", &order).await;
        for answer in [&shown, &opened] {
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{harm}");
            assert!(answer.body.contains("改好后再下单"), "{}", answer.body);
        }
        assert_eq!(kept(&hall).await, orders, "{harm}");
    }
    // The same case, with a price.
    let body = encoded("unit=福州甲公司&amount=22000");
    person.post(&hall, &fill, &body).await;
    let shown = person.get(&hall, &details).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    assert!(shown.body.contains("220.00"), "{}", shown.body);
}

/// The answers check well, and it is the price that harms.
#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_does_not_come_opens_no_order() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let case = begin(&mut person, &hall, "basket").await;
    let fill = format!("/cases/{case}/steps/fill");
    let details = format!("/orders/new/details?case={case}");
    let order = format!("case={case}&_total=0&{}", DETAILS);
    for harm in HARMS {
        let body = encoded(&format!("unit=福州甲公司&amount=22000&quoted={harm}"));
        let filled = person.post(&hall, &fill, &body).await;
        assert_eq!(
            filled.status,
            StatusCode::SEE_OTHER,
            "{harm}: {}",
            filled.body
        );
        let orders = kept(&hall).await;
        let shown = person.get(&hall, &details).await;
        let opened = person.post(&hall, "/orders/new/details", &order).await;
        for answer in [&shown, &opened] {
            assert_eq!(
                answer.status,
                StatusCode::SERVICE_UNAVAILABLE,
                "{harm}: {}",
                answer.body
            );
            is_plain(answer, harm);
            assert!(answer.body.contains(LATER), "{harm}: {}", answer.body);
        }
        assert_eq!(kept(&hall).await, orders, "{harm}");
        let page = person.get(&hall, &format!("/cases/{case}")).await;
        assert_eq!(page.status, StatusCode::OK, "after {harm}");
    }
    let body = encoded("unit=福州甲公司&amount=22000&quoted=");
    person.post(&hall, &fill, &body).await;
    let shown = person.get(&hall, &details).await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_beginning_that_harms_begins_nothing() {
    let hall = wild().await;
    let mut person = Person::new(&hall, "li").await;
    let plugin = hall.registry.plugin(&site(), "hostile").unwrap();
    let services = plugin.definition.services.iter();
    let beginnings: Vec<&str> = services
        .map(|service| service.id.as_str())
        .filter(|id| id.starts_with("begins-"))
        .collect();
    for harm in HARMS {
        assert!(beginnings.contains(&format!("begins-{harm}").as_str()));
    }
    for id in beginnings {
        let rows = kept(&hall).await;
        let shown = person.get(&hall, &format!("/services/hostile/{id}")).await;
        assert_eq!(shown.status, StatusCode::OK, "{id}: {}", shown.body);
        let path = format!("/services/hostile/{id}");
        let answer = person.post(&hall, &path, "").await;
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{id}: {}",
            answer.body
        );
        is_plain(&answer, id);
        assert!(answer.body.contains(LATER), "{id}: {}", answer.body);
        assert_eq!(kept(&hall).await, rows, "{id}");
        let page = person.get(&hall, "/cases").await;
        assert_eq!(page.status, StatusCode::OK, "after {id}");
    }
    begin(&mut person, &hall, "new").await;
}
