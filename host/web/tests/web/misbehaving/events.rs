//! What nobody is looking at: money, certificates and time. It waits as a job that the console shows.

use super::*;
use crate::console::{at_work, hire};
use crate::finance::{agreed, seen, transfer};
use crate::hall::Browser;
use crate::market::{DETAILS, order_in};
use crate::till::Till;
use yinxin_core::ids::OrderId;
use yinxin_core::rules::{CertificateFact, Fact};
use yinxin_services::case_event::CaseEvent;
use yinxin_services::payments::OrderState;
use yinxin_store::cases;

/// Orders the case, and has finance book the transfer that pays for it.
async fn paid(
    hall: &Hall,
    person: &mut Person,
    (finance, token): &mut (Browser, String),
    case: &CaseId,
    number: &str,
) -> OrderId {
    let order = person.orders(hall, &[case]).await;
    let path = format!("/console/orders/{order}");
    let page = finance.get(hall, &path).await;
    let body = transfer(token, &seen(&page), "220", number);
    let transfer = format!("{path}/transfer");
    let mut answer = finance.post(hall, &transfer, &body, &[]).await;
    if answer.status == StatusCode::OK {
        let body = agreed(&answer, &body);
        answer = finance.post(hall, &transfer, &body, &[]).await;
    }
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    order
}

/// Orders the case, and pays for it with WeChat's code.
async fn paid_by_code(hall: &Hall, till: &Till, person: &mut Person, case: &CaseId) -> OrderId {
    let details = DETAILS.replace("method=bank-transfer", "method=wechat");
    let body = format!("case={case}&_total=22000&{details}");
    let opened = person.post(hall, "/orders/new/details", &body).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.body);
    let order = order_in(&opened);
    let payments = &hall.state.payments;
    let view = payments.order_view(&site(), &order).await.unwrap();
    till.pay(&view.payment.unwrap().code_url).await;
    let news = async {
        while payments.order_view(&site(), &order).await.unwrap().state != OrderState::Paid {
            person
                .post(hall, &format!("/orders/{order}/pay/check"), "")
                .await;
            tokio::time::sleep(Duration::from_millis(100)).await; // between two questions
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), news).await;
    in_time.expect("the payment is known");
    order
}

/// The order is paid, once, and all books agree.
async fn is_accounted_for(hall: &Hall, order: &OrderId, what: &str) {
    let payments = &hall.state.payments;
    let view = payments.order_view(&site(), order).await.unwrap();
    assert_eq!(view.state, OrderState::Paid, "{what}");
    let faults = payments.check_ledger(&site()).await.unwrap();
    assert!(faults.is_empty(), "{what}: {faults:?}");
}

/// What the administrator's page of jobs says of this case: each row that leads to it, as text.
async fn rows_of(hall: &Hall, administrator: &mut Browser, case: &CaseId) -> Vec<String> {
    let page = administrator.get(hall, "/console/jobs").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    let rows = page.body.split("<tr>").skip(1);
    let link = format!("/console/cases/{case}");
    rows.filter(|row| row.contains(&link))
        .map(str::to_owned)
        .collect()
}

/// What an applicant's page says whose application waits for an event to be taken up.
async fn waits_quietly(person: &mut Person, hall: &Hall, case: &CaseId, what: &str) -> String {
    let page = person.get(hall, &format!("/cases/{case}")).await;
    assert_eq!(page.status, StatusCode::OK, "{what}");
    tells_nothing(&page, what);
    page.body
}

#[tokio::test(flavor = "multi_thread")]
async fn money_that_the_rules_do_not_take_in_is_kept_and_its_event_waits() {
    let hall = wild().await;
    hire(&hall).await;
    let mut person = Person::new(&hall, "li").await;
    let mut finance = at_work(&hall, "finance").await;
    let (mut administrator, _) = at_work(&hall, "admin").await;
    let mut harms = misbehaviours(&hall);
    // These need nobody beside them, or take their time; what they do has been seen at the applicant's and the clerk's hand.
    harms
        .retain(|harm| !["many-reads", "watch", "denied-forever", "grow"].contains(&harm.as_str()));
    for (place, told) in harms.iter().enumerate() {
        let case = to_be_moved(&mut person, &hall, told).await;
        let number = format!("HARM{place}");
        let order = paid(&hall, &mut person, &mut finance, &case, &number).await;
        let before = standing(&person, &hall, &case).await;
        hall.state.engine.work_off().await.unwrap();
        assert_eq!(standing(&person, &hall, &case).await, before, "{told}");
        is_accounted_for(&hall, &order, told).await;
        let rows = rows_of(&hall, &mut administrator, &case).await;
        assert_eq!(rows.len(), 1, "{told}: {rows:?}");
        for said in ["处理申请事件", "已尝试 1 次"] {
            assert!(rows[0].contains(said), "{told}: no {said} in {}", rows[0]);
        }
        assert!(!rows[0].contains("/revive"), "{told}: it goes on by itself");
        let page = waits_quietly(&mut person, &hall, &case, told).await;
        assert!(page.contains("已付款"), "{told}: {page}");
        let page = person.get(&hall, &format!("/orders/{order}")).await;
        assert_eq!(page.status, StatusCode::OK, "{told}");
        tells_nothing(&page, told);
        assert!(page.body.contains("已付款"), "{told}: {}", page.body);
    }
}

