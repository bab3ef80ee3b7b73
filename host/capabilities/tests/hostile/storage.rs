//! The plugin's own storage: what a call sees, what it leaves for the commit, and what the commit finds changed.

use crate::guest::{House, case, event, facts, site};
use std::sync::Arc;
use yinxin_capabilities::{CaseFacts, Effect, Handled, Quotas, Read, RuleError, reads};
use yinxin_store::{plugin_storage, testing};

/// What the engine does at a commit, as far as storage is concerned. False: something that was read has changed.
async fn commit(house: &House, handled: &Handled, facts: &CaseFacts) -> bool {
    let mut transaction = house.store.begin().await.unwrap();
    plugin_storage::lock(&mut transaction, &site(), "hostile")
        .await
        .unwrap();
    let sealer = &house.store.sealer;
    if !reads::hold(
        &mut transaction,
        &site(),
        "hostile",
        sealer,
        facts,
        &handled.reads,
    )
    .await
    .unwrap()
    {
        return false;
    }
    for effect in &handled.effects {
        let (key, value) = match effect {
            Effect::StoragePut { key, value } => (key, Some(value.as_slice())),
            Effect::StorageDelete { key } => (key, None),
            other => panic!("{other:?}"),
        };
        plugin_storage::write(&mut transaction, &site(), "hostile", key, value)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    true
}

#[tokio::test]
async fn a_call_sees_its_own_writes_and_nobody_else_does_before_the_commit() {
    for store in testing::stores().await {
        let house = House::open(store).await;
        let (log, handled) = house
            .script(&[
                ("get", "a"),
                ("put", "a|1"),
                ("get", "a"),
                ("put-if-absent", "a|2"),
                ("put-if-absent", "b|2"),
                ("delete", "a"),
                ("delete", "a"),
                ("get", "a"),
                ("scan", "||9"),
            ])
            .await;
        assert_eq!(
            log,
            [
                "None",
                "Ok(())",
                "Some(\"1\")",
                "Ok(false)",
                "Ok(true)",
                "Ok(true)",
                "Ok(false)",
                "None",
                "b"
            ],
            "{}",
            house.store.name
        );
        assert_eq!(house.script(&[("get", "b")]).await.0, ["None"]);
        assert!(commit(&house, &handled, &facts()).await);
        assert_eq!(
            house.script(&[("get", "b"), ("get", "a")]).await.0,
            ["Some(\"2\")", "None"]
        );
    }
}

#[tokio::test]
async fn of_two_calls_that_found_the_key_free_one_is_run_again() {
    for store in testing::stores().await {
        let house = House::open(store).await;
        let calls = [("put-if-absent", "main-key/91360600MA0000000X|case-1")];
        let (first, second) = (house.script(&calls).await, house.script(&calls).await);
        assert_eq!(
            (first.0[0].as_str(), second.0[0].as_str()),
            ("Ok(true)", "Ok(true)")
        );
        assert!(commit(&house, &first.1, &facts()).await);
        assert!(
            !commit(&house, &second.1, &facts()).await,
            "{}",
            house.store.name
        );
        assert_eq!(house.script(&calls).await.0, ["Ok(false)"]);
    }
}

#[tokio::test]
async fn a_scan_is_in_byte_order_with_the_calls_own_writes_and_is_verified() {
    for store in testing::stores().await {
        let house = House::open(store).await;
        let puts: Vec<_> = ["k/a", "k/b", "k/c", "k/Z", "k/钥", "l/a", "k%"]
            .map(|key| ("put", key))
            .into();
        let (_, handled) = house.script(&puts).await;
        assert!(commit(&house, &handled, &facts()).await);
        let (log, handled) = house
            .script(&[
                ("scan", "k/||9"),
                ("delete", "k/a"),
                ("put", "k/bb|1"),
                ("scan", "k/||3"),
                ("scan", "k/|k/bb|9"),
                ("scan", "||1000"),
            ])
            .await;
        assert_eq!(log[0], "k/Z k/a k/b k/c k/钥", "{}", house.store.name);
        assert_eq!(log[3], "k/Z k/b k/bb", "{}", house.store.name);
        assert_eq!(log[4], "k/c k/钥");
        assert_eq!(log[5], "k% k/Z k/b k/bb k/c k/钥 l/a");
        // A key that comes into the scanned run makes the scan untrue.
        let (_, other) = house.script(&[("put", "k/bc|1")]).await;
        assert!(commit(&house, &other, &facts()).await);
        assert!(!commit(&house, &handled, &facts()).await);
    }
}

#[tokio::test]
async fn facts_that_changed_are_found_too() {
    let house = House::open(testing::sqlite().await).await;
    let (_, handled) = house
        .script(&[("payment", ""), ("identity", "legal"), ("put", "k|v")])
        .await;
    assert!(
        matches!(
            handled.reads[..],
            [Read::Payment { .. }, Read::Checks { .. }]
        ),
        "{:?}",
        handled.reads
    );
    let mut changed = facts();
    changed.methods.pop();
    assert!(!commit(&house, &handled, &changed).await);
    // What was not read may change.
    let mut changed = facts();
    changed.profile.clear();
    assert!(commit(&house, &handled, &changed).await);
}

#[tokio::test]
async fn keys_values_and_room_have_their_limits() {
    let quotas = Quotas {
        storage_bytes: 100_000,
        ..Quotas::default()
    };
    let house = House::with(testing::sqlite().await, crate::guest::limits(), quotas).await;
    let long = format!("{}|v", "k".repeat(257));
    let (log, handled) = house
        .script(&[
            ("put", "|v"),
            ("put", &long),
            ("get", "a\0b"),
            ("scan", "a\0b||9"),
            ("put-zeros", "k|65537"),
            ("put-zeros", "k|65536"),
            ("put-zeros", "l|65536"),
            ("put-zeros", "k|100"),
            ("put-zeros", "l|65536"),
        ])
        .await;
    assert_eq!(&log[..4], ["Err(Error::BadKey)"; 4]);
    assert_eq!(log[4], "Err(Error::ValueTooLarge(65537))");
    assert_eq!(log[5], "Ok(())");
    assert_eq!(log[6], "Err(Error::QuotaExceeded(100000))");
    assert_eq!(&log[7..], ["Ok(())", "Ok(())"]);
    assert!(commit(&house, &handled, &facts()).await);
    assert_eq!(
        house.script(&[("put-zeros", "m|50000")]).await.0,
        ["Err(Error::QuotaExceeded(100000))"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_under_a_running_call_ends_it_for_another_try() {
    let limits = yinxin_sandbox::Limits {
        guest_time: std::time::Duration::from_secs(20),
        total_time: std::time::Duration::from_secs(60),
        ..crate::guest::limits()
    };
    let house = Arc::new(House::with(testing::sqlite().await, limits, Quotas::default()).await);
    let watching = {
        let house = house.clone();
        tokio::spawn(async move {
            house
                .plugin
                .handle(house.context(facts()), &case(), &event("watch", &[]))
                .await
        })
    };
    // Another call's commit changes the key again and again, until the watcher has seen two of its values.
    let mut round = 0;
    while !watching.is_finished() {
        round += 1;
        let (_, handled) = house.script(&[("put", &format!("watched|{round}"))]).await;
        assert!(commit(&house, &handled, &facts()).await);
    }
    let error = watching.await.unwrap().unwrap_err();
    assert!(
        matches!(
            &error,
            RuleError::Changed {
                export: "handle",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_passing());
}
