//! Every function of the contract, as `wit/` has them, where it is not granted and where nothing may be written. A function
//! that is new there fails here until the guest calls it.

use crate::guest::{House, case, component, describing, entry, event, facts, manifest, site};
use std::collections::{BTreeMap, BTreeSet};
use yinxin_capabilities::{ActivationError, Capability, Plugin, RuleError};
use yinxin_core::rules::{Basket, Checkpoint, Moment, NamedValue, Sources};
use yinxin_sandbox::Failure;
use yinxin_store::testing;

#[path = "../../../../tests/guests/src/calls.rs"]
mod calls;
use calls::CALLS;

/// What a rule may do that is asked before anything is decided. Every other function writes.
const READS: [&str; 8] = [
    "accounts.profile",
    "certificates.issued",
    "documents.latest",
    "identity.status",
    "payments.status",
    "storage.get",
    "storage.scan",
    "tokens.status",
];

/// `interface.function` of all that a plugin can import, read from `wit/`.
fn functions() -> BTreeSet<String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut resolve = wit_parser::Resolve::default();
    let packages = Capability::ALL.map(Capability::name);
    for package in packages.into_iter().chain(["site"]) {
        resolve.push_dir(root.join(package)).unwrap();
    }
    let mut worlds = resolve.worlds.iter();
    let (_, world) = worlds.find(|(_, world)| world.name == "plugin").unwrap();
    let mut found = BTreeSet::new();
    for import in world.imports.values() {
        let wit_parser::WorldItem::Interface { id, .. } = import else {
            panic!("the world imports what is no interface");
        };
        let interface = &resolve.interfaces[*id];
        let name = interface.name.as_deref().unwrap();
        let functions = interface.functions.keys();
        found.extend(functions.map(|function| format!("{name}.{function}")));
    }
    found
}

/// Name of the function and what it answered, for all of them.
type Answers = BTreeMap<&'static str, String>;

fn answers(lines: impl IntoIterator<Item = String>) -> Answers {
    let lines: Vec<String> = lines.into_iter().collect();
    assert_eq!(lines.len(), CALLS.len(), "{lines:?}");
    let named = CALLS.iter().map(|(function, ..)| *function);
    named.zip(lines).collect()
}

/// All calls in one decision.
async fn decided(house: &House, plugin: &Plugin) -> Answers {
    let calls = CALLS.iter().map(|(_, name, given)| (*name, *given));
    let calls: Vec<_> = calls.collect();
    answers(house.script_with(plugin, facts(), &calls).await.0)
}

#[test]
fn the_guest_calls_every_function_of_the_contract() {
    let called: BTreeSet<String> = CALLS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(called.len(), CALLS.len());
    assert_eq!(called, functions());
    assert!(READS.iter().all(|name| called.contains(*name)));
}

