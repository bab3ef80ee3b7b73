//! What guests ask of the host: calls of the imported functions with anything in their arguments. Whatever is granted can be
//! done afterwards: a database keeps it, the books add up, a certificate holds it.

use crate::definition::{base, edited};
use crate::feed::Feed;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use tokio::runtime::Runtime;
use yinxin_capabilities::outside::{Call, asked};
use yinxin_capabilities::{
    CallContext, CaseFacts, CertificateStanding, CertificateView, DocumentIssue, Effect,
    PaymentStatus, ProfileField, Quotas,
};
use yinxin_core::definition::{Definition, FieldKind, MessageContent, template};
use yinxin_core::ids::SiteId;
use yinxin_core::money::{FeeLine, Fen, Method, Standing};
use yinxin_core::rules::{CheckView, NamedValue};
use yinxin_sandbox::Limits;
use yinxin_services::certificates::outside::subject;
use yinxin_store::plugin_storage;
use yinxin_store::testing::{TestStore, sqlite};

/// Calls of one rule; a longer list only runs out of its limits.
const CALLS: usize = 400;
/// Fen that the case has cost where it is paid.
const PAID: i64 = 22_000;
const METHODS: [Method; 2] = [Method::Wechat, Method::BankTransfer];

struct World {
    runtime: Runtime,
    database: TestStore,
    site: SiteId,
}

/// The first byte chooses the plugin, the second how the case stands; then come edits of honest calls, or JSON as it is.
pub fn calls(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let definition = base(feed.byte());
    let standing = feed.byte();
    let raw = standing & 0x80 != 0;
    let wanted = if raw {
        serde_json::from_slice(feed.rest()).unwrap_or(Value::Null)
    } else {
        edited(honest(&definition), &mut feed)
    };
    let calls: Vec<Call> = wanted
        .as_array()
        .into_iter()
        .flatten()
        .take(CALLS)
        .filter_map(|call| Call::read(call.to_string().as_bytes()))
        .collect();
    let facts = Arc::new(facts(&definition, standing));
    let asked = told(&definition, &facts, &calls);
    assert_eq!(
        told(&definition, &facts, &calls),
        asked,
        "the same calls come to something else"
    );
    let unanswered = calls.len() - asked.answers.len();
    assert_eq!(
        unanswered > 0,
        asked.ended.is_some(),
        "each call is answered, or one ends the rule"
    );
    let text = serde_json::to_string(&asked.effects).expect("the ledger keeps effects");
    let kept: Vec<Effect> = serde_json::from_str(&text).expect("and they are read again");
    assert_eq!(kept, asked.effects);
    can_be_done(&definition, &facts, &asked.effects);
}

fn told(
    definition: &Arc<Definition>,
    facts: &Arc<CaseFacts>,
    calls: &[Call],
) -> yinxin_capabilities::outside::Asked {
    static WORLD: LazyLock<World> = LazyLock::new(World::new);
    let world = &*WORLD;
    let context = CallContext {
        store: world.database.store.clone(),
        sealer: world.database.sealer.clone(),
        facts: Some(facts.clone()),
    };
    let limits = Limits {
        effects_count: Quotas::default().effects,
        ..Limits::default()
    };
    let site = world.site.clone();
    let asked = asked(site, definition.clone(), context, &limits, calls.to_vec());
    world.runtime.block_on(asked)
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("tokio starts");
        let site = SiteId::parse("fuzz").expect("a site's name");
        let database = runtime.block_on(async {
            let database = sqlite().await;
            let mut tx = database.store.begin().await.expect("a transaction");
            for (name, _) in crate::bases() {
                for key in ["known", "main-key/9136", "main-key/9137"] {
                    plugin_storage::write(&mut tx, &site, name, key, Some(b"value".as_slice()))
                        .await
                        .expect("a value is written");
                }
            }
            tx.commit().await.expect("values are kept");
            database
        });
        Self {
            runtime,
            database,
            site,
        }
    }
}

