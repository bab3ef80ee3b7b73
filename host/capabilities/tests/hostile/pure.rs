//! The rules that are asked before anything is decided, and `describe`, misbehave too.

use crate::guest::{House, case, describing, entry, facts, limits, manifest, registry, site};
use std::time::Duration;
use yinxin_capabilities::{ActivationError, CallContext, Capability, CaseFacts, RuleError};
use yinxin_core::rules::{Basket, Checkpoint, Moment, NamedValue, Sources};
use yinxin_sandbox::{Failure, Limits};
use yinxin_store::testing;

fn moment() -> Moment {
    Moment {
        now: 0,
        today: "2026-11-20".into(),
    }
}

fn wish(harm: &str) -> NamedValue {
    NamedValue {
        name: "amount".into(),
        value: harm.into(),
    }
}

/// What the harm ends in, in any export that does not write.
fn ends(harm: &str, failure: &Failure) -> bool {
    match harm {
        "endless" | "copy" => matches!(failure, Failure::GuestTime { .. }),
        "grow" | "grow-at-once" => matches!(failure, Failure::Memory { .. }),
        "copy-beyond" => matches!(failure, Failure::Trap { .. }),
        "recurse" => matches!(failure, Failure::StackOverflow),
        "hand-over" => matches!(failure, Failure::HostCallBytes { .. }),
        "panic" => matches!(failure, Failure::Panic),
        other => panic!("{other}"),
    }
}

const HARMS: [&str; 8] = [
    "endless",
    "copy",
    "grow",
    "grow-at-once",
    "copy-beyond",
    "recurse",
    "hand-over",
    "panic",
];

/// Of a limit other than time, time must not come first on a busy machine.
fn limits_for(harm: &str) -> Limits {
    let guest_time = match harm {
        "endless" | "copy" => Duration::from_millis(150),
        _ => Duration::from_secs(20),
    };
    Limits {
        guest_time,
        total_time: Duration::from_secs(60),
        ..limits()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_quote_and_prefill_are_stopped_as_handle_is() {
    let store = testing::sqlite().await;
    let patient = House::open(store).await;
    for harm in HARMS {
        let registry = registry(limits_for(harm));
        registry
            .load(&patient.store, &site(), &[entry(&Capability::ALL)])
            .await
            .unwrap();
        let plugin = registry.plugin(&site(), "hostile").unwrap();
        let context = || -> CallContext { patient.context(facts()) };
        let failure = |export: &str, error: RuleError| match error {
            RuleError::Call(error) => {
                assert_eq!((error.plugin.as_str(), error.export), ("hostile", export));
                assert!(ends(harm, &error.failure), "{export}, {harm}: {error}");
            }
            other => panic!("{export}, {harm}: {other}"),
        };

        let mut harmful = case();
        harmful.values.push(wish(harm));
        let step = Checkpoint::Step("fill".into());
        let checked = plugin.check(context(), &harmful, &moment(), &step).await;
        failure("check", checked.unwrap_err());

        let basket = Basket {
            cases: vec![harmful.clone()],
            at: moment(),
        };
        let without_case = patient.context(CaseFacts::default());
        let quoted = plugin.quote(without_case, &basket).await;
        failure("quote", quoted.unwrap_err());

        let sources = Sources {
            service: "new".into(),
            profile: vec![wish(harm)],
            earlier: None,
            certificate: Vec::new(),
            at: moment(),
        };
        let filled = plugin.prefill(context(), &sources).await;
        failure("prefill", filled.unwrap_err());

        let good = Checkpoint::Step("papers".into());
        let good = plugin.check(context(), &case(), &moment(), &good).await;
        assert!(good.unwrap().value.is_empty(), "after {harm}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_describe_that_does_harm_does_not_go_live() {
    let all = Capability::ALL;
    for harm in HARMS {
        // Writing is denied here, and so are the bytes that would go with it: it comes back.
        if harm == "hand-over" {
            continue;
        }
        let registry = registry(limits_for(harm));
        let described = registry
            .inspect(
                &site(),
                &describing(harm),
                &manifest("1.0.0", &all),
                &entry(&all),
            )
            .await;
        match described.err() {
            Some(ActivationError::Describe(error)) => {
                assert_eq!(
                    (error.plugin.as_str(), error.export),
                    ("hostile", "describe")
                );
                assert!(ends(harm, &error.failure), "{harm}: {error}");
            }
            other => panic!("{harm}: {other:?}"),
        }
        assert!(registry.plugin(&site(), "hostile").is_none());
    }
}
