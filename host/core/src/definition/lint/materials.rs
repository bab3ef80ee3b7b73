//! Materials to upload, and identity checks.

use super::bounds::{FILE_BYTES, FILES};
use super::index::{Index, Scope};
use super::report::{Place, Report};
use crate::definition::{FieldKind, IdentityCheck, Material};

pub(super) fn check(report: &mut Report, root: &Place, index: &Index) {
    for material in &index.definition.materials {
        let place = root.then("material", &material.id);
        report.label(&place, "title", &material.title);
        report.hint(&place, "hint", &material.hint);
        for (n, reason) in material.refusal_reasons.iter().enumerate() {
            report.label(&place.nth("refusal reason", n), "sentence", reason);
        }
        size(report, &place, material);
        files(report, &place, material);
        if let Some(template) = &material.template
            && index.document(template).is_none()
        {
            report.unknown(
                &place.then("template", template),
                "document",
                template,
                index.documents(),
            );
        }
        let users = index.users_of_material(&material.id);
        if users.is_empty() {
            unused(report, &place, "material", &material.id);
        }
        if let Some(condition) = &material.shown_when {
            for scope in index.scopes(&users) {
                scope.condition(report, &place, condition);
            }
        }
    }
    for check in &index.definition.checks {
        let place = root.then("identity check", &check.id);
        report.label(&place, "title", &check.title);
        report.hint(&place, "hint", &check.hint);
        let users = index.users_of_check(&check.id);
        if users.is_empty() {
            unused(report, &place, "identity check", &check.id);
        }
        for scope in index.scopes(&users) {
            person(report, &place, check, &scope);
        }
    }
}

fn unused(report: &mut Report, place: &Place, what: &str, id: &str) {
    report.warning(
        place,
        format!("{what} `{id}` is never asked for"),
        "name it in a step, or remove it",
    );
}

fn size(report: &mut Report, place: &Place, material: &Material) {
    let most = FILE_BYTES / (1024 * 1024);
    let help =
        format!("set max-bytes to what a good scan needs, at most {FILE_BYTES} ({most} MiB)");
    if material.max_bytes == 0 {
        report.error(
            place,
            format!("nothing bounds the size of an upload for `{}`", material.id),
            help,
        );
    } else if material.max_bytes > FILE_BYTES {
        report.error(
            place,
            format!(
                "an upload for `{}` may have {} bytes",
                material.id, material.max_bytes
            ),
            help,
        );
    }
    if material.formats.is_empty() {
        report.error(
            place,
            format!("no format of file is accepted for `{}`", material.id),
            "list the formats, such as jpeg and png",
        );
    }
}

fn files(report: &mut Report, place: &Place, material: &Material) {
    if !(1..=FILES).contains(&material.files) {
        report.error(
            place,
            format!("material `{}` has {} files", material.id, material.files),
            format!("set files to 1 to {FILES}"),
        );
    }
    let captions = material.captions.len();
    if captions > 0 && u32::try_from(captions).unwrap_or(u32::MAX) != material.files {
        report.error(
            place,
            format!("there are {captions} captions for {} files", material.files),
            "give every file a caption, or none",
        );
    }
    for (n, caption) in material.captions.iter().enumerate() {
        report.label(&place.nth("caption", n), "caption", caption);
    }
}

fn person(report: &mut Report, place: &Place, check: &IdentityCheck, scope: &Scope) {
    let name = scope.expect(
        report,
        &place.then("name-field", &check.name_field),
        &check.name_field,
    );
    if let Some(field) = name.filter(|field| field.kind != FieldKind::PersonName) {
        report.error(
            place,
            format!("field `{}` is no name of a person", field.name),
            "name a field of the kind `person-name` as name-field",
        );
    }
    let number = scope.expect(
        report,
        &place.then("number-field", &check.number_field),
        &check.number_field,
    );
    if let Some(field) = number.filter(|field| field.kind != FieldKind::IdentityNumber) {
        report.error(
            place,
            format!("field `{}` is no identity number", field.name),
            "name a field of the kind `identity-number` as number-field",
        );
    }
}
