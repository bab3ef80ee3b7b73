//! One site never sees another's rows: every function of the store is called by a site on what belongs to another.
//!
//! Each module holds the attempts on one aggregate: how its rows are written, and one line for each function. The line
//! both makes the call and says that it was made, and `sources` compares those lines with what host/store/src has. How a
//! call is judged stands in `trial`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod plans;
mod sources;
#[macro_use]
mod trial;

/// Names the modules once: to compile them, to try them, and to know what they try.
macro_rules! aggregates {
    ($($module:ident),+ $(,)?) => {
        $(mod $module;)+

        /// What is tried, as `module::function`.
        const TRIED: &[&[&str]] = &[$($module::TRIED),+];

        mod one_site_never_sees_anothers {
            $(
                #[tokio::test]
                async fn $module() {
                    for store in yinxin_store::testing::stores().await {
                        let keys = crate::$module::keys();
                        let mut trial = crate::trial::Trial::new(store);
                        for _ in 0..2 {
                            let mut tx = trial.store.begin().await.unwrap();
                            crate::$module::write(&mut tx, &trial.sealer, trial.owner(), &keys).await;
                            tx.commit().await.unwrap();
                            trial.begin_round().await;
                            crate::$module::attempt(&mut trial, &keys).await;
                            trial.end_round();
                        }
                    }
                }
            )+
        }
    };
}

aggregates! {
    account_events,
    accounts,
    allocations,
    blobs,
    books,
    bound_certificates,
    cases,
    certificates,
    clerks,
    codes,
    dossiers,
    downloads,
    files,
    gateway_notifications,
    identity_checks,
    invoices,
    issuers,
    jobs,
    ledger,
    login_attempts,
    materials,
    messages,
    notices,
    order_events,
    orders,
    pages,
    papers,
    payments,
    plugin_storage,
    plugins,
    postings,
    rate_limits,
    reconciliations,
    refunds,
    sessions,
    statements,
}
