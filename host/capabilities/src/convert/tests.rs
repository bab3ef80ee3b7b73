//! Both sides have the same names, so that the serialised forms hold them together.

use super::*;
use crate::given::{basket, case, checkpoint, event, sources};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use yinxin_core::definition as core;
use yinxin_core::rules::{
    Basket, CaseView, CertificateFact, CheckView, Checkpoint, Event, Fact, ItemJudgement,
    ItemStanding, MaterialView, Moment, NamedValue, PaymentFact, Sources,
};

fn same(found: impl Serialize, expected: impl Serialize) {
    assert_eq!(
        serde_json::to_value(found).unwrap(),
        serde_json::to_value(expected).unwrap()
    );
}

/// A definition in which every record, enum and variant of the contract occurs; `every_case` below sees to that.
fn definition_with_everything() -> Value {
    let condition = json!({ "field": "lock", "values": ["main"] });
    let kinds = [
        json!("Text"),
        json!("Multiline"),
        json!("PersonName"),
        json!("OrganisationName"),
        json!("Uscc"),
        json!("IdentityNumber"),
        json!("TaxNumber"),
        json!("Mobile"),
        json!("Phone"),
        json!("Email"),
        json!("Postcode"),
        json!("Address"),
        json!("Region"),
        json!("Date"),
        json!({ "Number": { "min": -1, "max": 9, "unit": "年" } }),
        json!("Money"),
        json!({ "Choice": [{ "value": "main", "label": "主锁", "hint": "" }] }),
        json!("Flag"),
        json!("Username"),
        json!("SecretAnswer"),
        json!("TrackingNumber"),
        json!("CertificateRequest"),
        json!("Attachment"),
    ];
    let fields: Vec<_> = kinds
        .into_iter()
        .enumerate()
        .map(|(number, kind)| {
            json!({ "name": format!("f{number}"), "label": "字段", "hint": "", "kind": kind, "required": true,
                    "max_length": 9, "shown_when": condition, "autocomplete": "off" })
        })
        .collect();
    let services: Vec<_> = [
        "New", "Renewal", "Reissue", "Inspection", "Change", "Freeze", "Restore", "Revoke", "KeyRecovery", "Bind",
    ]
    .into_iter()
    .zip(["Single", "Basket"].into_iter().cycle())
    .map(|(kind, ordering)| {
        let contents = [
            json!({ "Agreement": "terms" }), json!({ "Form": "unit" }), json!({ "Documents": ["letter"] }),
            json!({ "Identity": "legal" }), json!({ "Materials": ["licence"] }), json!("Summary"), json!("Token"),
        ];
        let step = |content| json!({ "id": "s", "title": "t", "hint": "h", "content": content });
        json!({ "id": "new", "kind": kind, "title": "t", "summary": "s", "price_note": "p", "time_note": "t",
                "at_hand": ["a"], "lifecycle": "l", "steps": contents.map(step), "ordering": ordering,
                "receipts": [{ "document": "letter", "methods": ["Wechat", "Alipay", "Cpcn", "BankTransfer"] }],
                "from_certificate": true, "subject_field": "f0" })
    })
    .collect();
    let blocks = [
        json!({ "Heading": "h" }),
        json!({ "Paragraph": "p" }),
        json!({ "Table": [{ "label": "l", "text": "{f0}" }] }),
        json!({ "IdentityQr": "legal" }),
        json!("NumberQr"),
        json!("OrderCases"),
        json!({ "Stamps": [{ "label": "章", "width_mm": 40, "height_mm": 40 }] }),
        json!({ "Signatures": ["签名"] }),
        json!({ "Note": "n" }),
        json!("PageBreak"),
    ];
    let host_events = [
        "IdentityPassed",
        "IdentityFailed",
        "Paid",
        "Refunded",
        "SlipVerified",
        "TokenDone",
        "TokenFailed",
        "Issued",
        "IssueFailed",
        "Delivered",
        "Invoiced",
    ];
    let roles = ["Reviewer", "Finance", "Maker", "Shipper", "Administrator"];
    let mut actors = vec![json!("Applicant")];
    actors.extend(roles.iter().map(|role| json!({ "Clerk": role })));
    actors.extend(host_events.iter().map(|event| json!({ "Host": event })));
    actors.extend(
        ["Entered", "CertificateExpiry"]
            .map(|base| json!({ "Timer": { "base": base, "days": -3, "working": true } })),
    );
    let transitions: Vec<_> = actors
        .into_iter()
        .map(|actor| {
            json!({ "id": "t", "label": "l", "from": ["a"], "to": ["b"], "actor": actor, "guards": ["g"],
                    "input": "unit", "complete": ["s"], "judges_items": true, "confirm": "sure", "negative": false })
        })
        .collect();
    let states: Vec<_> = ["Draft", "Waiting", "Action", "Done", "Refused"]
        .into_iter()
        .map(|tone| {
            json!({ "id": "a", "applicant_label": "x", "clerk_label": "y", "next": "n", "tone": tone,
                    "open_steps": ["s"], "queue": "Maker", "payable": true, "due": { "days": 2, "working": true },
                    "ends": false, "deletable": true })
        })
        .collect();
    json!({
        "id": "everything", "version": "1.0.0", "title": "t", "summary": "s",
        "account_policy": {
            "login_ids": ["Uscc", "Mobile", "Email", "Username"], "registration_form": "unit", "profile_form": "unit",
            "registration_proofs": ["PictureCode", "SmsCode"], "login_proofs": [], "recovery_proofs": ["SmsCode"],
            "password_length": 8, "clerk_only_fields": ["f0"], "name_field": "f0", "mobile_field": "f7",
        },
        "services": services,
        "forms": [{ "id": "unit", "title": "t",
                    "sections": [{ "id": "s", "title": "t", "hint": "h", "fields": fields }] }],
        "materials": [{ "id": "licence", "title": "t", "hint": "h",
                        "formats": ["Jpeg", "Png", "Bmp", "Pdf", "Zip", "Rar"], "max_bytes": 1048576, "files": 2,
                        "captions": ["正面", "背面"], "required": true, "shown_when": condition, "template": "letter",
                        "refusal_reasons": ["r"] }],
        "checks": [{ "id": "legal", "title": "t", "hint": "h", "name_field": "f2", "number_field": "f5" }],
        "documents": [{ "id": "letter", "title": "t", "blocks": blocks, "shown_when": condition, "states": ["a"] }],
        "messages": [
            { "id": "passed", "to": "Account",
              "content": { "Sms": { "template_code": "SMS_1", "text": "{a}", "parameters": ["a"] } } },
            { "id": "invoice", "to": { "Field": "f9" },
              "content": { "Mail": { "subject": "s", "body": "b", "attachments": ["f22"] } } },
        ],
        "lifecycles": [{ "id": "l", "initial": "a", "states": states, "transitions": transitions }],
        "guards": ["g"],
        "takes_over": ["0.9.0"],
    })
}

