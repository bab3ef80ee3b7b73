//! Definitions: those of the plugins, changed in places. The lint ends, says the same twice, and what it lets live can be
//! kept, shown and acted upon.

use crate::feed::Feed;
use crate::forms::reads_well;
use crate::samples::ODD;
use serde_json::Value;
use std::sync::{Arc, LazyLock};
use yinxin_core::calendar::Calendar;
use yinxin_core::definition::lint::{is_fit, lint};
use yinxin_core::definition::{
    Actor, Block, Definition, Document, FieldKind, Message, MessageContent, StepContent, template,
};
use yinxin_core::field;
use yinxin_core::time::Millis;
use yinxin_sdk::Rules;

/// Plugins by their folder, with their definitions.
pub fn bases() -> &'static [(&'static str, Arc<Definition>)] {
    fn of<R: Rules>() -> Arc<Definition> {
        let described = serde_json::to_value(R::describe()).expect("records can be written");
        Arc::new(serde_json::from_value(described).expect("both sides have the same records"))
    }
    static BASES: LazyLock<Vec<(&str, Arc<Definition>)>> = LazyLock::new(|| {
        vec![
            ("fujian", of::<yinxin_plugin_fujian::Fujian>()),
            ("jiangxi", of::<yinxin_plugin_jiangxi::Jiangxi>()),
            ("yingtan", of::<yinxin_plugin_yingtan::Yingtan>()),
        ]
    });
    &BASES
}

pub(crate) fn base(byte: u8) -> Arc<Definition> {
    let bases = bases();
    bases[usize::from(byte) % bases.len()].1.clone()
}

/// The first byte chooses the plugin; what follows are edits.
pub fn definition(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let base = base(feed.byte());
    let json = serde_json::to_value(&*base).expect("definitions can be written");
    let json = edited(json, &mut feed);
    let Ok(definition) = serde_json::from_value::<Definition>(json) else {
        return;
    };
    let findings = lint(&definition);
    assert_eq!(lint(&definition), findings, "the lint changes its mind");
    assert!(findings.len() <= 500);
    for finding in &findings {
        let texts = [&finding.place, &finding.message, &finding.help];
        let longest = texts.into_iter().map(|text| text.chars().count()).max();
        assert!(longest <= Some(401), "a finding of {longest:?} characters");
    }
    if is_fit(&findings) {
        lives(&definition);
    }
}

/// What the host relies on once a definition is active.
fn lives(definition: &Definition) {
    // It is kept as JSON, and comes from the guest as the contract's record.
    let json = serde_json::to_string(definition).expect("definitions can be written");
    let kept: Definition = serde_json::from_str(&json).expect("what is kept is read");
    assert_eq!(&kept, definition);
    let crossed = yinxin_capabilities::outside::definition(json.as_bytes());
    assert_eq!(crossed.map(Result::unwrap).as_ref(), Some(definition));

    for service in &definition.services {
        let lifecycle = definition
            .lifecycles
            .iter()
            .find(|l| l.id == service.lifecycle);
        assert!(lifecycle.is_some(), "service {} has no life", service.id);
        let has_form = |id: &String| definition.forms.iter().any(|form| form.id == *id);
        let has_document = |id: &String| definition.documents.iter().any(|d| d.id == *id);
        for step in &service.steps {
            let there = match &step.content {
                StepContent::Form(id) => has_form(id),
                StepContent::Agreement(id) => has_document(id),
                StepContent::Documents(ids) => ids.iter().all(has_document),
                StepContent::Materials(ids) => {
                    let has = |id: &String| definition.materials.iter().any(|m| m.id == *id);
                    ids.iter().all(has)
                }
                StepContent::Identity(id) => definition.checks.iter().any(|c| c.id == *id),
                StepContent::Summary | StepContent::Token => true,
            };
            assert!(there, "step {} is of nothing", step.id);
        }
    }
    for lifecycle in &definition.lifecycles {
        let state = |id: &String| lifecycle.states.iter().find(|state| state.id == *id);
        assert!(
            state(&lifecycle.initial).is_some(),
            "{} begins nowhere",
            lifecycle.id
        );
        let (calendar, now) = (Calendar::default(), Millis(1_795_190_399_000));
        for state in &lifecycle.states {
            if let Some(due) = &state.due {
                assert!(calendar.due(now, due) >= now, "{} was due before", state.id);
            }
        }
        for transition in &lifecycle.transitions {
            for id in transition.from.iter().chain(&transition.to) {
                assert!(
                    state(id).is_some(),
                    "{} leads to no state {id}",
                    transition.id
                );
            }
            if let Some(form) = &transition.input {
                assert!(
                    definition.forms.iter().any(|f| f.id == *form),
                    "no form {form}"
                );
            }
            for guard in &transition.guards {
                assert!(definition.guards.contains(guard), "no guard {guard}");
            }
            if let Actor::Timer(timer) = &transition.actor {
                let _ = calendar.fires(now, timer);
            }
        }
    }
    for form in &definition.forms {
        let odd = |n: usize| ODD[n % ODD.len()].to_owned();
        let answers: Vec<_> = form
            .fields()
            .enumerate()
            .map(|(n, f)| (f.name.to_string(), odd(n)))
            .collect();
        reads_well(form, &answers);
        for field in form.fields() {
            if let FieldKind::Choice(choices) = &field.kind {
                for choice in choices {
                    let chosen = field::parse(field, &choice.value);
                    assert_eq!(chosen.as_deref(), Ok(&*choice.value), "{}", field.name);
                }
            }
        }
    }
    for document in &definition.documents {
        fills(document);
    }
    for Message { id, content, .. } in &definition.messages {
        let texts = match content {
            MessageContent::Sms(sms) => vec![&sms.text],
            MessageContent::Mail(mail) => vec![&mail.subject, &mail.body],
        };
        for text in texts {
            assert!(
                template::fill(text, |_| Some("值".into())).is_ok(),
                "message {id}"
            );
        }
    }
}

