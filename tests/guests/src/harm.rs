//! Ways to harm that any export can go: by time, by memory, by calls.

use crate::exports::yinxin::site::rules::{NamedValue, Problem};
use crate::yinxin::messaging::messaging;
use crate::yinxin::storage::storage;
use std::hint::black_box;

/// Goes the way of this name; false where there is none. Most do not come back.
pub(crate) fn doing(harm: &str) -> bool {
    match harm {
        "endless" => loop {
            black_box(harm);
        },
        // Hardly any instruction of its own: all the time goes by in the host.
        "host-calls" => loop {
            let _ = black_box(storage::get("nothing"));
        },
        // Each is a large answer of the database's, and the same one again, which the host keeps one record of.
        "scans" => loop {
            let _ = black_box(storage::scan("", None, 100));
        },
        "many-reads" => (0u64..).for_each(|n| drop(storage::get(&n.to_string()))),
        "grow" => {
            let mut kept = Vec::new();
            loop {
                kept.push(black_box(vec![1u8; 1 << 20]));
            }
        }
        // All that 32 bits can address, in one go.
        "grow-at-once" => {
            black_box(core::arch::wasm32::memory_grow::<0>(65_000));
        }
        "copy" => {
            let mut block = vec![1u8; 24 << 20];
            loop {
                black_box(&mut block).copy_within(0..12 << 20, 12 << 20);
            }
        }
        // One instruction over nearly all the memory that there is: nothing can interrupt it, and it is soon over.
        "copy-once" => {
            let mut block = vec![1u8; 28 << 20];
            black_box(&mut block).copy_within(0..14 << 20, 14 << 20);
        }
        // One instruction over more than there is.
        "copy-beyond" => {
            let from = black_box(1024) as *const u8;
            let to = black_box(1 << 20) as *mut u8;
            // SAFETY: none; it has to trap.
            unsafe { std::ptr::copy(from, to, black_box(3 << 30)) };
        }
        "recurse" => {
            black_box(deeper(black_box(1)));
        }
        "hand-over" => puts(1, &vec![1u8; 8 << 20]),
        "alias-arguments" => alias_arguments(),
        "many-effects" => puts(10_000_000, b"v"),
        "large-effects" => puts(1_000, &[1; 60_000]),
        "many-messages" => (0..10_000_000).for_each(|_| {
            let _ = black_box(messaging::send("handler", &[]));
        }),
        "panic" => panic!("out of spite"),
        // Reads the same key until it changes under its feet, and then gives up loudly.
        "watch" => loop {
            if storage::get("watched").is_err() {
                panic!("the host failed");
            }
        },
        "denied-forever" => loop {
            let _ = black_box(storage::get("k"));
        },
        _ => return false,
    }
    true
}

/// A hundred sentences that are one and the same megabyte: what is small here would be large at the host.
pub(crate) fn aliases() -> Vec<Problem> {
    let sentence = megabyte();
    let alias = || Problem {
        item: None,
        message: alias_of(sentence),
        offer: None,
    };
    (0..100).map(|_| alias()).collect()
}

/// The same as values.
pub(crate) fn alias_values() -> Vec<NamedValue> {
    let text = megabyte();
    let alias = || NamedValue {
        name: "unit".into(),
        value: alias_of(text),
    };
    (0..100).map(|_| alias()).collect()
}

/// The same on the way into a host's function.
fn alias_arguments() {
    let value = megabyte();
    let alias = |n: usize| messaging::Parameter {
        name: n.to_string(),
        value: alias_of(value),
    };
    let parameters: Vec<_> = (0..100).map(alias).collect();
    let _ = black_box(messaging::send("told", &parameters));
    // Dropped, the texts would be given back a hundred times.
    std::mem::forget(parameters);
}

fn megabyte() -> &'static str {
    Box::leak("长".repeat(350_000).into_boxed_str())
}

fn alias_of(text: &'static str) -> String {
    // SAFETY: none by the rules of the language: many own one text. Nobody drops any of them before the host has read.
    unsafe { String::from_raw_parts(text.as_ptr().cast_mut(), text.len(), text.len()) }
}

/// A text that is none.
pub(crate) fn not_utf8() -> String {
    // SAFETY: none; that the host finds out is what is tried.
    unsafe { String::from_utf8_unchecked(black_box(vec![0xff, 0xfe, 0xc0])) }
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
