//! The account policy: who registers with what, and what proves it.

use super::index::{Index, Scope};
use super::report::{Place, Report};
use crate::definition::{AccountPolicy, FieldKind, Form, LoginId, Proof};

pub(super) fn check(report: &mut Report, root: &Place, index: &Index) {
    let Some(policy) = &index.definition.account_policy else {
        return;
    };
    let place = root.then("account", "policy");
    let form = |report: &mut Report, what: &str, id: &str| {
        let form = index.form(id);
        if form.is_none() {
            report.unknown(&place.then(what, id), "form", id, index.forms());
        }
        form
    };
    if let Some(registration) = form(report, "registration-form", &policy.registration_form) {
        login_ids(report, &place, policy, registration);
    }
    if let Some(profile) = form(report, "profile-form", &policy.profile_form) {
        profile_fields(report, &place, policy, profile);
    }
    if !(8..=64).contains(&policy.password_length) {
        report.error(
            &place,
            format!("passwords of {} characters are asked for", policy.password_length),
            "set password-length to 8 to 64: shorter ones are guessed, longer ones are not remembered",
        );
    }
    if !policy.recovery_proofs.contains(&Proof::SmsCode) {
        report.error(
            &place,
            "anybody could set a new password for an account",
            "put sms-code into the recovery proofs",
        );
    }
}

fn login_ids(report: &mut Report, place: &Place, policy: &AccountPolicy, form: &Form) {
    if policy.login_ids.is_empty() {
        report.error(
            place,
            "nothing logs in",
            "list at least one of uscc, mobile, email and username as login-id",
        );
    }
    let field_of = |id: LoginId| form.fields().find(|field| field.kind == kind_of(id));
    for (n, id) in policy.login_ids.iter().enumerate() {
        let name = name_of(*id);
        if policy.login_ids.iter().take(n).any(|other| other == id) {
            report.error(
                place,
                format!("`{name}` is a login-id twice"),
                "list it once",
            );
        }
        if field_of(*id).is_none() {
            report.error(
                place,
                format!("`{name}` logs in, but registration never asks for it"),
                format!(
                    "add a field of the kind `{name}` to form `{}`, or remove the login-id",
                    form.id
                ),
            );
        }
    }
    let always = |id: &LoginId| {
        field_of(*id).is_some_and(|field| field.required && field.shown_when.is_none())
    };
    if policy.login_ids.iter().all(|id| field_of(*id).is_some())
        && !policy.login_ids.iter().any(always)
    {
        report.error(
            place,
            "an account could be registered that nobody can log in to",
            format!(
                "make one of the login-ids' fields in form `{}` required, without a condition",
                form.id
            ),
        );
    }
}

fn profile_fields(report: &mut Report, place: &Place, policy: &AccountPolicy, form: &Form) {
    let scope = Scope {
        name: format!("form `{}`", form.id),
        fields: form.fields().collect(),
    };
    scope.expect(
        report,
        &place.then("name-field", &policy.name_field),
        &policy.name_field,
    );
    for name in &policy.clerk_only_fields {
        scope.expect(report, &place.then("clerk-only-field", name), name);
    }
    let place = place.then("mobile-field", &policy.mobile_field);
    if let Some(field) = scope.expect(report, &place, &policy.mobile_field)
        && field.kind != FieldKind::Mobile
    {
        report.error(
            &place,
            format!(
                "field `{}` gets codes by SMS, but is no mobile number",
                field.name
            ),
            "give the field the kind `mobile`, or name another one",
        );
    }
}

fn kind_of(id: LoginId) -> FieldKind {
    match id {
        LoginId::Uscc => FieldKind::Uscc,
        LoginId::Mobile => FieldKind::Mobile,
        LoginId::Email => FieldKind::Email,
        LoginId::Username => FieldKind::Username,
    }
}

fn name_of(id: LoginId) -> &'static str {
    match id {
        LoginId::Uscc => "uscc",
        LoginId::Mobile => "mobile",
        LoginId::Email => "email",
        LoginId::Username => "username",
    }
}