/// Every text of a paper can be filled in.
fn fills(document: &Document) {
    for block in &document.blocks {
        let texts: Vec<&String> = match block {
            Block::Heading(text) | Block::Paragraph(text) | Block::Note(text) => vec![text],
            Block::Table(rows) => rows.iter().map(|row| &row.text).collect(),
            _ => Vec::new(),
        };
        for text in texts {
            let filled = template::fill(text, |_| Some("值".into()));
            assert!(filled.is_ok(), "{}: {text}", document.id);
        }
    }
}

/// Bytes of a document that is edited once more. An edit makes it 256 times as large at most; one after another would make
/// more than any machine has.
const LARGE: usize = 1 << 20;

/// Changes a document in up to sixteen places: values become others of the same name or kind, lists grow, shrink and turn.
pub(crate) fn edited(mut json: Value, feed: &mut Feed<'_>) -> Value {
    for _ in 0..16 {
        if feed.is_empty() || json.to_string().len() > LARGE {
            break;
        }
        let mut places = Vec::new();
        walk(&json, String::new(), &mut places);
        let place = places[feed.below(places.len())].clone();
        let name = place.rsplit('/').next().unwrap_or_default().to_owned();
        let same_name: Vec<&String> = places
            .iter()
            .filter(|other| other.rsplit('/').next() == Some(&name))
            .collect();
        let another = same_name[feed.below(same_name.len())];
        let another = json.pointer(another).cloned().unwrap_or(Value::Null);
        let Some(target) = json.pointer_mut(&place) else {
            continue;
        };
        edit(target, another, feed);
    }
    json
}

fn edit(target: &mut Value, another: Value, feed: &mut Feed<'_>) {
    let way = feed.byte();
    match target {
        Value::String(text) => match way % 5 {
            0 => *target = another,
            1 => *text = ODD[usize::from(way / 5) % ODD.len()].to_owned(),
            2 => *text = text.repeat(1 + usize::from(feed.byte())),
            3 => *text = String::from_utf8_lossy(feed.text()).into_owned(),
            _ => text.push_str(ODD[usize::from(way / 5) % ODD.len()]),
        },
        Value::Number(_) => {
            let numbers = [
                0,
                1,
                -1,
                3650,
                3651,
                i64::from(i32::MIN),
                i64::from(i32::MAX),
                i64::from(u32::MAX),
                i64::MIN,
                i64::MAX,
            ];
            *target = numbers[usize::from(way) % numbers.len()].into();
        }
        Value::Bool(flag) => *flag = !*flag,
        Value::Array(list) => match way % 6 {
            0 => list.clear(),
            1 => list.reverse(),
            2 => drop(list.pop()),
            3 => {
                if let Some(first) = list.first().cloned() {
                    list.extend(std::iter::repeat_n(first, usize::from(feed.byte())));
                }
            }
            4 => {
                if let Value::Array(more) = another {
                    list.extend(more);
                }
            }
            _ => *target = another,
        },
        Value::Null | Value::Object(_) => *target = another,
    }
}

/// JSON pointers (RFC 6901) of all values. No name of the records has a `/` or `~`.
fn walk(value: &Value, at: String, places: &mut Vec<String>) {
    match value {
        Value::Array(list) => {
            for (n, item) in list.iter().enumerate() {
                walk(item, format!("{at}/{n}"), places);
            }
        }
        Value::Object(map) => {
            for (name, item) in map {
                walk(item, format!("{at}/{name}"), places);
            }
        }
        _ => {}
    }
    places.push(at);
}
