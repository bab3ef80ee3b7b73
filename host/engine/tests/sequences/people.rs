//! The applicant before a life: at Fujian two certificates that will end, their renewals and one new application; at
//! Yingtan a main key and two more. All handed in, nothing ordered.

use crate::desk::said;
use crate::filling::{self, Newcomer, UNIT, USCC};
use crate::house::{House, People, Streets, any_clerk, finance};
use crate::sites::Place;
use tempfile::TempDir;
use yinxin_core::definition::Tone;
use yinxin_core::ids::{AccountId, CaseId};
use yinxin_core::money::Method;
use yinxin_core::time::Clock;
use yinxin_engine::Actor;
use yinxin_engine::views::BasketChoice;
use yinxin_services::payments::{OrderDetails, Settled, Transfer};
use yinxin_store::testing::TestStore;

/// Keeps the folder.
pub struct Template {
    pub streets: Streets,
    _folder: TempDir,
}

/// Over a database of its own, or one in the template's folder, which can be copied for every life.
pub async fn before_anybody_ordered(place: &Place, database: Option<TestStore>) -> Template {
    let folder = tempfile::tempdir().unwrap();
    let mut streets = Streets::new(place.clone(), folder.path(), People::nobody()).await;
    streets.database = database;
    let house = House::open(&streets).await;
    let applicant = filling::registered(&house, &streets, &Newcomer::first()).await;
    let applicant = applicant.unwrap();
    streets.people.applicant = applicant.clone();
    let mut cases = Vec::new();
    if place.has_plugin("fujian") {
        let mut serials = Vec::new();
        for number in ["B2026112000001", "B2026112000002"] {
            serials.push(certified(&house, &streets, &applicant, number).await);
        }
        let new = started(&house, &applicant, "fujian", "new-enterprise").await;
        cases.push(new);
        for serial in serials {
            let (engine, of) = (&house.engine, &serial);
            let renewal = "renew-enterprise";
            let begun = engine.start_from(&house.site, &applicant, "fujian", renewal, of);
            cases.push(begun.await.unwrap().case);
        }
    } else {
        for _ in 0..3 {
            cases.push(started(&house, &applicant, "yingtan", "new-certificate").await);
        }
    }
    for case in &cases {
        handed_in(&house, &applicant, case).await;
    }
    streets.people.cases = cases;
    work(&house, &streets, 60).await;
    Template {
        streets,
        _folder: folder,
    }
}

async fn started(house: &House, applicant: &AccountId, plugin: &str, service: &str) -> CaseId {
    let begun = house.engine.start(&house.site, applicant, plugin, service);
    begun.await.unwrap()
}

/// From the first page to the submission.
async fn handed_in(house: &House, applicant: &AccountId, case: &CaseId) {
    let who = Actor::Applicant(applicant.clone());
    loop {
        let page = house.engine.page(&house.site, &who, case).await.unwrap();
        if page.state.tone != Tone::Draft {
            return;
        }
        filling::fills_in(house, applicant, &page).await.unwrap();
    }
}

/// A certificate of the unit's, in its hands. Gives the serial.
pub async fn certified(
    house: &House,
    streets: &Streets,
    applicant: &AccountId,
    transfer: &str,
) -> String {
    let (engine, site) = (&house.engine, &house.site);
    let case = started(house, applicant, "fujian", "new-enterprise").await;
    handed_in(house, applicant, &case).await;
    let order = ordered(
        house,
        applicant,
        std::slice::from_ref(&case),
        Method::BankTransfer,
    )
    .await;
    let total = house
        .services
        .payments
        .order_view(site, &order)
        .await
        .unwrap()
        .total;
    let found = Transfer {
        reference: transfer,
        amount: total,
        payer: UNIT,
    };
    let mut tx = house.store.begin().await.unwrap();
    let booked = house
        .services
        .payments
        .verify_transfer(&mut tx, site, &order, &found, &finance())
        .await;
    assert_eq!(booked.unwrap(), Settled::Paid);
    tx.commit().await.unwrap();
    streets
        .account
        .fetch_add(total.0, std::sync::atomic::Ordering::SeqCst);
    work(house, streets, 5).await;
    for step in ["accept", "papers-pass", "make"] {
        let with = said(house, &case, step).await;
        engine
            .fire(site, &any_clerk(), &case, step, &with)
            .await
            .unwrap();
    }
    work(house, streets, 5).await;
    let with = said(house, &case, "ship").await;
    engine
        .fire(site, &any_clerk(), &case, "ship", &with)
        .await
        .unwrap();
    let page = engine.page(site, &any_clerk(), &case).await.unwrap();
    page.certificates[0].serial.clone()
}

/// Puts cases into an order as the applicant does.
async fn ordered(
    house: &House,
    applicant: &AccountId,
    cases: &[CaseId],
    method: Method,
) -> yinxin_core::ids::OrderId {
    let quote = house
        .engine
        .quote_basket(&house.site, applicant, cases)
        .await
        .unwrap();
    let choice = choice(method, quote.total);
    house
        .engine
        .open_basket(&house.site, applicant, cases, &choice)
        .await
        .unwrap()
}

pub fn choice(method: Method, expected_total: yinxin_core::money::Fen) -> BasketChoice {
    BasketChoice {
        method,
        details: OrderDetails {
            invoice_title: UNIT.to_owned(),
            tax_number: USCC.to_owned(),
            invoice_email: "finance@example.com".to_owned(),
            contact_name: "林雅婷".to_owned(),
            contact_mobile: filling::MOBILE.to_owned(),
            ..OrderDetails::default()
        },
        expected_total,
    }
}

/// Runs what is due, and what becomes due within `seconds`.
pub async fn work(house: &House, streets: &Streets, seconds: i64) {
    let end = streets.clock.now().plus(seconds);
    loop {
        house.engine.work_off().await.unwrap();
        let next = yinxin_store::jobs::next_due(&mut house.store.read().await.unwrap())
            .await
            .unwrap();
        match next.filter(|next| *next <= end) {
            Some(next) => {
                let wait = (next.0 - streets.clock.now().0).max(0) / 1000 + 1;
                streets.clock.advance(wait);
            }
            None => return,
        }
    }
}
