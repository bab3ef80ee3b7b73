//! Each misbehaviour ends in its own error, leaves nothing behind, and does not spoil the next call.

use crate::guest::{House, case, facts};
use std::collections::BTreeMap;
use std::time::Duration;
use yinxin_capabilities::{CaseFacts, Quotas, RuleError};
use yinxin_core::rules::{Basket, Checkpoint, Moment, NamedValue, Sources};
use yinxin_sandbox::{Failure, Limits};
use yinxin_store::testing;

fn failure(error: RuleError) -> Failure {
    match error {
        RuleError::Call(error) => {
            assert_eq!((error.plugin.as_str(), error.export), ("hostile", "handle"));
            error.failure
        }
        other => panic!("{other}"),
    }
}

/// Rows of every table, its own storage among them. Nobody commits here: whatever comes to stand there was written by a
/// call behind its caller's back.
async fn rows(house: &House) -> BTreeMap<String, i64> {
    house.store.rows().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_misbehaviour_is_named_and_the_next_call_is_well() {
    let short = crate::guest::limits();
    // Where another limit than time is to be met, a busy machine must not let time be met first.
    let slow_guest = Limits {
        guest_time: Duration::from_secs(20),
        ..short.clone()
    };
    let patient = Limits {
        total_time: Duration::from_secs(60),
        ..slow_guest.clone()
    };
    let time = Failure::GuestTime {
        limit: short.guest_time,
    };
    let total = Failure::TotalTime {
        limit: short.total_time,
    };
    let out_of_bounds = Failure::Trap {
        kind: "wasm trap: out of bounds memory access".into(),
    };
    let groups = [
        (
            short,
            vec![
                ("endless", time.clone()),
                ("copy", time.clone()),
                ("many-messages", time),
            ],
        ),
        (
            slow_guest,
            vec![("host-calls", total.clone()), ("scans", total)],
        ),
        (
            patient,
            vec![
                ("many-reads", Failure::Reads { limit: 100 }),
                ("recurse", Failure::StackOverflow),
                ("long-result", Failure::ResultTooLarge { limit: 4 << 20 }),
                ("aliases", Failure::ResultTooLarge { limit: 4 << 20 }),
                ("hand-over", Failure::HostCallBytes { limit: 4 << 20 }),
                ("alias-arguments", Failure::HostCallBytes { limit: 4 << 20 }),
                ("copy-beyond", out_of_bounds),
                ("many-effects", Failure::EffectsCount { limit: 200 }),
                ("large-effects", Failure::EffectsBytes { limit: 1 << 20 }),
                ("panic", Failure::Panic),
            ],
        ),
    ];
    for (limits, expected) in groups {
        let house = House::with(testing::sqlite().await, limits, Quotas::default()).await;
        let before = rows(&house).await;
        for (behaviour, expected) in expected {
            let outcome = house.handle(behaviour).await;
            let found = failure(
                outcome
                    .err()
                    .unwrap_or_else(|| panic!("{behaviour} came back")),
            );
            assert_eq!(found, expected, "{behaviour}");
            assert!(house.handle("good").await.is_ok(), "after {behaviour}");
        }
        assert_eq!(rows(&house).await, before);
    }
    let house = House::open(testing::sqlite().await).await;
    let before = rows(&house).await;
    for (behaviour, least) in [("grow", 32 << 20), ("grow-at-once", 65_000 << 16)] {
        let grown = failure(house.handle(behaviour).await.unwrap_err());
        assert!(
            matches!(grown, Failure::Memory { limit, wanted } if limit == 32 << 20 && wanted > least),
            "{grown}"
        );
        assert!(house.handle("good").await.is_ok(), "after {behaviour}");
    }
    let no_text = failure(house.handle("not-utf8").await.unwrap_err());
    assert!(matches!(no_text, Failure::BadResult { .. }), "{no_text}");
    // Large and well within what a call may do.
    assert!(house.handle("copy-once").await.is_ok());
    assert_eq!(rows(&house).await, before);
}

/// Whatever transition the guest has, one call of it comes back; what it says of itself is not needed for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_transition_takes_the_sandbox_with_it() {
    let house = House::with(
        testing::sqlite().await,
        crate::guest::limits(),
        Quotas::default(),
    )
    .await;
    let before = rows(&house).await;
    let lifecycle = &house.plugin.definition.lifecycles[0];
    let mut contained = 0;
    for transition in &lifecycle.transitions {
        contained += usize::from(house.handle(&transition.id).await.is_err());
        assert!(house.handle("good").await.is_ok(), "{}", transition.id);
    }
    assert!(
        contained >= 20,
        "{contained} of {}",
        lifecycle.transitions.len()
    );
    assert_eq!(rows(&house).await, before);
}

