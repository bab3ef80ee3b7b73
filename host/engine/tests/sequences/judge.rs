//! What must hold when a life has come to rest.

use crate::house::{GATEWAYS, House, Streets, any_clerk, clerk, orders_of, sealer};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Fen, Method};
use yinxin_services::payments::OrderState;
use yinxin_services::reconciliation::{BillKind, Difference, DifferenceState};
use yinxin_store::postings::{self, Account};
use yinxin_store::{Connection, cases, ledger, orders};

/// States in which the applicant has a certificate, or is about to.
const FULFILLED: [&str; 8] = [
    "issuing",
    "ready",
    "sent",
    "revoked",
    "renewed",
    "to-ship",
    "to-invoice",
    "done",
];

/// More differences than a life can have.
const MANY: i64 = 500;

async fn balance(conn: &mut Connection, site: &SiteId, account: Account) -> i64 {
    postings::balance(conn, site, account).await.unwrap().0
}

/// fen that a provider has more than our books, by what a clerk is told.
fn more_at_theirs(difference: &Difference) -> i64 {
    let fen = |side: Option<Fen>| side.map_or(0, |fen| fen.0);
    let more = fen(difference.theirs) - fen(difference.ours);
    match difference.about {
        BillKind::Payment => more,
        BillKind::Refund => -more,
    }
}

/// Sentences about what does not hold; none when all is well.
pub async fn faults(house: &House, streets: &Streets) -> Vec<String> {
    let (site, payments) = (&house.site, &house.services.payments);
    let mut faults: Vec<String> = payments
        .check_ledger(site)
        .await
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut conn = house.store.read().await.unwrap();

    let reconciliation = &house.services.reconciliation;
    let told = reconciliation.differences(site, DifferenceState::Open, None, MANY);
    let told = told.await.unwrap();
    let mut booked = balance(&mut conn, site, Account::GatewayFees).await;
    let mut held = 0;
    for method in GATEWAYS {
        booked += balance(&mut conn, site, Account::Gateway(method)).await;
        held += streets.providers.held(method);
    }
    let named: i64 = told.iter().map(more_at_theirs).sum();
    if held != booked + named {
        faults.push(format!(
            "the providers hold {held} fen, the books say {booked}, and clerks were told of {named}: {told:#?}"
        ));
    }
    let bank = balance(&mut conn, site, Account::Gateway(Method::BankTransfer)).await;
    let held = streets.account.load(Ordering::SeqCst);
    if bank != held {
        faults.push(format!(
            "the bank holds {held} fen, and the books say {bank}"
        ));
    }

    // Each case's money and certificate.
    for case in &streets.people.cases {
        let page = house.engine.page(site, &any_clerk(), case).await.unwrap();
        let fulfilled = FULFILLED.contains(&page.state.id.as_str());
        let order = page.order.as_ref();
        let paid = order.is_some_and(|order| {
            order.share > 0 && matches!(order.state.as_str(), "paid" | "refunding")
        });
        let refunded = order.map_or(0, |order| order.refunded);
        if fulfilled && (!paid || refunded > 0) {
            faults.push(format!(
                "{case} is {} with {refunded} fen given back of {order:?}",
                page.state.id
            ));
        }
        if page.state.id == "cancelled"
            && paid
            && order.is_some_and(|order| order.refunded < order.share)
        {
            faults.push(format!(
                "{case} is cancelled, and not all of {order:?} went back"
            ));
        }
    }

    let mut accounts = BTreeSet::new();
    for case in &streets.people.cases {
        let case = cases::get(&mut conn, &sealer(), site, case).await.unwrap();
        accounts.insert(case.account);
    }
    let mut ordered = Vec::new();
    for account in &accounts {
        let own = payments.list(site, &orders_of(account), None, 50).await;
        ordered.extend(own.unwrap());
    }
    for order in ordered {
        let cases = orders::cases_of(&mut conn, site, &order.id).await.unwrap();
        for case in &cases {
            let page = house.engine.page(site, &any_clerk(), case).await.unwrap();
            let of_this = page
                .order
                .as_ref()
                .is_some_and(|found| found.id == order.id.as_str());
            if order.state == OrderState::Refunded
                && of_this
                && FULFILLED.contains(&page.state.id.as_str())
            {
                faults.push(format!(
                    "order {} was refunded, and {case} is {}",
                    order.number, page.state.id
                ));
            }
        }
    }

    if let Err(broken) = ledger::verify(&mut conn, site).await.unwrap() {
        faults.push(format!("the history is broken: {broken:?}"));
    }
    let dead = house
        .engine
        .dead_jobs(site, &clerk(), None, 50)
        .await
        .unwrap();
    faults.extend(
        dead.iter()
            .map(|job| format!("a job was given up: {job:?}")),
    );
    faults
}