/// Has `handle` take the next event of the case so: as if the plugin had been mended, or had not.
async fn set_told(hall: &Hall, case: &CaseId, told: &str) {
    let state = &hall.state;
    let mut tx = state.store.begin().await.unwrap();
    let mut kept = cases::get(&mut tx, &state.sealer, &site(), case)
        .await
        .unwrap();
    kept.values.set("told", told);
    cases::update(&mut tx, &state.sealer, &site(), &kept)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// Longer than the longest wait between two tries.
const NEXT_TRY: i64 = 3 * 3600;
/// Tries before a job is left to a person.
const TRIES: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_never_taken_in_is_left_to_a_person_and_taken_up_again_once() {
    let clock = Arc::new(Ahead::default());
    let till = Till::open().await;
    let gateway = till.gateway();
    let hall = wild_at(clock.clone(), |payments| {
        payments.add_gateway(site(), gateway);
    })
    .await;
    hire(&hall).await;
    let mut person = Person::new(&hall, "li").await;
    let mut finance = at_work(&hall, "finance").await;
    let case = to_be_moved(&mut person, &hall, "panic").await;
    let order = paid_by_code(&hall, &till, &mut person, &case).await;
    // What the issuer tells comes in the same way. There the case stands in the state behind, where it was by hand.
    let making = to_be_moved(&mut person, &hall, "").await;
    let by_hand = paid(&hall, &mut person, &mut finance, &making, "WELL").await;
    hall.state.engine.work_off().await.unwrap();
    assert_eq!(standing(&person, &hall, &making).await.0, "making");
    set_told(&hall, &making, "unknown-state").await;
    let issued = CaseEvent {
        case_id: making.clone(),
        event: "issued".to_owned(),
        fact: Fact::Certificate(CertificateFact {
            serial: "0a".to_owned(),
            not_before: 0,
            not_after: 1_900_000_000_000,
        }),
    };
    let mut tx = hall.state.store.begin().await.unwrap();
    issued
        .enqueue(&mut tx, &site(), "issued".to_owned(), clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    // And time: a week in one state.
    let late = begin(&mut person, &hall, "late").await;
    fill(&mut person, &hall, &late, "recurse").await;
    clock.put(8 * 24 * 3600);

    for _ in 0..TRIES {
        hall.state.engine.work_off().await.unwrap();
        // Nobody stays logged in for so long.
        let (mut administrator, _) = at_work(&hall, "admin").await;
        for waits in [&case, &making, &late] {
            let rows = rows_of(&hall, &mut administrator, waits).await;
            assert!(!rows.is_empty(), "{waits}");
        }
        clock.put(NEXT_TRY);
    }
    hall.state.engine.work_off().await.unwrap();
    assert_eq!(standing(&person, &hall, &case).await.0, "draft");
    assert_eq!(standing(&person, &hall, &making).await.0, "making");
    assert_eq!(standing(&person, &hall, &late).await.0, "draft");
    for order in [&order, &by_hand] {
        is_accounted_for(&hall, order, "after the last try").await;
    }

    // The plugin is mended, and somebody has each done again.
    let (mut administrator, token) = at_work(&hall, "admin").await;
    for (stuck, title, state) in [
        (&case, "处理申请事件", "making"),
        (&making, "处理申请事件", "done"),
        (&late, "定时事项", "done"),
    ] {
        let rows = rows_of(&hall, &mut administrator, stuck).await;
        let dead: Vec<&String> = rows.iter().filter(|row| row.contains("/revive")).collect();
        assert_eq!(dead.len(), 1, "{rows:?}");
        let row = dead[0];
        assert!(row.contains(title), "{row}");
        assert!(row.contains("已尝试 12 次"), "{row}");
        set_told(&hall, stuck, "").await;
        let (_, rest) = row.split_once("action=\"").unwrap();
        let path = rest.split('"').next().unwrap().replace("&#x2f;", "/");
        let answer = administrator
            .post(&hall, &path, &format!("_csrf={token}"), &[])
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        hall.state.engine.work_off().await.unwrap();
        assert_eq!(standing(&person, &hall, stuck).await.0, state);
        let rows = rows_of(&hall, &mut administrator, stuck).await;
        assert!(rows.is_empty(), "{rows:?}");
    }
    for order in [&order, &by_hand] {
        is_accounted_for(&hall, order, "after all").await;
    }
}
