//! The same application with sixty answers in everybody's words: the host's, the contract's, the plugin's own.

use crate::bare;
use std::sync::Arc;
use yinxin_capabilities::{CallContext, CaseFacts};
use yinxin_core::money::Standing;
use yinxin_core::rules::{CaseView, Checkpoint, Moment, NamedValue};
use yinxin_guests_measured::{STEP, answers};
use yinxin_store::testing::TestStore;

const ID: &str = "01938f6e-0000-7000-8000-000000000000";
const NUMBER: &str = "20261120000001";
const TODAY: &str = "2026-11-26";
const NOW: u64 = 1_795_190_400_000;

/// What the engine hands over.
pub struct Ours {
    pub case: CaseView,
    pub at: Moment,
    pub checkpoint: Checkpoint,
    facts: Arc<CaseFacts>,
}

impl Ours {
    pub fn new() -> Self {
        let values: Vec<NamedValue> = answers()
            .into_iter()
            .map(|(name, value)| NamedValue { name, value })
            .collect();
        Self {
            case: CaseView {
                id: ID.into(),
                number: NUMBER.into(),
                service: "sixty".into(),
                state: "draft".into(),
                created: NOW,
                values: values.clone(),
                materials: Vec::new(),
                checks: Vec::new(),
                payment: Standing::None,
            },
            at: Moment {
                now: NOW,
                today: TODAY.into(),
            },
            checkpoint: Checkpoint::Step(STEP.into()),
            facts: Arc::new(CaseFacts {
                values,
                account_mobile: "13907010001".into(),
                ..CaseFacts::default()
            }),
        }
    }

    pub fn context(&self, store: &TestStore) -> CallContext {
        CallContext {
            store: store.store.clone(),
            sealer: store.sealer.clone(),
            facts: Some(self.facts.clone()),
        }
    }
}

/// What the component takes.
pub fn of_the_contract() -> (bare::CaseView, bare::Moment, bare::Checkpoint) {
    let values = answers()
        .into_iter()
        .map(|(name, value)| bare::NamedValue { name, value })
        .collect();
    let case = bare::CaseView {
        id: ID.into(),
        number: NUMBER.into(),
        service: "sixty".into(),
        state: "draft".into(),
        created: NOW,
        values,
        materials: Vec::new(),
        checks: Vec::new(),
        payment: bare::Standing::None,
    };
    let at = bare::Moment {
        now: NOW,
        today: TODAY.into(),
    };
    (case, at, bare::Checkpoint::Step(STEP.into()))
}

/// What the plugin's native code takes.
pub fn of_the_plugin() -> (yinxin_sdk::Case, yinxin_sdk::Moment, yinxin_sdk::Checkpoint) {
    let ours = Ours::new();
    // Both sides' records have the same names.
    let case = serde_json::to_value(&ours.case).and_then(serde_json::from_value);
    let at = yinxin_sdk::Moment {
        now: NOW,
        today: TODAY.into(),
    };
    let checkpoint = yinxin_sdk::Checkpoint::Step(STEP.into());
    (case.expect("the same records"), at, checkpoint)
}
