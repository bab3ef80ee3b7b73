//! Every form of every plugin, as its pages show it: from what is kept of it, the same markup as without.

use crate::hall::hall;
use crate::market::site;
use yinxin_capabilities::{Manifest, PluginEntry};
use yinxin_core::definition::{Definition, Field, FieldKind, Form};
use yinxin_core::form::Values;
use yinxin_core::rules::{Offer, Problem};
use yinxin_core::shared::Shared;
use yinxin_web::forms::{FormView, FormWriter, Showing};

/// What a person types: nothing, what fits, what looks like markup, and what stands for a text that is kept.
const TYPED: [&str; 5] = [
    "",
    "信江建设",
    "22000",
    "\"'><script>alert(1)</script>&amp;",
    "\u{fdd0}\u{fdd1}\u{fdd4}",
];

async fn definitions() -> Vec<std::sync::Arc<Definition>> {
    let hall = hall().await;
    let mut definitions = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugins");
    for plugin in std::fs::read_dir(folder).unwrap() {
        let plugin = plugin.unwrap().path();
        let manifest = std::fs::read_to_string(plugin.join("plugin.toml")).unwrap();
        let manifest = Manifest::parse(&manifest).unwrap();
        let interfaces = manifest.capabilities.iter();
        let grants = interfaces.map(|declared| declared.interface).collect();
        let entry = PluginEntry {
            name: manifest.name.clone(),
            digest: None,
            grants,
            quotas: Default::default(),
        };
        let component = yinxin_kit::component(&manifest.name).unwrap();
        let activated = hall
            .registry
            .inspect(&site(), &component, &manifest, &entry)
            .await;
        definitions.push(activated.unwrap().plugin.definition.clone());
    }
    definitions
}

fn fields(form: &Form) -> impl Iterator<Item = &Field> {
    form.sections.iter().flat_map(|section| &section.fields)
}

/// Answers of which each field has another one in each turn.
fn answers(form: &Form, turn: usize) -> Values {
    let answer = |(place, field): (usize, &Field)| {
        let at = place + turn;
        let text = match &field.kind {
            FieldKind::Choice(choices) => choices
                .get(at % (choices.len() + 1))
                .map_or("gone", |choice| &choice.value),
            FieldKind::Flag => ["", "yes"][at % 2],
            FieldKind::Region => ["", "江西省 鹰潭市", "月球"][at % 3],
            _ => TYPED[at % TYPED.len()],
        };
        (field.name.to_string(), text.to_owned())
    };
    fields(form).enumerate().map(answer).collect()
}

/// Every third field is wrong, every sixth has a way out.
fn problems(form: &Form, turn: usize) -> Vec<Problem> {
    let wrong = fields(form).enumerate().filter(|(place, _)| place % 3 == 0);
    wrong
        .map(|(place, field)| Problem {
            item: Some(field.name.to_string()),
            message: format!("请检查 <{turn}>"),
            offer: (place % 6 == 0).then(|| Offer {
                label: "改办 & 副锁".into(),
                field: field.name.to_string(),
                value: "\"sub\"".into(),
            }),
        })
        .collect()
}

/// One that keeps and one that does not.
type Writers<'a> = [FormWriter<'a>; 2];

fn compare(form: &Shared<Form>, values: &Values, showing: Showing<'_>, writers: &Writers<'_>) {
    let [kept, anew] = writers.each_ref().map(|writer| {
        let view = FormView::new(form, values, showing, writer).unwrap();
        view.markup.to_string()
    });
    assert_eq!(kept, anew, "{}", form.id);
    for field in fields(form) {
        let name = &field.name;
        assert!(kept.contains(name.as_str()), "{name} of {}", form.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_of_a_form_changes_nothing_on_its_page() {
    let hall = hall().await;
    let templates = hall.state.templates();
    let writer = || templates.writer(Some(&site()), hall.state.texts()).unwrap();
    let writers = [writer(), writer().anew()];
    let definitions = definitions().await;
    let forms: Vec<&Shared<Form>> = definitions.iter().flat_map(|d| &d.forms).collect();
    assert!(forms.len() > definitions.len(), "there are forms");
    for form in forms {
        let all: Vec<String> = fields(form).map(|field| field.name.to_string()).collect();
        compare(form, &Values::default(), Showing::default(), &writers);
        let sections = form.sections.iter().enumerate();
        let refusals: Vec<(String, String)> = sections
            .map(|(place, section)| (section.id.clone(), format!("<b>\u{fdd4}{place}")))
            .collect();
        for turn in 0..TYPED.len() {
            let values = answers(form, turn);
            let problems = problems(form, turn);
            // Of other sections in each turn.
            let refused = refusals.get(turn..).unwrap_or_default();
            for read_only in [&[], all.as_slice()] {
                for problems in [&[], problems.as_slice()] {
                    let showing = Showing {
                        problems,
                        read_only,
                        refused,
                        ..Showing::default()
                    };
                    compare(form, &values, showing, &writers);
                }
            }
        }
    }
}
