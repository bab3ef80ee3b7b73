//! What a browser sends for a form: names and texts of any kind.

use crate::samples;
use std::sync::LazyLock;
use yinxin_core::definition::{Field, FieldKind, Form};
use yinxin_core::field;
use yinxin_core::form::{Values, read_form};
use yinxin_web::forms::{Answered, FormView, Posted, Showing};
use yinxin_web::templates::Templates;
use yinxin_web::{Sites, Texts};

static FORM: LazyLock<Form> = LazyLock::new(samples::form);
static TEXTS: LazyLock<Texts> = LazyLock::new(|| Texts::chinese().expect("the texts"));
static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| Templates::new(&Sites::default(), &TEXTS));

/// The body of a form, `application/x-www-form-urlencoded`.
pub fn forms(bytes: &[u8]) {
    let posted: Posted = url::form_urlencoded::parse(bytes).into_owned().collect();
    let _ = (posted.version(), posted.has("_csrf"));
    reads_well(&FORM, &posted.answers());
}

/// Reads answers, shows them, and reads what was kept once more.
pub(crate) fn reads_well(form: &Form, answers: &[(String, String)]) {
    let reading = read_form(form, answers, &Values::default());
    for problem in &reading.problems {
        assert!(!problem.message.trim().is_empty(), "a silent problem");
        let item = problem.item.as_deref().unwrap_or_default();
        assert!(form.field(item).is_some(), "a problem of no field: {item}");
    }
    let wrong = |name: &str| {
        let mut items = reading
            .problems
            .iter()
            .map(|problem| problem.item.as_deref());
        items.any(|item| item == Some(name))
    };
    for value in reading.values.iter() {
        let field = form.field(&value.name).expect("a value of no field");
        let breaks = ['\n', '\r', '\t'];
        assert!(
            !value
                .value
                .contains(|c: char| c.is_control() && !breaks.contains(&c)),
            "{}: {:?} is kept",
            value.name,
            value.value
        );
        if !wrong(&value.name) {
            assert!(
                value.value.chars().count() <= field::limit(field),
                "{}: too long and right",
                value.name
            );
        }
        let _ = field::display(field, &value.value);
        let _ = field::masked(field, &value.value);
    }
    let showing = Showing {
        problems: &reading.problems,
        ..Showing::default()
    };
    let writer = TEMPLATES.writer(None, &TEXTS).expect("the template");
    FormView::new(&form.clone().into(), &reading.values, showing, &writer)
        .expect("a form is shown");

    // What is right stays right, and the same, when it is sent once more as it is shown for editing.
    let shown = |field: &Field| {
        let answered = Answered::new(field, &reading.values, showing);
        (field.name.to_string(), answered.value.into_owned())
    };
    let again: Vec<(String, String)> = form.fields().map(shown).collect();
    let second = read_form(form, &again, &Values::default());
    // A secret answer is not shown again, and so is empty then.
    let shown = |field: &&Field| field.kind != FieldKind::SecretAnswer && !wrong(&field.name);
    for field in form.fields().filter(shown) {
        assert_eq!(
            second.values.get(&field.name),
            reading.values.get(&field.name),
            "{} changes when it is sent again",
            field.name
        );
    }
}
