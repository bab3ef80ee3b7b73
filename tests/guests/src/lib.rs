//! A plugin that misbehaves. What it does is chosen by the transition of the event: each id in [`definition::TRANSITIONS`]
//! is one way to harm a host, and `script` runs the interface calls that stand in the event's input. In the rules without
//! an event the value of the field `amount` chooses, and in `describe` a text that tests write over.
//!
//! It is built for `wasm32-unknown-unknown` by the tests; natively the crate is empty.

#![cfg(target_arch = "wasm32")]

mod calls;
mod definition;
mod harm;
mod quotes;
mod script;

wit_bindgen::generate!({
    path: [
        "../../wit/accounts", "../../wit/storage", "../../wit/payments", "../../wit/messaging", "../../wit/tokens",
        "../../wit/identity", "../../wit/certificates", "../../wit/documents", "../../wit/site",
    ],
    world: "yinxin:site/plugin",
    generate_all,
});

use exports::yinxin::site::rules::{
    Basket, CaseView, Checkpoint, Decision, Event, Guest, Moment, NamedValue, Problem, Quotation,
    Sources,
};
use yinxin::storage::storage;

struct Hostile;

export!(Hostile);

impl Guest for Hostile {
    fn describe() -> yinxin::site::definition::Definition {
        // Without a capability even this is refused; a plugin that insists on it cannot be activated.
        let _ = storage::put("described", b"yes");
        definition::described()
    }

    fn check(case: CaseView, _at: Moment, checkpoint: Checkpoint) -> Vec<Problem> {
        match checkpoint {
            Checkpoint::Step(_) => match wanted(&case.values) {
                "script" => script::problems(&case.values),
                "aliases" => harm::aliases(),
                harm => {
                    harm::doing(harm);
                    Vec::new()
                }
            },
            Checkpoint::Guard(guard) if guard == "script" => script::problems(&case.values),
            Checkpoint::Guard(guard) if guard == "too-many" => vec![problem("多"); 300],
            Checkpoint::Guard(guard) if guard == "silent" => vec![problem(" ")],
            _ => Vec::new(),
        }
    }

    fn quote(basket: Basket) -> Result<Quotation, Vec<Problem>> {
        let first = basket.cases.first().map(|case| case.values.as_slice());
        match wanted(first.unwrap_or_default()) {
            "script" => Err(script::problems(first.unwrap_or_default())),
            wanted => Ok(quotes::of(wanted)),
        }
    }

    fn prefill(sources: Sources) -> Vec<NamedValue> {
        match wanted(&sources.profile) {
            "script" => return script::values(&sources.profile),
            harm => harm::doing(harm),
        };
        sources.profile
    }

    fn handle(_case: CaseView, event: Event) -> Result<Decision, Vec<Problem>> {
        let done = |note: &str| {
            Ok(Decision {
                to: "done".into(),
                values: Vec::new(),
                note: note.into(),
            })
        };
        match event.transition.as_str() {
            "script" => return script::run(&event.input),
            "good" => {}
            "long-result" => return done(&"长".repeat(2 << 20)),
            "aliases" => return Err(harm::aliases()),
            "not-utf8" => return done(&harm::not_utf8()),
            "unknown-state" => {
                return Ok(Decision {
                    to: "paradise".into(),
                    values: Vec::new(),
                    note: String::new(),
                });
            }
            "unknown-field" => {
                let values = vec![NamedValue {
                    name: "admin".into(),
                    value: "yes".into(),
                }];
                return Ok(Decision {
                    to: "done".into(),
                    values,
                    note: String::new(),
                });
            }
            "unprintable" => return done("a\0b"),
            "decline" => {
                let _ = storage::put("k", b"v");
                return Err(vec![problem("不行")]);
            }
            harm if harm::doing(harm) => {}
            _ => return Err(vec![problem("unknown behaviour")]),
        }
        done("")
    }
}

/// What the answers ask for: a price, or a way to harm.
fn wanted(values: &[NamedValue]) -> &str {
    let found = values.iter().find(|value| value.name == "amount");
    found.map_or("", |value| value.value.as_str())
}

pub(crate) fn problem(message: &str) -> Problem {
    Problem {
        item: None,
        message: message.into(),
        offer: None,
    }
}