#[test]
fn a_definition_with_every_variant_crosses_both_ways() {
    let written = definition_with_everything();
    let in_host: core::Definition = serde_json::from_value(written.clone()).unwrap();
    let in_bindings: WitDefinition =
        serde_json::from_value(serde_json::to_value(&in_host).unwrap()).unwrap();
    assert_eq!(definition(&in_bindings).unwrap(), in_host);
    same(&in_bindings, &in_host);
    same(&in_host, &written);
}

#[test]
fn every_case_of_the_contract_stands_in_the_sample() {
    let mut resolve = wit_parser::Resolve::default();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    for package in [
        "accounts",
        "storage",
        "payments",
        "messaging",
        "tokens",
        "identity",
        "certificates",
        "documents",
        "site",
    ] {
        resolve.push_dir(root.join(package)).unwrap();
    }
    let (_, interface) = resolve
        .interfaces
        .iter()
        .find(|(_, i)| i.name.as_deref() == Some("definition"))
        .unwrap();
    let mut wanted = BTreeSet::new();
    for id in interface.types.values() {
        match &resolve.types[*id].kind {
            wit_parser::TypeDefKind::Enum(found) => {
                wanted.extend(found.cases.iter().map(|case| camel(&case.name)))
            }
            wit_parser::TypeDefKind::Variant(found) => {
                wanted.extend(found.cases.iter().map(|case| camel(&case.name)))
            }
            wit_parser::TypeDefKind::Record(found) => {
                wanted.extend(
                    found
                        .fields
                        .iter()
                        .map(|field| field.name.replace('-', "_")),
                );
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    words(&definition_with_everything(), &mut found);
    let missing: Vec<_> = wanted.difference(&found).collect();
    assert!(wanted.len() > 150, "the contract was read");
    assert!(missing.is_empty(), "not in the sample: {missing:?}");
}

fn camel(name: &str) -> String {
    name.split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

fn words(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            found.insert(text.clone());
        }
        Value::Array(items) => items.iter().for_each(|item| words(item, found)),
        Value::Object(fields) => {
            for (name, value) in fields {
                found.insert(name.clone());
                words(value, found);
            }
        }
        _ => {}
    }
}

fn value(name: &str) -> NamedValue {
    NamedValue {
        name: name.into(),
        value: format!("值 of {name}"),
    }
}

fn sample_case(payment: money::Standing) -> CaseView {
    use identity::Standing::{Failed, None, Passed, Waiting};
    let material = |standing| MaterialView {
        material: "licence".into(),
        files: 2,
        standing,
        reason: "r".into(),
    };
    let standings = [
        ItemStanding::Missing,
        ItemStanding::Uploaded,
        ItemStanding::Passed,
        ItemStanding::Refused,
    ];
    CaseView {
        id: "id".into(),
        number: "20261120-1".into(),
        service: "new".into(),
        state: "draft".into(),
        created: u64::MAX,
        values: vec![value("unit"), value("mobile")],
        materials: standings.map(material).into(),
        checks: [None, Waiting, Passed, Failed]
            .map(|standing| CheckView {
                check: "legal".into(),
                standing,
            })
            .into(),
        payment,
    }
}

#[test]
fn what_the_host_says_at_a_call_arrives_word_for_word() {
    use money::Method::{Alipay, BankTransfer, Cpcn, Wechat};
    use money::Standing::{Closed, Due, None, Paid, Refunded, Refunding};
    let at = Moment {
        now: 7,
        today: "2026-11-20".into(),
    };
    for standing in [None, Due, Paid, Refunding, Refunded, Closed] {
        same(case(&sample_case(standing)), sample_case(standing));
    }
    for point in [Checkpoint::Step("s".into()), Checkpoint::Guard("g".into())] {
        same(checkpoint(&point), &point);
    }
    let paid = |method| {
        Fact::Payment(PaymentFact {
            amount: 22000,
            method,
            transaction: "4200".into(),
        })
    };
    let mut facts = vec![Fact::None, Fact::Failure("f".into())];
    facts.extend([Wechat, Alipay, Cpcn, BankTransfer].map(paid));
    facts.push(Fact::Certificate(CertificateFact {
        serial: "0a".into(),
        not_before: 1,
        not_after: 2,
    }));
    for fact in facts {
        let happened = Event {
            transition: "submit".into(),
            at: at.clone(),
            actor: "account".into(),
            input: vec![value("reason")],
            judgements: vec![ItemJudgement {
                item: "licence".into(),
                passed: false,
                reason: "糊".into(),
            }],
            fact,
        };
        same(event(&happened), &happened);
    }
    let together = Basket {
        cases: vec![sample_case(None), sample_case(Paid)],
        at: at.clone(),
    };
    same(basket(&together), &together);
    let copied = Sources {
        service: "new".into(),
        profile: vec![value("unit")],
        earlier: Some(sample_case(Closed)),
        certificate: vec![value("subject.CN")],
        at,
    };
    same(sources(&copied), &copied);
}

#[test]
fn what_a_guest_answers_arrives_word_for_word() {
    let named = |name: &str| wit::NamedValue {
        name: name.into(),
        value: "v".into(),
    };
    let decision = wit::Decision {
        to: "waiting".into(),
        values: vec![named("unit")],
        note: "n".into(),
    };
    same(core_decision(decision.clone()), &decision);
    let problems = vec![wit::Problem {
        item: Some("lock".into()),
        message: "m".into(),
        offer: Some(wit::Offer {
            label: "l".into(),
            field: "lock".into(),
            value: "sub".into(),
        }),
    }];
    same(core_problems(problems.clone()), &problems);
    let line = pay::FeeLine {
        code: "c".into(),
        label: "l".into(),
        quantity: 2,
        amount: 44000,
        case_id: String::new(),
    };
    let methods = vec![
        pay::Method::Wechat,
        pay::Method::Alipay,
        pay::Method::Cpcn,
        pay::Method::BankTransfer,
    ];
    let quotation = wit::Quotation {
        lines: vec![line],
        shipping: 1,
        handling: 2,
        methods,
    };
    same(core_quotation(quotation.clone()), &quotation);
}
