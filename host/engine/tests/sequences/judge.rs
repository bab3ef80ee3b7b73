//! What must hold when a life has come to rest.

use crate::house::{House, Streets, any_clerk, clerk};
use std::sync::atomic::Ordering;
use yinxin_core::money::{Fen, Method};
use yinxin_services::payments::OrderState;
use yinxin_store::postings::{self, Account};
use yinxin_store::{ledger, orders};

/// States in which the applicant has a certificate, or is about to.
const FULFILLED: [&str; 5] = ["issuing", "ready", "sent", "revoked", "renewed"];

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

    for (method, held) in [
        (Method::Wechat, streets.wechat.holds()),
        (Method::Alipay, streets.alipay.holds()),
        (
            Method::BankTransfer,
            Fen(streets.account.load(Ordering::SeqCst)),
        ),
    ] {
        let booked = postings::balance(&mut conn, site, Account::Gateway(method))
            .await
            .unwrap();
        if booked != held {
            faults.push(format!(
                "{method:?} holds {held}, and the books say {booked}"
            ));
        }
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

    for order in payments
        .orders_of(site, &streets.people.applicant, None, 50)
        .await
        .unwrap()
    {
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
