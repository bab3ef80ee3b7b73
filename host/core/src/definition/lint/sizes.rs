//! How long every list is. It is looked at before all else: the other checks hold each part against each other, which a
//! definition of a hundred thousand parts would turn into hours.

use super::bounds;
use super::report::{Place, Report};
use crate::definition::{
    Block, Condition, Definition, Field, FieldKind, Form, Lifecycle, Material, MessageContent,
    Service, StepContent,
};

pub(super) fn check(report: &mut Report, root: &Place, definition: &Definition) {
    let mut count = |what: &str, number: usize, most: usize| {
        too_many(report, root, what, number, most);
    };
    count(
        "versions taken over",
        definition.takes_over.len(),
        bounds::LINES,
    );
    count("services", definition.services.len(), bounds::SERVICES);
    count("forms", definition.forms.len(), bounds::FORMS);
    count("materials", definition.materials.len(), bounds::MATERIALS);
    count("identity checks", definition.checks.len(), bounds::CHECKS);
    count("documents", definition.documents.len(), bounds::DOCUMENTS);
    count("messages", definition.messages.len(), bounds::MESSAGES);
    count(
        "lifecycles",
        definition.lifecycles.len(),
        bounds::LIFECYCLES,
    );
    count("guards", definition.guards.len(), bounds::GUARDS);
    let fields = definition.forms.iter().map(|form| form.fields().count());
    count("fields in all forms", fields.sum(), bounds::ALL_FIELDS);
    if let Some(policy) = &definition.account_policy {
        count(
            "values to log in with",
            policy.login_ids.len(),
            bounds::LINES,
        );
        let proofs = [
            &policy.registration_proofs,
            &policy.login_proofs,
            &policy.recovery_proofs,
        ];
        let proofs = proofs.into_iter().map(Vec::len).max();
        count("proofs", proofs.unwrap_or(0), bounds::LINES);
        count(
            "fields that only a clerk changes",
            policy.clerk_only_fields.len(),
            bounds::FIELDS,
        );
    }
    for service in &definition.services {
        of_service(report, &root.then("service", &service.id), service);
    }
    for form in &definition.forms {
        of_form(report, &root.then("form", &form.id), form);
    }
    for material in &definition.materials {
        of_material(report, &root.then("material", &material.id), material);
    }
    for document in &definition.documents {
        let place = root.then("document", &document.id);
        let count = &mut counting(report, &place);
        count("blocks", document.blocks.len(), bounds::BLOCKS);
        count("states", document.states.len(), bounds::STATES);
        condition(count, document.shown_when.as_deref());
        for block in &document.blocks {
            match block {
                Block::Table(rows) => count("rows", rows.len(), bounds::FIELDS),
                Block::Stamps(boxes) => count("boxes", boxes.len(), bounds::LINES),
                Block::Signatures(lines) => count("signatures", lines.len(), bounds::LINES),
                _ => {}
            }
        }
    }
    for message in &definition.messages {
        let place = root.then("message", &message.id);
        let count = &mut counting(report, &place);
        match &message.content {
            MessageContent::Sms(sms) => count("parameters", sms.parameters.len(), bounds::LINES),
            MessageContent::Mail(mail) => {
                count("attachments", mail.attachments.len(), bounds::LINES);
            }
        }
    }
    for lifecycle in &definition.lifecycles {
        of_lifecycle(report, &root.then("lifecycle", &lifecycle.id), lifecycle);
    }
}

fn of_service(report: &mut Report, place: &Place, service: &Service) {
    let count = &mut counting(report, place);
    count("steps", service.steps.len(), bounds::STEPS);
    count(
        "things to have at hand",
        service.at_hand.len(),
        bounds::LINES,
    );
    count("receipts", service.receipts.len(), bounds::LINES);
    for receipt in &service.receipts {
        count("ways to pay", receipt.methods.len(), bounds::LINES);
    }
    for step in &service.steps {
        match &step.content {
            StepContent::Documents(ids) => count("documents", ids.len(), bounds::DOCUMENTS),
            StepContent::Materials(ids) => count("materials", ids.len(), bounds::MATERIALS),
            _ => {}
        }
    }
}

fn of_form(report: &mut Report, place: &Place, form: &Form) {
    let count = &mut counting(report, place);
    count("sections", form.sections.len(), bounds::FIELDS);
    count("fields", form.fields().count(), bounds::FIELDS);
    for Field {
        kind, shown_when, ..
    } in form.fields()
    {
        if let FieldKind::Choice(choices) = kind {
            count("choices", choices.len(), bounds::CHOICES);
        }
        condition(count, shown_when.as_deref());
    }
}

fn of_material(report: &mut Report, place: &Place, material: &Material) {
    let count = &mut counting(report, place);
    count("formats", material.formats.len(), bounds::LINES);
    count("captions", material.captions.len(), bounds::LINES);
    count(
        "refusal reasons",
        material.refusal_reasons.len(),
        bounds::LINES,
    );
    condition(count, material.shown_when.as_deref());
}

fn of_lifecycle(report: &mut Report, place: &Place, lifecycle: &Lifecycle) {
    let count = &mut counting(report, place);
    count("states", lifecycle.states.len(), bounds::STATES);
    count(
        "transitions",
        lifecycle.transitions.len(),
        bounds::TRANSITIONS,
    );
    for state in &lifecycle.states {
        count("open steps", state.open_steps.len(), bounds::STEPS);
    }
    for transition in &lifecycle.transitions {
        count(
            "states that it leads from",
            transition.from.len(),
            bounds::STATES,
        );
        count(
            "states that it leads to",
            transition.to.len(),
            bounds::STATES,
        );
        count("guards", transition.guards.len(), bounds::GUARDS);
        count("steps", transition.complete.len(), bounds::STEPS);
    }
}

fn condition(count: &mut impl FnMut(&str, usize, usize), condition: Option<&Condition>) {
    let values = condition.map_or(0, |condition| condition.values.len());
    count("values of a condition", values, bounds::CHOICES);
}

fn counting(report: &mut Report, place: &Place) -> impl FnMut(&str, usize, usize) {
    move |what, number, most| too_many(report, place, what, number, most)
}

/// `what` is the plural: `states`.
fn too_many(report: &mut Report, place: &Place, what: &str, number: usize, most: usize) {
    if number > most {
        report.error(
            place,
            format!("there are {number} {what}"),
            format!("at most {most} {what} are allowed here; split them up"),
        );
    }
}
