//! Services and their steps: what they name exists, and every step can be worked on in some state.

use super::index::Index;
use super::report::{Place, Report};
use crate::definition::{Ordering, Receipt, Service, ServiceKind, Step, StepContent};
use std::collections::HashMap;

pub(super) fn check(report: &mut Report, root: &Place, index: &Index) {
    for service in &index.definition.services {
        let place = root.then("service", &service.id);
        texts(report, &place, service);
        report.ids(
            &place,
            "step",
            service.steps.iter().map(|step| step.id.as_str()),
        );
        if index.lifecycle(&service.lifecycle).is_none() {
            report.unknown(&place, "lifecycle", &service.lifecycle, index.lifecycles());
        }
        for step in &service.steps {
            content(report, &place.then("step", &step.id), step, index);
            opened(report, &place, service, step, index);
        }
        asked_once(report, root, service, index);
        paid_somewhere(report, &place, service, index);
        receipts(report, &place, service, index);
        if service.from_certificate && service.kind == ServiceKind::New {
            report.error(
                &place,
                "a new certificate starts from no other",
                "take from-certificate from the service, or give it another kind",
            );
        }
        index.scope(service).expect(
            report,
            &place.then("subject-field", &service.subject_field),
            &service.subject_field,
        );
    }
}

fn texts(report: &mut Report, place: &Place, service: &Service) {
    report.label(place, "title", &service.title);
    report.text(place, "summary", &service.summary);
    report.text(place, "price note", &service.price_note);
    report.text(place, "time note", &service.time_note);
    for (n, line) in service.at_hand.iter().enumerate() {
        report.label(&place.nth("at-hand", n), "line", line);
    }
    for step in &service.steps {
        let place = place.then("step", &step.id);
        report.label(&place, "title", &step.title);
        report.hint(&place, "hint", &step.hint);
    }
}

fn content(report: &mut Report, place: &Place, step: &Step, index: &Index) {
    let documents = |report: &mut Report, ids: &[String]| {
        for id in ids.iter().filter(|id| index.document(id).is_none()) {
            report.unknown(place, "document", id, index.documents());
        }
    };
    match &step.content {
        StepContent::Agreement(id) => documents(report, std::slice::from_ref(id)),
        StepContent::Documents(ids) => {
            nothing_in(report, place, "document", ids);
            documents(report, ids);
        }
        StepContent::Form(id) if index.form(id).is_none() => {
            report.unknown(place, "form", id, index.forms())
        }
        StepContent::Identity(id) if index.check(id).is_none() => {
            report.unknown(place, "identity check", id, index.checks());
        }
        StepContent::Materials(ids) => {
            nothing_in(report, place, "material", ids);
            for id in ids.iter().filter(|id| index.material(id).is_none()) {
                report.unknown(place, "material", id, index.materials());
            }
        }
        StepContent::Form(_)
        | StepContent::Identity(_)
        | StepContent::Summary
        | StepContent::Token => {}
    }
}

fn nothing_in(report: &mut Report, place: &Place, what: &str, ids: &[String]) {
    if ids.is_empty() {
        report.error(
            place,
            format!("the step has no {what}"),
            format!("name a {what}, or remove the step"),
        );
    }
}

/// A step in which something has to be done has to be open in some state.
fn opened(report: &mut Report, place: &Place, service: &Service, step: &Step, index: &Index) {
    let to_do = !matches!(
        step.content,
        StepContent::Documents(_) | StepContent::Summary
    );
    let Some(lifecycle) = index.lifecycle(&service.lifecycle) else {
        return;
    };
    let open = lifecycle
        .states
        .iter()
        .any(|state| state.open_steps.contains(&step.id));
    if to_do && !open {
        report.error(
            &place.then("step", &step.id),
            format!(
                "step `{}` is open in no state, so nobody can do it",
                step.id
            ),
            format!(
                "add it to the open-steps of a state of lifecycle `{}`",
                lifecycle.id
            ),
        );
    }
}

/// Cases that go into orders are put there where they are payable.
fn paid_somewhere(report: &mut Report, place: &Place, service: &Service, index: &Index) {
    let Some(lifecycle) = index.lifecycle(&service.lifecycle) else {
        return;
    };
    let payable = lifecycle.states.iter().any(|state| state.payable);
    if service.ordering == Ordering::Basket && !payable {
        report.error(
            place,
            format!(
                "cases of service `{}` are put into orders, and no state of lifecycle `{}` is payable",
                service.id, lifecycle.id
            ),
            "set `payable` in the states where the applicant may order, or set the ordering to `single`",
        );
    }
}

fn receipts(report: &mut Report, place: &Place, service: &Service, index: &Index) {
    for (n, receipt) in service.receipts.iter().enumerate() {
        let place = place.then("receipt", &receipt.document);
        if index.document(&receipt.document).is_none() {
            report.unknown(&place, "document", &receipt.document, index.documents());
        }
        let same = |other: &&Receipt| other.document == receipt.document;
        if service.receipts.iter().take(n).any(|other| same(&other)) {
            report.error(
                &place,
                format!("receipt `{}` is listed twice", receipt.document),
                "list it once, with all the ways to pay that it is for",
            );
        }
        for (m, method) in receipt.methods.iter().enumerate() {
            if receipt.methods.iter().take(m).any(|other| other == method) {
                report.warning(
                    &place,
                    format!("the receipt is for {method:?} twice"),
                    "name each way to pay once; none stands for all",
                );
            }
        }
    }
}

/// A case has one value for a name: two steps do not ask for it, and an input form means the same by it.
fn asked_once(report: &mut Report, root: &Place, service: &Service, index: &Index) {
    let mut asked = HashMap::new();
    for form in index.step_forms(service) {
        for field in form.fields() {
            if let Some((other, _)) =
                asked.insert(field.name.as_str(), (form.id.as_str(), &field.kind))
                && other != form.id
            {
                report.error(
                    &root.then("form", &form.id).then("field", &field.name),
                    format!(
                        "service `{}` asks for `{}` twice: form `{other}` has it too",
                        service.id, field.name
                    ),
                    "a case has one value for a name; ask once, or give one of them another name",
                );
            }
        }
    }
    for form in index.input_forms(service) {
        for field in form.fields() {
            let (other, kind) = *asked
                .entry(field.name.as_str())
                .or_insert((form.id.as_str(), &field.kind));
            if *kind != field.kind {
                report.error(
                    &root.then("form", &form.id).then("field", &field.name),
                    format!(
                        "field `{}` is of another kind in form `{other}`",
                        field.name
                    ),
                    format!(
                        "a case of service `{}` has both; give one of them another name",
                        service.id
                    ),
                );
            }
        }
    }
}
