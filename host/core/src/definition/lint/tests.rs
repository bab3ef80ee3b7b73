//! Every rule of the lint, by its message.

use super::sample::{
    choice, definition, field, field_of, form, state, state_of, transition, transition_of,
};
use super::{Severity, is_fit, lint};
use crate::definition::*;
use crate::shared::Shared;

/// The messages alone, without places and helps.
pub(super) fn messages(breakage: impl FnOnce(&mut Definition)) -> Vec<String> {
    let mut definition = definition();
    breakage(&mut definition);
    lint(&definition)
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn a_definition_without_a_mistake_has_no_findings() {
    assert_eq!(messages(|_| ()), [""; 0]);
}

#[test]
fn a_warning_does_not_keep_a_definition_back() {
    let mut definition = definition();
    definition.forms.push(form(
        "unused",
        "没有用到",
        vec![field("x", "某项", FieldKind::Text)],
    ));
    let findings = lint(&definition);
    assert_eq!(
        findings.iter().map(|f| f.severity).collect::<Vec<_>>(),
        [Severity::Warning]
    );
    assert!(is_fit(&findings));
    definition.title.clear();
    let findings = lint(&definition);
    assert_eq!(
        findings.iter().map(|f| f.severity).collect::<Vec<_>>(),
        [Severity::Error, Severity::Warning]
    );
    assert!(!is_fit(&findings));
}

#[test]
fn names_are_well_formed_and_each_is_used_once() {
    assert_eq!(
        messages(|d| d.lifecycles[0].states.push(state("done", "又一个"))),
        [
            "there are two states `done`",
            "state `done` is a dead end: no transition leaves it, and it is not marked as an end",
        ]
    );
    let found = messages(|d| d.materials[0].id = "Licence".into());
    assert!(
        found.contains(&"`Licence` is no id of a material".to_owned()),
        "{found:#?}"
    );
    assert_eq!(
        messages(|d| d.version = "1.0".into()),
        ["the version `1.0` is no semantic version"]
    );
    assert_eq!(
        messages(|d| d.takes_over.push("1.0.0".into())),
        ["version `1.0.0` takes its own cases over"]
    );
}

#[test]
fn references_lead_somewhere() {
    type Breakage = fn(&mut Definition);
    let cases: [(Breakage, &str); 15] = [
        (
            |d| d.services[0].lifecycle = "gone".into(),
            "lifecycle `gone` does not exist",
        ),
        (
            |d| d.services[0].subject_field = "gone".into(),
            "field `gone` does not exist in service `new`",
        ),
        (
            |d| d.services[0].steps[0].content = StepContent::Form("gone".into()),
            "form `gone` does not exist",
        ),
        (
            |d| d.services[0].steps[1].content = StepContent::Identity("gone".into()),
            "identity check `gone` does not exist",
        ),
        (
            |d| d.services[0].steps[2].content = StepContent::Agreement("gone".into()),
            "document `gone` does not exist",
        ),
        (
            |d| d.materials[0].template = Some("gone".into()),
            "document `gone` does not exist",
        ),
        (
            |d| d.documents[0].states.push("gone".into()),
            "state `gone` does not exist",
        ),
        (
            |d| d.documents[0].blocks.push(Block::IdentityQr("gone".into())),
            "identity check `gone` does not exist",
        ),
        (
            |d| d.messages[0].to = Recipient::Field("gone".into()),
            "field `gone` does not exist in any service",
        ),
        (
            |d| state_of(d, "draft").open_steps.push("gone".into()),
            "step `gone` does not exist",
        ),
        (
            |d| transition_of(d, "submit").complete.push("gone".into()),
            "step `gone` does not exist",
        ),
        (
            |d| transition_of(d, "make").input = Some("gone".into()),
            "form `gone` does not exist",
        ),
        (
            |d| transition_of(d, "pass").to.push("gone".into()),
            "state `gone` does not exist",
        ),
        (
            |d| transition_of(d, "pass").from.push("gone".into()),
            "state `gone` does not exist",
        ),
        (
            |d| d.lifecycles[0].initial = "gone".into(),
            "state `gone` does not exist",
        ),
    ];
    for (breakage, message) in cases {
        let found = messages(breakage);
        assert!(found.iter().any(|m| m == message), "{message}: {found:#?}");
    }
}

#[test]
fn the_machine_is_sound() {
    type Breakage = fn(&mut Definition);
    let cases: [(Breakage, &str); 10] = [
        (
            |d| {
                d.lifecycles[0].transitions.push(transition(
                    "again",
                    "pay",
                    "lapsed",
                    Actor::Host(HostEvent::Paid),
                ))
            },
            "`paid` and `again` both leave state `pay` on the event `paid`",
        ),
        (
            |d| transition_of(d, "paid").actor = Actor::Host(HostEvent::SlipVerified),
            "state `pay` is payable, and nothing happens when the money has come",
        ),
        (
            |d| {
                d.lifecycles[0].transitions.push(transition(
                    "reopen",
                    "done",
                    "draft",
                    Actor::Applicant,
                ))
            },
            "state `done` ends, and transition `reopen` leads out of it",
        ),
        (
            |d| transition_of(d, "submit").judges_items = true,
            "transition `submit` judges items, and no clerk makes it",
        ),
        (
            |d| transition_of(d, "paid").input = Some("made".into()),
            "transition `paid` asks something, and nobody is there to answer",
        ),
        (
            |d| {
                transition_of(d, "lapse").actor = Actor::Timer(Timer {
                    base: TimerBase::Entered,
                    days: 0,
                    working: false,
                })
            },
            "the timer runs out 0 days after the state was entered",
        ),
        (
            |d| {
                state_of(d, "making").due = Some(Due {
                    days: 4000,
                    working: true,
                })
            },
            "it is due in 4000 days",
        ),
        (
            |d| transition_of(d, "pass").to.clear(),
            "transition `pass` has no state in its `to`",
        ),
        (
            |d| {
                d.lifecycles[0]
                    .states
                    .iter_mut()
                    .for_each(|state| state.ends = false)
            },
            "state `done` is a dead end: no transition leaves it, and it is not marked as an end",
        ),
        (
            |d| {
                state_of(d, "draft")
                    .open_steps
                    .retain(|step| step != "upload")
            },
            "step `upload` is open in no state, so nobody can do it",
        ),
    ];
    for (breakage, message) in cases {
        let found = messages(breakage);
        assert!(found.iter().any(|m| m == message), "{message}: {found:#?}");
    }
}

#[test]
fn an_administrators_way_out_needs_no_queue() {
    let cancel = |d: &mut Definition| {
        d.lifecycles[0].transitions.push(transition(
            "cancel",
            "pay",
            "lapsed",
            Actor::Clerk(Role::Administrator),
        ));
    };
    assert_eq!(messages(cancel), [""; 0]);
}

#[test]
fn fields_are_bounded_and_ask_in_order() {
    type Breakage = fn(&mut Definition);
    let cases: [(Breakage, &str); 10] = [
        (
            |d| field_of(d, "unit").max_length = 5000,
            "field `unit` takes 5000 characters",
        ),
        (
            |d| field_of(d, "lock").kind = FieldKind::Choice(vec![]),
            "there is nothing to choose",
        ),
        (
            |d| {
                field_of(d, "lock").kind =
                    FieldKind::Choice(vec![choice("main", "甲"), choice("main", "乙")])
            },
            "two choices have the value `main`",
        ),
        (
            |d| field_of(d, "lock").kind = FieldKind::Choice(vec![choice("", "请选择")]),
            "`` is no value of a choice",
        ),
        (
            |d| {
                let range = NumberRange {
                    min: 5,
                    max: 1,
                    unit: "年".into(),
                };
                field_of(d, "seal-name").kind = FieldKind::Number(range.into());
            },
            "no number is from 5 to 1",
        ),
        (
            |d| {
                field_of(d, "unit").shown_when = Some(Box::new(Condition {
                    field: "lock".into(),
                    values: vec!["sub".into()],
                }))
            },
            "field `unit` depends on `lock`, which is asked below it",
        ),
        (
            |d| {
                field_of(d, "seal-name").shown_when = Some(Box::new(Condition {
                    field: "lock".into(),
                    values: vec![],
                }))
            },
            "the condition on `lock` has no values and never holds",
        ),
        (
            |d| field_of(d, "email").kind = FieldKind::Attachment,
            "applicants are asked for an attachment",
        ),
        (
            |d| field_of(d, "email").autocomplete = "e-mail".into(),
            "no browser knows the autocomplete token `e-mail`",
        ),
        (
            |d| {
                d.forms[2].sections[0]
                    .fields
                    .push(field("lock", "锁类型", FieldKind::Text))
            },
            "field `lock` is of another kind in form `application`",
        ),
    ];
    for (breakage, message) in cases {
        let found = messages(breakage);
        assert!(found.iter().any(|m| m == message), "{message}: {found:#?}");
    }
}

#[test]
fn accounts_can_be_logged_in_to_and_recovered() {
    fn policy(d: &mut Definition) -> &mut AccountPolicy {
        d.account_policy.as_mut().unwrap()
    }
    type Breakage = fn(&mut Definition);
    let cases: [(Breakage, &str); 8] = [
        (|d| policy(d).login_ids.clear(), "nothing logs in"),
        (
            |d| policy(d).login_ids.push(LoginId::Email),
            "`email` logs in, but registration never asks for it",
        ),
        (
            |d| d.forms[0].sections[0].fields[1].required = false,
            "an account could be registered that nobody can log in to",
        ),
        (
            |d| policy(d).recovery_proofs.clear(),
            "anybody could set a new password for an account",
        ),
        (
            |d| policy(d).password_length = 6,
            "passwords of 6 characters are asked for",
        ),
        (
            |d| policy(d).mobile_field = "uscc".into(),
            "field `uscc` gets codes by SMS, but is no mobile number",
        ),
        (
            |d| policy(d).clerk_only_fields.push("gone".into()),
            "field `gone` does not exist in form `profile`",
        ),
        (
            |d| policy(d).registration_form = "gone".into(),
            "form `gone` does not exist",
        ),
    ];
    for (breakage, message) in cases {
        let found = messages(breakage);
        assert!(found.iter().any(|m| m == message), "{message}: {found:#?}");
    }
}

#[test]
fn nothing_grows_without_bound() {
    let many = |n: usize| {
        (0..n)
            .map(|i| field(&format!("f{i}"), "某项", FieldKind::Mobile))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        messages(|d| d.forms[2].sections[0].fields.extend(many(200))),
        ["there are 201 fields"]
    );
    assert_eq!(
        messages(|d| d.services = vec![d.services[0].clone(); 65])[0],
        "there are 65 services"
    );
    assert_eq!(
        messages(|d| d.title = "长".repeat(201)),
        ["the title has 201 characters"]
    );
    assert_eq!(
        messages(|d| d.summary = "长".repeat(4001)),
        ["the summary has 4001 characters"]
    );
    assert_eq!(
        messages(|d| d.materials[0].max_bytes = 60 << 20),
        ["an upload for `licence` may have 62914560 bytes"]
    );
    assert_eq!(
        messages(|d| d.materials[0].files = 21),
        [
            "material `licence` has 21 files",
            "there are 2 captions for 21 files",
        ]
    );
}

#[test]
fn texts_can_be_printed() {
    for odd in ["标\0题", "\u{202e}题标", "标\u{7}题"] {
        assert_eq!(
            messages(|d| d.title = odd.into()),
            ["the title has characters that cannot be printed"]
        );
    }
    assert_eq!(messages(|d| d.summary = "一\n二".into()), [""; 0]);
}

/// A form refuses such an answer, or reads it as another one.
#[test]
fn a_choice_that_nobody_could_make_is_none() {
    for odd in ["\u{202e}", "a\u{200b}", "a\0"] {
        let found = messages(|d| {
            let kind = FieldKind::Choice(vec![choice(odd, "选项")]);
            d.forms[0].sections[0]
                .fields
                .push(field("odd", "某项", kind));
        });
        let wanted = format!("`{}` is no value of a choice", odd.escape_debug());
        assert!(found.contains(&wanted), "{odd:?}: {found:#?}");
    }
}

/// Each of these would keep the lint busy for hours if it compared everything with everything.
#[test]
fn what_is_far_too_large_is_told_at_once() {
    let long = "x".repeat(1 << 20);
    let found = messages(|d| {
        d.services[0].lifecycle = long.clone();
        d.lifecycles[0].id = "y".repeat(1 << 20);
    });
    assert!(found.iter().all(|message| message.len() < 500), "cut");
    let many = messages(|d| {
        let states = (0..20_000).map(|n| state(&format!("s{n}"), "状态"));
        d.lifecycles[0].states.extend(states);
        let turns = (0..20_000).map(|n| {
            transition(
                &format!("t{n}"),
                &format!("s{n}"),
                &format!("s{}", n + 1),
                Actor::Applicant,
            )
        });
        d.lifecycles[0].transitions.extend(turns);
    });
    assert_eq!(many.len(), 2, "{many:#?}");
    let circle = messages(|d| {
        for transition in &mut d.lifecycles[0].transitions {
            transition.from = vec!["nowhere".into(); 10_000];
        }
    });
    assert!(
        circle[0].ends_with("states that it leads from"),
        "{circle:?}"
    );
    // Within the bounds, and every one of them wrong.
    let wrong = messages(|d| {
        for form in 0..15 {
            let fields = (0..190).map(|n| {
                let mut wrong = field(&format!("F {form} {n}"), "", FieldKind::Text);
                wrong.shown_when = Some(Box::new(Condition {
                    field: "no-such".into(),
                    values: vec!["x".into()],
                }));
                wrong
            });
            d.forms.push(form_of(&format!("f{form}"), fields.collect()));
        }
    });
    assert_eq!(wrong.len(), 500);
}

fn form_of(id: &str, fields: Vec<Field>) -> Shared<Form> {
    form(id, "表单", fields)
}