/// Each function of the contract once, as a good plugin would call it.
fn honest(definition: &Definition) -> Value {
    let line = |amount: i64| json!({ "code": "fee", "label": "费用", "quantity": 1, "amount": amount, "case_id": "" });
    let id = |ids: Vec<&String>| ids.first().map_or("none", |id| id.as_str()).to_owned();
    let check = id(definition.checks.iter().map(|check| &check.id).collect());
    let document = id(definition.documents.iter().map(|d| &d.id).collect());
    let parameters = |content: &MessageContent| {
        let texts = match content {
            MessageContent::Sms(sms) => vec![&sms.text],
            MessageContent::Mail(mail) => vec![&mail.subject, &mail.body],
        };
        let names = texts
            .into_iter()
            .flat_map(|text| template::names(text).unwrap_or_default());
        names
            .map(|name| json!({ "name": name, "value": "某值" }))
            .collect::<Vec<_>>()
    };
    let mut calls = vec![
        json!("profile"),
        json!({ "remember": [{ "name": "unit", "value": "甲公司" }, { "name": "mobile", "value": "13800138000" }] }),
        json!({ "storage-get": "known" }),
        json!({ "storage-put": ["main-key/9138", [1, 2, 3]] }),
        json!({ "storage-put-if-absent": ["main-key/9139", [0, 255]] }),
        json!({ "storage-delete": "main-key/9136" }),
        json!({ "storage-scan": ["main-key/", "main-key/9136", 100] }),
        json!("payment-status"),
        json!({ "payment-request": [[line(22_000), line(0)], ["Wechat", "BankTransfer"]] }),
        json!("payment-cancel"),
        json!({ "payment-refund": [100, "多付了"] }),
        json!("payment-invoice"),
        json!({ "identity-status": check }),
        json!({ "identity-void": check }),
        json!("certificates-issued"),
        json!({ "certificate-issue": { "subject": [
            { "name": "C", "value": "CN" }, { "name": "O", "value": "甲,乙+公司" }, { "name": "CN", "value": "#甲" },
            { "name": "serialNumber", "value": "91360600MA35XK4C12" }, { "name": "emailAddress", "value": "a@example.cn" },
        ], "months": 12 } }),
        json!({ "certificate-revoke": ["0a", "丢失"] }),
        json!({ "certificate-hold": "0b" }),
        json!({ "certificate-release": "0c" }),
        json!({ "document-latest": document }),
        json!({ "document-void": document }),
        json!("token-status"),
        json!({ "token-request": "Read" }),
        json!("token-cancel"),
    ];
    let messages = definition.messages.iter().take(4);
    calls.extend(
        messages
            .map(|message| json!({ "message-send": [message.id, parameters(&message.content)] })),
    );
    calls.into()
}

/// A case with a little of everything; `standing` chooses how its payment stands, and whether it goes into baskets.
fn facts(definition: &Definition, standing: u8) -> CaseFacts {
    let payment = match standing & 0x0f {
        0 => Standing::None,
        1 => Standing::Due,
        2 => Standing::Paid,
        3 => Standing::Refunding,
        _ => Standing::Closed,
    };
    let paid = matches!(payment, Standing::Paid | Standing::Refunding);
    let certificate = |serial: &str, standing| CertificateView {
        serial: serial.into(),
        subject: "CN=甲公司".into(),
        not_before: 0,
        not_after: 1_800_000_000_000,
        standing,
    };
    let fields = definition.forms.iter().flat_map(|form| form.fields());
    let values = fields.map(|field| NamedValue {
        name: field.name.to_string(),
        value: match field.kind {
            FieldKind::Mobile => "13800138000",
            FieldKind::Email => "a@example.cn",
            _ => "某值",
        }
        .into(),
    });
    let profile_field = |name: &str, clerk_only| ProfileField {
        name: name.into(),
        max_length: 64,
        clerk_only,
    };
    let document = |document: &str| DocumentIssue {
        document: document.into(),
        number: "1".into(),
        made: 0,
        outdated: false,
    };
    CaseFacts {
        profile: vec![NamedValue {
            name: "unit".into(),
            value: "甲公司".into(),
        }],
        profile_fields: vec![
            profile_field("unit", false),
            profile_field("mobile", false),
            profile_field("grade", true),
        ],
        account_mobile: "13800138000".into(),
        payment: PaymentStatus {
            standing: payment,
            total: if paid { PAID } else { 0 },
            refunded: 0,
            method: paid.then_some(Method::Wechat),
        },
        in_baskets: standing & 0x40 != 0,
        methods: METHODS.to_vec(),
        checks: definition
            .checks
            .iter()
            .map(|check| CheckView {
                check: check.id.clone(),
                standing: yinxin_core::identity::Standing::None,
            })
            .collect(),
        certificates: vec![
            certificate("0a", CertificateStanding::Valid),
            certificate("0b", CertificateStanding::Valid),
            certificate("0c", CertificateStanding::Held),
        ],
        documents: definition
            .documents
            .iter()
            .map(|d| document(&d.id))
            .collect(),
        has_request: standing & 0x20 == 0,
        values: values.collect(),
    }
}

