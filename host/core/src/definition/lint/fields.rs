//! Forms and their fields: labels, bounds, choices, conditions.

use super::bounds::ANSWER_LENGTH;
use super::index::{Index, values};
use super::report::{Place, Report};
use crate::definition::{Actor, Choice, Field, FieldKind, Form};
use crate::field::text;

/// Tokens of the HTML standard (4.10.18.7) that make sense on an application form.
const AUTOCOMPLETE: [&str; 23] = [
    "off",
    "on",
    "name",
    "username",
    "organization",
    "organization-title",
    "street-address",
    "address-line1",
    "address-line2",
    "address-level1",
    "address-level2",
    "address-level3",
    "country",
    "country-name",
    "postal-code",
    "bday",
    "sex",
    "tel",
    "tel-national",
    "email",
    "url",
    "one-time-code",
    "new-password",
];

pub(super) fn check(report: &mut Report, root: &Place, index: &Index) {
    for form in &index.definition.forms {
        let place = root.then("form", &form.id);
        report.label(&place, "title", &form.title);
        used(report, &place, form, index);
        if form.fields().next().is_none() {
            report.error(
                &place,
                "the form has no fields",
                "add a section with a field, or remove the form",
            );
        }
        report.ids(
            &place,
            "section",
            form.sections.iter().map(|section| section.id.as_str()),
        );
        report.ids(
            &place,
            "field",
            form.fields().map(|field| field.name.as_str()),
        );
        for section in &form.sections {
            let place = place.then("section", &section.id);
            report.label(&place, "title", &section.title);
            report.hint(&place, "hint", &section.hint);
        }
        for field in form.fields() {
            let place = place.then("field", &field.name);
            report.label(&place, "label", &field.label);
            report.hint(&place, "hint", &field.hint);
            length(report, &place, field);
            kind(report, &place, field);
            condition(report, &place, form, field, index);
            autocomplete(report, &place, field);
        }
        attachments(report, &place, form, index);
    }
}

fn used(report: &mut Report, place: &Place, form: &Form, index: &Index) {
    let policy = index.definition.account_policy.as_ref();
    let by_accounts =
        policy.is_some_and(|p| p.registration_form == form.id || p.profile_form == form.id);
    let mut inputs = index
        .definition
        .lifecycles
        .iter()
        .flat_map(|lifecycle| &lifecycle.transitions);
    let by_transition =
        inputs.any(|transition| transition.input.as_deref() == Some(form.id.as_str()));
    if !by_accounts && !by_transition && index.users_of_form(&form.id).is_empty() {
        report.warning(
            place,
            format!("form `{}` is never shown", form.id),
            "name it in a step, as the input of a transition or in the account policy, or remove it",
        );
    }
}

fn length(report: &mut Report, place: &Place, field: &Field) {
    let free = matches!(
        field.kind,
        FieldKind::Text | FieldKind::Multiline | FieldKind::Address | FieldKind::OrganisationName
    );
    if free && field.max_length == 0 {
        report.error(
            place,
            format!("field `{}` takes a text of any length", field.name),
            format!("set max-length to 1 to {ANSWER_LENGTH} characters"),
        );
    }
    if field.max_length > ANSWER_LENGTH {
        report.error(
            place,
            format!(
                "field `{}` takes {} characters",
                field.name, field.max_length
            ),
            format!("set max-length to at most {ANSWER_LENGTH}"),
        );
    }
}

fn kind(report: &mut Report, place: &Place, field: &Field) {
    match &field.kind {
        FieldKind::Number(range) => {
            report.hint(place, "unit", &range.unit);
            if range.min > range.max {
                report.error(
                    place,
                    format!("no number is from {} to {}", range.min, range.max),
                    "set min to the smaller and max to the larger bound",
                );
            }
        }
        FieldKind::Choice(choices) => choice(report, place, choices),
        _ => {}
    }
}

fn choice(report: &mut Report, place: &Place, choices: &[Choice]) {
    if choices.is_empty() {
        report.error(
            place,
            "there is nothing to choose",
            "add choices, or use another kind of field",
        );
    }
    for (n, choice) in choices.iter().enumerate() {
        let place = place.then("choice", &choice.value);
        report.label(&place, "label", &choice.label);
        report.hint(&place, "hint", &choice.hint);
        // 64 characters is what a field of this kind takes.
        let fits = !choice.value.is_empty()
            && choice.value.trim() == choice.value
            && choice.value.chars().count() <= 64
            && !choice.value.chars().any(text::is_forbidden)
            // A form drops these before it compares, and nobody could choose it.
            && text::without_invisible(&choice.value) == choice.value;
        if !fits {
            report.error(
                &place,
                format!("`{}` is no value of a choice", choice.value.escape_debug()),
                "write 1 to 64 characters without spaces around them; the empty value stands for no answer",
            );
        }
        if choices
            .iter()
            .take(n)
            .any(|other| other.value == choice.value)
        {
            report.error(
                &place,
                format!("two choices have the value `{}`", choice.value),
                "give one another value",
            );
        }
    }
}

/// A condition looks at a field above in the same form, or at one of another form of the service.
fn condition(report: &mut Report, place: &Place, form: &Form, field: &Field, index: &Index) {
    let Some(condition) = &field.shown_when else {
        return;
    };
    let above = form.fields().take_while(|other| other.name != field.name);
    if let Some(other) = above
        .into_iter()
        .find(|other| other.name == condition.field)
    {
        return values(report, place, condition, other);
    }
    if condition.field == field.name {
        return report.error(
            place,
            format!(
                "field `{}` is shown only when it has an answer already",
                field.name
            ),
            "let the condition look at another field",
        );
    }
    if form.fields().any(|other| other.name == condition.field) {
        return report.error(
            place,
            format!(
                "field `{}` depends on `{}`, which is asked below it",
                field.name, condition.field
            ),
            format!("move `{}` above `{}`", condition.field, field.name),
        );
    }
    let services = index.users_of_form(&form.id);
    if services.is_empty() {
        let known = form.fields().map(|other| other.name.as_str());
        return report.unknown(place, "field", &condition.field, known);
    }
    for scope in index.scopes(&services) {
        scope.condition(report, place, condition);
    }
}

fn autocomplete(report: &mut Report, place: &Place, field: &Field) {
    let token = field.autocomplete.as_str();
    if !token.is_empty() && !AUTOCOMPLETE.contains(&token) {
        report.warning(
            place,
            format!("no browser knows the autocomplete token `{token}`"),
            super::report::suggestion("token", token, &AUTOCOMPLETE),
        );
    }
}

/// Attachments are a clerk's: only the input form of a clerk's transition asks for them.
fn attachments(report: &mut Report, place: &Place, form: &Form, index: &Index) {
    let Some(field) = form
        .fields()
        .find(|field| field.kind == FieldKind::Attachment)
    else {
        return;
    };
    let in_step = index.definition.services.iter().any(|service| {
        index
            .step_forms(service)
            .iter()
            .any(|other| other.id == form.id)
    });
    let by_others = index
        .definition
        .lifecycles
        .iter()
        .flat_map(|lifecycle| &lifecycle.transitions)
        .any(|transition| {
            transition.input.as_deref() == Some(form.id.as_str())
                && !matches!(transition.actor, Actor::Clerk(_))
        });
    if in_step || by_others {
        report.error(
            &place.then("field", &field.name),
            "applicants are asked for an attachment",
            "attachments are added by clerks; ask applicants for a material instead",
        );
    }
}
