//! An application's pages: what they ask for fits where it stands, and they go on by themselves.

use crate::console::{at_work, hire};
use crate::hall::Answer;
use crate::market::{Person, UNIT, market, moves, site};
use http::StatusCode;
use yinxin_core::ids::{ClerkId, OrderId};
use yinxin_services::payments::{By, Transfer};

/// The line of the task list with this title.
fn task<'a>(page: &'a Answer, title: &str) -> &'a str {
    let lines = page.body.split("<li class=\"task");
    let mut lines = lines.skip(1).filter(|line| line.contains(title));
    lines.next().unwrap_or_else(|| panic!("{}", page.body))
}

#[tokio::test]
async fn a_step_whose_time_has_passed_is_not_put_off() {
    let hall = market().await;
    let mut person = Person::new(&hall, "applicant").await;
    let case = person.case(&hall, "2026112000001", UNIT).await;
    let path = format!("/cases/{case}");
    // Printing goes on until the certificate is made.
    for state in ["submitted", "making"] {
        moves(&hall, &case, state).await;
        let page = person.get(&hall, &path).await;
        let line = task(&page, "打印申请表");
        assert!(!line.contains("无需办理"), "{state}: {line}");
    }
    for state in ["issuing", "ready", "sent"] {
        moves(&hall, &case, state).await;
        let page = person.get(&hall, &path).await;
        let line = task(&page, "打印申请表");
        assert!(line.contains("无需办理"), "{state}: {line}");
        assert!(!line.contains("<a "), "{state}: {line}");
        assert!(!page.body.contains("稍后进行"), "{state}");
    }
}

#[tokio::test]
async fn a_way_out_does_not_begin_with_the_way_on() {
    let hall = market().await;
    let mut person = Person::new(&hall, "applicant").await;
    let case = person.case(&hall, "2026112000001", UNIT).await;
    let out = person
        .get(&hall, &format!("/cases/{case}/actions/withdraw"))
        .await;
    assert_eq!(out.status, StatusCode::OK, "{}", out.body);
    assert!(out.body.contains("撤回的原因"), "{}", out.body);
    assert!(!out.body.contains("审核已通过"), "{}", out.body);
    moves(&hall, &case, "papers").await;
    let on = person
        .get(&hall, &format!("/cases/{case}/actions/post"))
        .await;
    assert!(on.body.contains("请打印订单的回执单"), "{}", on.body);
}

#[tokio::test]
async fn papers_are_asked_for_until_they_have_come() {
    let hall = market().await;
    let mut person = Person::new(&hall, "applicant").await;
    let case = person.case(&hall, "2026112000001", UNIT).await;
    let other = person.case(&hall, "2026112000002", UNIT).await;
    let order = person.orders(&hall, &[&case, &other]).await;
    pay(&hall, &order).await;
    let page = format!("/orders/{order}");
    let receipt = format!("{page}/receipts/receipt-enterprise");
    for (moved, state, asked) in [
        (&case, "papers", true),
        (&other, "papers", true),
        (&case, "making", true),
        (&other, "making", false),
        (&case, "sent", false),
        // A paper was missing after all.
        (&other, "papers", true),
    ] {
        moves(&hall, moved, state).await;
        for path in [page.as_str(), "/orders", &format!("{page}/pay")] {
            let shown = person.get(&hall, path).await;
            let told = shown.body.contains("回执单");
            assert_eq!(
                told, asked,
                "{path} when {moved} is in {state}: {}",
                shown.body
            );
        }
        let pdf = person.get(&hall, &receipt).await;
        let status = if asked {
            StatusCode::OK
        } else {
            StatusCode::NOT_FOUND
        };
        assert_eq!(pdf.status, status, "{moved} in {state}");
    }
}

async fn pay(hall: &crate::hall::Hall, order: &OrderId) {
    let payments = &hall.state.payments;
    let clerk = By::clerk(&ClerkId::generate(), "出纳");
    let total = payments.order_view(&site(), order).await.unwrap().total;
    let whole = Transfer {
        reference: "B1",
        amount: total,
        payer: UNIT.0,
    };
    let mut tx = hall.state.store.begin().await.unwrap();
    payments
        .verify_transfer(&mut tx, &site(), order, &whole, &clerk)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_clerks_page_of_a_case_goes_on_by_itself() {
    let hall = market().await;
    hire(&hall).await;
    let person = Person::new(&hall, "applicant").await;
    let case = person.case(&hall, "2026112000001", UNIT).await;
    let (mut reviewer, token) = at_work(&hall, "reviewer").await;
    let path = format!("/console/cases/{case}");
    let ask = format!("{path}/events?poll=1");
    let page = reviewer.get(&hall, &path).await;
    let shown = format!("data-live=\"{path}/events\"");
    let plain = page.body.replace("&#x2f;", "/");
    assert!(plain.contains(&shown), "{shown}: {plain}");
    // Forms and papers of other services are not shown with them.
    assert!(plain.contains("企业数字证书申请表"), "{plain}");
    assert!(!plain.contains("个人数字证书申请表"), "{plain}");
    assert_eq!(plain.matches("证书年限").count(), 1, "{plain}");
    let version = |answer: &Answer| {
        let read: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        read["version"].as_str().unwrap().to_owned()
    };
    let first = version(&reviewer.get(&hall, &ask).await);
    assert!(
        page.body.contains(&format!("data-version=\"{first}\"")),
        "{}",
        page.body
    );
    assert_eq!(version(&reviewer.get(&hall, &ask).await), first);

    moves(&hall, &case, "papers").await;
    let moved = version(&reviewer.get(&hall, &ask).await);
    assert_ne!(moved, first, "the case has gone on");
    let body = format!("_csrf={token}");
    let claimed = reviewer
        .post(&hall, &format!("{path}/claim"), &body, &[])
        .await;
    assert_eq!(claimed.status, StatusCode::SEE_OTHER, "{}", claimed.body);
    let taken = version(&reviewer.get(&hall, &ask).await);
    assert_ne!(taken, moved, "somebody has taken it");

    // Its applicant has a page of their own, and nobody else has any.
    let mut person = person;
    let led = person.get(&hall, &ask).await;
    assert_eq!(led.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn papers_of_other_services_are_not_printed_for_a_case() {
    let hall = market().await;
    let mut person = Person::new(&hall, "applicant").await;
    let case = person.case(&hall, "2026112000001", UNIT).await;
    for (paper, status) in [
        ("enterprise-form", StatusCode::OK),
        ("agreement", StatusCode::OK),
        ("personal-form", StatusCode::NOT_FOUND),
        ("receipt-enterprise", StatusCode::NOT_FOUND),
    ] {
        let path = format!("/cases/{case}/papers/{paper}/pdf");
        assert_eq!(person.get(&hall, &path).await.status, status, "{paper}");
    }
}