/// What the commit relies on: everything that was granted fits where it goes.
fn can_be_done(definition: &Definition, facts: &CaseFacts, effects: &[Effect]) {
    assert!(effects.len() <= Quotas::default().effects as usize);
    let count = |wanted: fn(&Effect) -> bool| effects.iter().filter(|e| wanted(e)).count();
    assert!(count(|effect| matches!(effect, Effect::Send { .. })) <= 16);
    let mut back = Fen(0);
    let mut owed = 0;
    for effect in effects {
        match effect {
            Effect::StoragePut { key, value } => {
                is_key(key);
                assert!(value.len() <= 64 << 10, "{key:?}: {} bytes", value.len());
            }
            Effect::StorageDelete { key } => is_key(key),
            Effect::Remember { entries } => {
                assert!(entries.len() <= 64, "{}", entries.len());
                for NamedValue { name, value } in entries {
                    let field = facts
                        .profile_fields
                        .iter()
                        .find(|field| field.name == *name);
                    let field = field.unwrap_or_else(|| panic!("{name:?} is no field"));
                    assert!(!field.clerk_only, "{name:?} is the clerks'");
                    assert!(value.chars().count() <= field.max_length, "{name:?}");
                    is_kept(value);
                }
            }
            Effect::RequestPayment { lines, methods } => {
                assert!(!facts.in_baskets, "it is ordered with others");
                owed += 1;
                is_price(lines);
                assert!(!methods.is_empty());
                assert!(methods.iter().all(|method| METHODS.contains(method)));
            }
            Effect::CancelPayment => {
                let due = facts.payment.standing == Standing::Due;
                assert!(due || owed > 0, "nothing is due");
            }
            Effect::Refund { amount, reason } => {
                assert!(*amount > 0, "{amount}");
                back = back
                    .checked_add(Fen(*amount))
                    .expect("a sum within the limit");
                assert!(reason.chars().count() <= 128);
                is_kept(reason);
            }
            Effect::Invoice => assert!(facts.payment.total > 0, "an invoice over nothing"),
            Effect::Send {
                message,
                parameters,
            } => can_be_sent(definition, message, parameters),
            Effect::VoidIdentity { check } => {
                assert!(definition.checks.iter().any(|known| known.id == *check));
            }
            Effect::Issue {
                subject: attributes,
                months,
            } => {
                assert!(facts.has_request, "there is no key");
                assert!((1..=60).contains(months), "{months} months");
                is_subject(attributes);
            }
            Effect::Revoke { serial, reason } => {
                is_known(facts, serial);
                assert!(reason.chars().count() <= 256);
                is_kept(reason);
            }
            Effect::Hold { serial } | Effect::Release { serial } => is_known(facts, serial),
            Effect::VoidDocument { document } => {
                assert!(
                    definition
                        .documents
                        .iter()
                        .any(|known| known.id == *document)
                );
            }
            Effect::RequestToken { .. } | Effect::CancelToken => {
                panic!("there is no service for {effect:?}")
            }
        }
    }
    assert!(back.0 <= facts.payment.total, "{back:?} goes back");
}

/// PostgreSQL keeps no zero character in a text.
fn is_kept(text: &str) {
    assert!(!text.contains('\0'), "{text:?}");
}

fn is_key(key: &str) {
    assert!((1..=256).contains(&key.len()), "{} bytes", key.len());
    is_kept(key);
}

fn is_price(lines: &[FeeLine]) {
    assert!((1..=32).contains(&lines.len()), "{} lines", lines.len());
    let sum = lines.iter().try_fold(Fen(0), |sum, line| {
        assert!(line.amount >= 0, "{line:?}");
        for text in [&line.code, &line.label] {
            assert!((1..=128).contains(&text.chars().count()), "{line:?}");
            is_kept(text);
        }
        sum.checked_add(Fen(line.amount))
    });
    assert!(sum.is_some_and(|sum| sum <= Fen::LIMIT), "{lines:?}");
}

/// The text has all that it names.
fn can_be_sent(definition: &Definition, id: &str, parameters: &[NamedValue]) {
    let message = definition.messages.iter().find(|message| message.id == id);
    let message = message.unwrap_or_else(|| panic!("{id:?} is no message"));
    let given = |name: &str| {
        let found = parameters.iter().find(|parameter| parameter.name == name);
        found.map(|parameter| parameter.value.clone())
    };
    let texts = match &message.content {
        MessageContent::Sms(sms) => {
            for name in &sms.parameters {
                assert!(given(name).is_some(), "{id}: {name} is missing");
            }
            vec![&sms.text]
        }
        MessageContent::Mail(mail) => vec![&mail.subject, &mail.body],
    };
    for text in texts {
        assert!(template::fill(text, given).is_ok(), "{id}: {text}");
    }
}

/// A certificate holds it, and says the same when it is read.
fn is_subject(attributes: &[NamedValue]) {
    assert!((1..=16).contains(&attributes.len()));
    let (read, text) = subject(attributes).unwrap_or_else(|problem| {
        panic!("what was granted cannot be issued: {problem}: {attributes:?}")
    });
    let written: Vec<NamedValue> = attributes
        .iter()
        .map(|attribute| NamedValue {
            name: attribute.name.clone(),
            value: attribute.value.trim().to_owned(),
        })
        .collect();
    assert_eq!(read, written);
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn is_known(facts: &CaseFacts, serial: &str) {
    let mut known = facts.certificates.iter();
    assert!(known.any(|known| known.serial == serial), "{serial:?}");
}
