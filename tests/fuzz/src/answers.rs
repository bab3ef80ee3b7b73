//! What guests return: records of the contract with anything in them.

use crate::definition::{base, edited};
use crate::feed::Feed;
use serde_json::{Value, json};
use yinxin_capabilities::outside;
use yinxin_core::money::Fen;
use yinxin_core::rules::{Basket, CaseView, Moment};

/// The first byte chooses the rule, the second the plugin; then come edits of an honest answer, or JSON as it is.
pub fn answers(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let kind = feed.byte();
    let definition = base(feed.byte());
    let Some(lifecycle) = definition.lifecycles.first() else {
        return;
    };
    let Some(transition) = lifecycle.transitions.first() else {
        return;
    };
    let field = definition.forms[0].fields().next();
    let field = field.map_or("", |field| &field.name);
    let value = json!({ "name": field, "value": "某值" });
    let problem = json!({
        "item": field, "message": "请修改", "offer": { "label": "改用副锁", "field": field, "value": "x" }
    });
    let line = json!({
        "code": "fee", "label": "费用", "quantity": 1, "amount": 22000, "case-id": "case", "case_id": "case"
    });
    let honest = match kind % 4 {
        0 => json!({ "to": transition.to.first(), "values": [value], "note": "好" }),
        1 => json!([value]),
        2 => json!([problem]),
        _ => json!({ "lines": [line], "shipping": 1000, "handling": 0, "methods": ["Wechat"] }),
    };
    let said = if kind & 0x80 == 0 {
        edited(honest, &mut feed).to_string().into_bytes()
    } else {
        feed.rest().to_vec()
    };
    match kind % 4 {
        0 => {
            if let Some(Ok(decision)) = outside::decision(&definition, transition, &said) {
                assert!(transition.to.contains(&decision.to), "{decision:?}");
                assert!(decision.note.chars().count() <= 500, "{decision:?}");
                are_kept(&decision.values);
            }
        }
        1 => {
            if let Some(Ok(values)) = outside::values(&definition, &said) {
                for value in &values {
                    let known = definition
                        .forms
                        .iter()
                        .any(|form| form.field(&value.name).is_some());
                    assert!(known, "{value:?}");
                }
                are_kept(&values);
            }
        }
        2 => {
            if let Some(Ok(problems)) = outside::problems(&said) {
                assert!(problems.len() <= 256);
                for problem in problems {
                    assert!(!problem.message.trim().is_empty(), "{problem:?}");
                    for text in [Some(&problem.message), problem.item.as_ref()]
                        .into_iter()
                        .flatten()
                    {
                        assert!(!text.contains('\0'), "{problem:?}");
                    }
                    if let Some(offer) = problem.offer {
                        assert!(!offer.label.trim().is_empty(), "{offer:?}");
                        assert!(
                            offer.value.len() <= 8 << 10 && !offer.value.contains('\0'),
                            "{offer:?}"
                        );
                        assert!(
                            offer.field.len() <= 8 << 10 && !offer.field.contains('\0'),
                            "{offer:?}"
                        );
                    }
                }
            }
        }
        _ => {
            if let Some(Ok(quotation)) = outside::quotation(&basket(), &said) {
                let amounts = quotation.lines.iter().map(|line| line.amount);
                let sum = amounts
                    .chain([quotation.shipping, quotation.handling])
                    .try_fold(0_i64, |sum, amount| {
                        assert!(amount >= 0, "{quotation:?}");
                        sum.checked_add(amount)
                    });
                assert!(
                    sum.is_some_and(|sum| Fen(sum) <= Fen::LIMIT),
                    "{quotation:?}"
                );
                assert!(
                    sum == Some(0) || !quotation.methods.is_empty(),
                    "{quotation:?}"
                );
            }
        }
    }
    if let Ok(value) = serde_json::from_slice::<Value>(&said) {
        let _ = outside::definition(value.to_string().as_bytes());
    }
}

/// No database refuses them, and no page is too small for them.
fn are_kept(values: &[yinxin_core::rules::NamedValue]) {
    assert!(values.len() <= 256);
    for value in values {
        assert!(
            value.value.len() <= 8 << 10 && !value.value.contains('\0'),
            "{value:?}"
        );
    }
}

fn basket() -> Basket {
    Basket {
        cases: vec![CaseView {
            id: "case".into(),
            number: "1".into(),
            service: "new".into(),
            state: "draft".into(),
            created: 0,
            values: Vec::new(),
            materials: Vec::new(),
            checks: Vec::new(),
            payment: yinxin_core::money::Standing::None,
        }],
        at: Moment {
            now: 0,
            today: "2026-11-20".into(),
        },
    }
}