#[tokio::test]
async fn an_answer_that_contradicts_the_definition_is_refused() {
    let house = House::open(testing::sqlite().await).await;
    let refused = async |transition: &str| match house.handle(transition).await {
        Err(RuleError::Answer { fault, .. }) => fault.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        refused("unknown-state").await,
        "it leads to `paradise`, where `unknown-state` does not lead"
    );
    assert_eq!(
        refused("unknown-field").await,
        "it sets `admin`, which no form has"
    );
    assert!(refused("unprintable").await.contains("cannot be printed"));
    assert_eq!(
        refused("no-such").await,
        "the service `new` has no transition `no-such`"
    );
}

#[tokio::test]
async fn a_rule_that_declines_asks_for_nothing() {
    let house = House::open(testing::sqlite().await).await;
    let before = rows(&house).await;
    let declined = house.handle("decline").await.unwrap();
    assert_eq!(declined.result.unwrap_err()[0].message, "不行");
    assert!(declined.effects.is_empty());
    assert_eq!(rows(&house).await, before);
}

#[tokio::test]
async fn the_answers_of_a_pure_rule_are_bounded() {
    let house = House::open(testing::sqlite().await).await;
    let at = Moment {
        now: 0,
        today: "2026-11-20".into(),
    };
    let check = async |guard: &str| {
        let guard = Checkpoint::Guard(guard.into());
        house
            .plugin
            .check(house.context(facts()), &case(), &at, &guard)
            .await
    };
    assert!(check("nothing").await.unwrap().value.is_empty());
    assert!(
        check("too-many")
            .await
            .unwrap_err()
            .to_string()
            .contains("more than 256 problems")
    );
    assert!(
        check("silent")
            .await
            .unwrap_err()
            .to_string()
            .contains("`check`: the answer is refused")
    );

    let quote = async |amount: &str| {
        let mut priced = case();
        priced.values.push(NamedValue {
            name: "amount".into(),
            value: amount.into(),
        });
        let basket = Basket {
            cases: vec![priced],
            at: at.clone(),
        };
        house
            .plugin
            .quote(house.context(CaseFacts::default()), &basket)
            .await
    };
    assert_eq!(
        quote("22000").await.unwrap().value.unwrap().lines[0].amount,
        22000
    );
    let most = i64::MAX.to_string();
    for (lie, why) in [
        ("-1", "negative"),
        (most.as_str(), "above the limit"),
        ("sum-overflows", "above the limit"),
        ("lines-overflow", "above the limit"),
        ("least", "negative"),
        ("shipping-negative", "negative"),
        ("shipping-overflows", "above the limit"),
        ("handling-least", "negative"),
        ("back-and-forth", "negative"),
        ("many-lines", "lines"),
        ("stranger", "not in the basket"),
        ("no-method", "no way to pay"),
        ("nameless", "characters"),
        ("long-name", "characters"),
    ] {
        let refused = quote(lie).await.unwrap_err();
        assert!(matches!(refused, RuleError::Answer { .. }), "{lie}");
        let refused = refused.to_string();
        assert!(refused.contains(why), "{lie}: {refused}");
        assert!(refused.len() < 300, "{lie}: {refused}");
    }

    let prefill = async |name: &str| {
        let profile = vec![NamedValue {
            name: name.into(),
            value: "v".into(),
        }];
        let sources = Sources {
            service: "new".into(),
            profile,
            earlier: None,
            certificate: Vec::new(),
            at: at.clone(),
        };
        house.plugin.prefill(house.context(facts()), &sources).await
    };
    assert_eq!(prefill("unit").await.unwrap().value[0].name, "unit");
    assert!(
        prefill("admin")
            .await
            .unwrap_err()
            .to_string()
            .contains("`admin`")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_calls_come_through_among_bad_ones() {
    let house = std::sync::Arc::new(House::open(testing::sqlite().await).await);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        for behaviour in ["endless", "grow", "panic", "good", "good", "good"] {
            let house = house.clone();
            // Spawned: that a call can move between threads is part of what is tested.
            calls.spawn(async move { (behaviour, house.handle(behaviour).await.is_ok()) });
        }
    }
    while let Some(outcome) = calls.join_next().await {
        let (behaviour, well) = outcome.unwrap();
        assert_eq!(well, behaviour == "good", "{behaviour}");
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_not_the_plugins_fault() {
    let house = House::open(testing::sqlite().await).await;
    house.store.close().await;
    // The guest panics when it is told so; the database is named all the same.
    let error = house.handle("watch").await.unwrap_err();
    assert!(
        matches!(
            &error,
            RuleError::Store {
                export: "handle",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_passing());
}
