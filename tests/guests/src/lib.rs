//! A plugin that misbehaves. What it does is chosen by the transition of the event: each id in [`definition::TRANSITIONS`]
//! is one way to harm a host, and `script` runs the interface calls that stand in the event's input. Where others than the
//! applicant move a case, its field `told` chooses; in `check` and `quote` the field `amount` does, in `quote` alone the
//! field `quoted`, in `prefill` the service or the profile's `amount`, and in `describe` a text that tests write over.
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
            Checkpoint::Step(_) => match wanted(&case.values, "amount") {
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
        let first = first.unwrap_or_default();
        let wanted = match wanted(first, "quoted") {
            "" => wanted(first, "amount"),
            quoted => quoted,
        };
        if wanted == "script" {
            return Err(script::problems(first));
        }
        Ok(quotes::of(wanted))
    }

    fn prefill(sources: Sources) -> Vec<NamedValue> {
        let value = |name: &str, value: String| {
            vec![NamedValue {
                name: name.into(),
                value,
            }]
        };
        let begins = sources.service.strip_prefix("begins-");
        match begins.unwrap_or_else(|| wanted(&sources.profile, "amount")) {
            "script" => return script::values(&sources.profile),
            "unknown-field" => return value("admin", "yes".into()),
            "not-utf8" => return value("unit", harm::not_utf8()),
            "long" => return value("unit", "长".repeat(350_000)),
            "aliases" => return harm::alias_values(),
            "unprintable" => return value("unit", "a\0b".into()),
            harm => {
                harm::doing(harm);
            }
        }
        sources.profile
    }

    fn handle(case: CaseView, event: Event) -> Result<Decision, Vec<Problem>> {
        let done = |note: &str| {
            Ok(Decision {
                to: "done".into(),
                values: Vec::new(),
                note: note.into(),
            })
        };
        let told = event.transition.starts_with("told-");
        let behaviour = match (told, wanted(&case.values, "told")) {
            (false, _) => event.transition.as_str(),
            (true, "") => {
                return Ok(Decision {
                    to: match event.transition.as_str() {
                        "told-issued" | "told-late" => "done",
                        _ => "making",
                    }
                    .into(),
                    values: Vec::new(),
                    note: String::new(),
                });
            }
            (true, told) => told,
        };
        match behaviour {
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

/// What this answer asks for: a price, or a way to harm.
fn wanted<'a>(values: &'a [NamedValue], name: &str) -> &'a str {
    let found = values.iter().find(|value| value.name == name);
    found.map_or("", |value| value.value.as_str())
}

pub(crate) fn problem(message: &str) -> Problem {
    Problem {
        item: None,
        message: message.into(),
        offer: None,
    }
}
