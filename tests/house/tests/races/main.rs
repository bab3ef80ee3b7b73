//! People who do the same thing at the same moment, at the real server over HTTP, on SQLite and on PostgreSQL. Each time one
//! of them wins, the others are told in words what happened, and what is kept makes sense.
//!
//! What races with a notification of a payment provider stands in `host/web/tests/gateways`, where the provider is at hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod at_once;
mod cases;
mod money;
mod registration;

use anyhow::Result;
use futures::future::BoxFuture;
use yinxin_house::{Database, House};

type Race = (
    &'static str,
    for<'h> fn(&'h House) -> BoxFuture<'h, Result<()>>,
);

macro_rules! races {
    ($($module:ident::$race:ident),+ $(,)?) => {
        [$((stringify!($race), |house| Box::pin($module::$race(house)))),+]
    };
}

/// Each in a house that the earlier ones have used: units and orders are its own.
const RACES: &[Race] = &races![
    registration::one_unit_is_registered_twice_at_once,
    cases::two_main_keys_of_a_unit_are_handed_in_at_once,
    cases::a_main_key_is_paid_while_another_is_handed_in,
    cases::two_clerks_take_one_case_at_once,
    cases::two_clerks_decide_one_case_at_once,
    cases::a_clerk_decides_while_the_applicant_withdraws,
    money::an_order_is_paid_in_two_tabs_at_once,
    money::two_clerks_book_one_transfer_at_once,
    money::one_transfer_is_booked_on_two_orders_at_once,
    money::one_statement_is_imported_twice_at_once,
    money::one_refund_is_paid_out_twice_at_once,
];

async fn all(database: Database) {
    let house = House::open(database).await.unwrap();
    let mut failed = Vec::new();
    for (name, race) in RACES {
        if let Err(error) = race(&house).await {
            failed.push(format!("{name}: {error:?}"));
        }
    }
    // Whoever won: the books balance, and the history is whole.
    for words in [["ledger", "verify"], ["audit", "verify"]] {
        if let Err(error) = house.command(&words).await {
            failed.push(format!("{words:?}: {error:?}"));
        }
    }
    assert!(failed.is_empty(), "{database:?}:\n{}", failed.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_do_it_at_once_one_wins_on_sqlite() {
    all(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_do_it_at_once_one_wins_on_postgresql() {
    all(Database::Postgres).await;
}