#[tokio::test]
async fn what_is_not_granted_is_denied_function_by_function() {
    let house = House::open(testing::sqlite().await).await;
    for (function, answer) in decided(&house, &house.plugin).await {
        assert!(!answer.contains("Denied"), "{function}: {answer}");
        assert!(!answer.contains("no such call"), "{function}: {answer}");
    }
    // Without one interface after the other, and without any.
    for missing in Capability::ALL.map(Some).into_iter().chain([None]) {
        let is_granted = |capability: &Capability| missing.is_some_and(|m| m != *capability);
        let grants: Vec<_> = Capability::ALL.into_iter().filter(is_granted).collect();
        let plugin = house.granted(&grants).await;
        for (function, answer) in decided(&house, &plugin).await {
            let interface = function.split('.').next().unwrap();
            let granted = grants.iter().any(|granted| granted.name() == interface);
            assert_eq!(
                answer == "Err(Error::Denied)",
                !granted,
                "{function} with {grants:?}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_denied_leaves_neither_effects_nor_reads() {
    let house = House::open(testing::sqlite().await).await;
    let plugin = house.granted(&[]).await;
    let calls = CALLS.iter().map(|(_, name, given)| (*name, *given));
    let calls: Vec<_> = calls.collect();
    let (_, handled) = house.script_with(&plugin, facts(), &calls).await;
    assert!(handled.effects.is_empty() && handled.reads.is_empty());
}

#[tokio::test]
async fn a_denied_call_is_an_answer_until_it_fills_the_log() {
    let house = House::open(testing::sqlite().await).await;
    let plugin = house.granted(&[Capability::Accounts]).await;
    let forever = event("denied-forever", &[]);
    let ended = plugin
        .handle(house.context(facts()), &case(), &forever)
        .await
        .unwrap_err();
    let RuleError::Call(error) = ended else {
        panic!("{ended}")
    };
    assert_eq!(error.failure, Failure::Log { limit: 16 << 10 });
}

#[tokio::test]
async fn a_plugin_that_describes_itself_has_no_function_at_all() {
    let house = House::open(testing::sqlite().await).await;
    let all = Capability::ALL;
    let inspect = async |component: &[u8]| -> Result<String, ActivationError> {
        let inspected = house
            .registry
            .inspect(&site(), component, &manifest("1.0.0", &all), &entry(&all))
            .await?;
        Ok(inspected.plugin.definition.summary.clone())
    };
    // It gives up when one of them is not denied, and says how many it has tried.
    let said = inspect(&describing("tries-everything")).await;
    let said = said.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(said, format!("试过 {} 个接口", functions().len()));
    assert_ne!(inspect(component()).await.unwrap(), said);
}

/// All calls in each of the rules that are asked before anything is decided.
async fn asked(house: &House) -> Vec<(&'static str, Answers)> {
    let value = |name: String, value: &str| NamedValue {
        name,
        value: value.into(),
    };
    let mut values = vec![value("amount".into(), "script")];
    let calls = CALLS.iter();
    values.extend(calls.map(|(_, name, given)| value(format!("call:{name}"), given)));
    let at = Moment {
        now: 0,
        today: "2026-11-20".into(),
    };
    let mut case = case();
    case.values = values.clone();

    let mut asked = Vec::new();
    for (rule, point) in [
        ("check of a step", Checkpoint::Step("fill".into())),
        ("check of a guard", Checkpoint::Guard("script".into())),
    ] {
        let checked = house
            .plugin
            .check(house.context(facts()), &case, &at, &point);
        let problems = checked.await.unwrap().value;
        asked.push((rule, answers(problems.into_iter().map(|p| p.message))));
    }
    let basket = Basket {
        cases: vec![case],
        at: at.clone(),
    };
    let quoted = house.plugin.quote(house.context(facts()), &basket).await;
    let problems = quoted.unwrap().value.unwrap_err();
    asked.push(("quote", answers(problems.into_iter().map(|p| p.message))));
    let sources = Sources {
        service: "new".into(),
        profile: values,
        earlier: None,
        certificate: Vec::new(),
        at,
    };
    let filled = house.plugin.prefill(house.context(facts()), &sources).await;
    let log = filled.unwrap().value.remove(0).value;
    asked.push(("prefill", answers(log.split('\n').map(str::to_owned))));
    asked
}

#[tokio::test]
async fn a_rule_that_is_asked_before_the_decision_can_read_and_not_write() {
    let house = House::open(testing::sqlite().await).await;
    let before = house.store.rows().await;
    for (rule, answers) in asked(&house).await {
        for (function, answer) in answers {
            assert_eq!(
                answer.ends_with("Err(Error::ReadOnly)"),
                !READS.contains(&function),
                "{function} in {rule}: {answer}"
            );
        }
    }
    assert_eq!(house.store.rows().await, before);
}

/// That what such a rule may call is nothing but reading.
#[tokio::test]
async fn what_reads_asks_for_nothing() {
    let house = House::open(testing::sqlite().await).await;
    let calls = CALLS.iter();
    let reads = calls.filter(|(function, ..)| READS.contains(function));
    let reads: Vec<_> = reads.map(|(_, name, given)| (*name, *given)).collect();
    assert_eq!(reads.len(), READS.len());
    let (log, handled) = house.script(&reads).await;
    assert!(handled.effects.is_empty(), "{:?}", handled.effects);
    // And that they were answered, all but by the service that this host has not.
    let refused: Vec<_> = log.iter().filter(|line| line.contains("Err(")).collect();
    assert_eq!(refused, ["Err(Error::Unavailable)"], "{log:?}");
}
