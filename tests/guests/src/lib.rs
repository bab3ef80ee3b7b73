//! A plugin that misbehaves. What it does is chosen by the transition of the event: each id in [`definition::TRANSITIONS`]
//! is one way to harm a host, and `script` runs the interface calls that stand in the event's input.
//!
//! It is built for `wasm32-unknown-unknown` by the tests; natively the crate is empty.

#![cfg(target_arch = "wasm32")]

mod definition;
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
use std::hint::black_box;
use yinxin::payments::payments::{FeeLine, Method};
use yinxin::storage::storage;

struct Hostile;

export!(Hostile);

impl Guest for Hostile {
    fn describe() -> yinxin::site::definition::Definition {
        // Without a capability even this is refused; a plugin that insists on it cannot be activated.
        let _ = storage::put("described", b"yes");
        definition::definition()
    }

    fn check(_case: CaseView, _at: Moment, checkpoint: Checkpoint) -> Vec<Problem> {
        match checkpoint {
            // A pure rule that writes tells what it was answered.
            Checkpoint::Guard(guard) if guard == "writes" => {
                vec![problem(&format!("{:?}", storage::put("k", b"v")))]
            }
            Checkpoint::Guard(guard) if guard == "too-many" => vec![problem("多"); 300],
            Checkpoint::Guard(guard) if guard == "silent" => vec![problem(" ")],
            _ => Vec::new(),
        }
    }

    fn quote(basket: Basket) -> Result<Quotation, Vec<Problem>> {
        // The amount stands in the first case's field `amount`.
        let amount = basket
            .cases
            .first()
            .and_then(|case| case.values.iter().find(|value| value.name == "amount"));
        let amount = amount
            .and_then(|value| value.value.parse().ok())
            .unwrap_or(0);
        let line = FeeLine {
            code: "fee".into(),
            label: "费用".into(),
            quantity: 1,
            amount,
            case_id: String::new(),
        };
        Ok(Quotation {
            lines: vec![line],
            shipping: 0,
            handling: 0,
            methods: vec![Method::Wechat],
        })
    }

    fn prefill(sources: Sources) -> Vec<NamedValue> {
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
        match event.transition.as_str() {
            "script" => return script::run(&event.input),
            "good" => {}
            "endless" => loop {
                black_box(&case);
            },
            // Hardly any instruction of its own: all the time goes by in the host.
            "host-calls" => loop {
                let _ = black_box(storage::get("nothing"));
            },
            "many-reads" => (0u64..).for_each(|n| drop(storage::get(&n.to_string()))),
            "grow" => {
                let mut kept = Vec::new();
                loop {
                    kept.push(black_box(vec![1u8; 1 << 20]));
                }
            }
            "copy" => {
                let mut block = vec![1u8; 24 << 20];
                loop {
                    black_box(&mut block).copy_within(0..12 << 20, 12 << 20);
                }
            }
            "recurse" => return done(&deeper(case.created).to_string()),
            "long-result" => return done(&"长".repeat(2 << 20)),
            "hand-over" => puts(1, &vec![1u8; 8 << 20]),
            "many-effects" => puts(10_000_000, b"v"),
            "large-effects" => puts(1_000, &[1; 60_000]),
            "panic" => panic!("out of spite"),
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
            // Reads the same key until it changes under its feet, and then gives up loudly.
            "watch" => loop {
                if storage::get("watched").is_err() {
                    panic!("the host failed");
                }
            },
            "denied-forever" => loop {
                let _ = black_box(storage::get("k"));
            },
            _ => return Err(vec![problem("unknown behaviour")]),
        }
        done("")
    }
}

pub(crate) fn problem(message: &str) -> Problem {
    Problem {
        item: None,
        message: message.into(),
        offer: None,
    }
}

fn puts(count: u64, value: &[u8]) {
    for n in 0..count {
        let _ = storage::put(&n.to_string(), value);
    }
}

/// Needs no stack in memory, so that it is the call stack that ends.
#[inline(never)]
fn deeper(n: u64) -> u64 {
    if black_box(n) == u64::MAX {
        0
    } else {
        deeper(n + 1).wrapping_mul(3) ^ deeper(n + 2)
    }
}
