//! The form of an order: how it is paid, who gets the invoice, where the post goes, whom to call.

use super::{method_by_name, method_name, method_text};
use crate::applicant::{Answers, answers};
use crate::page::{Applicant, Visit};
use yinxin_core::definition::{Choice, Condition, Field, FieldKind, Form, Section};
use yinxin_core::form::Values;
use yinxin_core::money::Method;
use yinxin_services::payments::OrderDetails;
use yinxin_store::StoreError;

/// Characters of a name on an invoice or a parcel: what a tax bureau and a courier print.
const NAME_LIMIT: u32 = 100;
/// Characters of an address.
const ADDRESS_LIMIT: u32 = 200;

const UNIT: &str = "unit";
const PERSON: &str = "person";
const METHOD: &str = "method";
const INVOICE_KIND: &str = "invoice_kind";

/// The form with these ways to pay.
pub fn form(visit: &Visit, methods: &[Method]) -> Form {
    let text = |name: &str| visit.text(&format!("order_form.{name}")).to_owned();
    let hint = |name: &str| {
        let found = visit.state.texts().find(&format!("order_form.{name}_hint"));
        found.unwrap_or_default().to_owned()
    };
    let field = |name: &str, kind: FieldKind, autocomplete: &str| Field {
        name: name.into(),
        label: text(name).into(),
        hint: hint(name).into(),
        kind,
        required: true,
        max_length: 0,
        shown_when: None,
        autocomplete: autocomplete.into(),
    };
    let section = |id: &str, fields: Vec<Field>| Section {
        id: id.to_owned(),
        title: text(id),
        hint: hint(id),
        fields,
    };
    let choice = |value: &str| Choice {
        value: value.into(),
        label: text(value).into(),
        hint: "".into(),
    };
    let ways = methods
        .iter()
        .map(|method| Choice {
            value: method_name(*method).into(),
            label: method_text(visit, *method).into(),
            hint: hint(method_name(*method)).into(),
        })
        .collect();
    let units_only = Condition {
        field: INVOICE_KIND.to_owned(),
        values: vec![UNIT.to_owned()],
    };
    let bounded = |field: Field, limit: u32| Field {
        max_length: limit,
        ..field
    };
    let invoice = vec![
        field(
            INVOICE_KIND,
            FieldKind::Choice(vec![choice(UNIT), choice(PERSON)]),
            "",
        ),
        bounded(field("invoice_title", FieldKind::Text, ""), NAME_LIMIT),
        Field {
            shown_when: Some(units_only.into()),
            ..field("tax_number", FieldKind::TaxNumber, "")
        },
        field("invoice_email", FieldKind::Email, "email"),
    ];
    let delivery = vec![
        bounded(
            field("delivery_name", FieldKind::Text, "shipping name"),
            NAME_LIMIT,
        ),
        field("delivery_mobile", FieldKind::Mobile, "shipping tel"),
        bounded(
            field(
                "delivery_address",
                FieldKind::Address,
                "shipping street-address",
            ),
            ADDRESS_LIMIT,
        ),
    ];
    let contact = vec![
        field("contact_name", FieldKind::PersonName, "name"),
        field("contact_mobile", FieldKind::Mobile, "tel"),
    ];
    Form {
        id: "order".to_owned(),
        title: String::new(),
        sections: vec![
            section("pay", vec![field(METHOD, FieldKind::Choice(ways), "")]),
            section("invoice", invoice),
            section("delivery", delivery),
            section("contact", contact),
        ],
    }
}

/// What was chosen and said, from a form without problems.
pub fn read(values: &Values) -> (Option<Method>, OrderDetails) {
    let text = |name: &str| values.get(name).to_owned();
    let details = OrderDetails {
        invoice_title: text("invoice_title"),
        // A person has none: the field is not asked then.
        tax_number: text("tax_number"),
        invoice_email: text("invoice_email"),
        contact_name: text("contact_name"),
        contact_mobile: text("contact_mobile"),
        delivery_name: text("delivery_name"),
        delivery_mobile: text("delivery_mobile"),
        delivery_address: text("delivery_address"),
    };
    (method_by_name(values.get(METHOD)), details)
}

/// An order's details as the form's values: a title without a taxpayer number is a person's.
pub fn values(details: &OrderDetails, chosen: Option<Method>, methods: &[Method]) -> Values {
    let person = details.tax_number.is_empty() && !details.invoice_title.is_empty();
    let kind = if person { PERSON } else { UNIT };
    with_kind(details, kind, chosen, methods)
}

/// What somebody begins with who has not ordered yet. Whether the title is a unit's is theirs to say; most are.
pub fn first_values(details: &OrderDetails, methods: &[Method]) -> Values {
    with_kind(details, UNIT, None, methods)
}

/// A single way to pay is picked already.
fn with_kind(
    details: &OrderDetails,
    kind: &str,
    chosen: Option<Method>,
    methods: &[Method],
) -> Values {
    let only = match methods {
        [only] => Some(*only),
        _ => None,
    };
    let method = chosen.filter(|method| methods.contains(method)).or(only);
    [
        (METHOD, method.map_or("", method_name)),
        (INVOICE_KIND, kind),
        ("invoice_title", details.invoice_title.as_str()),
        ("tax_number", details.tax_number.as_str()),
        ("invoice_email", details.invoice_email.as_str()),
        ("delivery_name", details.delivery_name.as_str()),
        ("delivery_mobile", details.delivery_mobile.as_str()),
        ("delivery_address", details.delivery_address.as_str()),
        ("contact_name", details.contact_name.as_str()),
        ("contact_mobile", details.contact_mobile.as_str()),
    ]
    .into_iter()
    .collect()
}

/// The details to be read; the way to pay is said elsewhere.
pub fn shown(visit: &Visit, details: &OrderDetails, change: &str) -> Vec<Answers> {
    if *details == OrderDetails::default() {
        return Vec::new();
    }
    let values = values(details, None, &[]);
    form(visit, &[])
        .sections
        .iter()
        .skip(1)
        .map(|section| answers(section, &values, change.to_owned()))
        .collect()
}

/// First details of somebody who has not ordered yet: what the profile says, by the kinds of its fields.
pub async fn from_profile(applicant: &Applicant) -> Result<OrderDetails, StoreError> {
    let visit = &applicant.visit;
    let (site, account) = (&visit.site.id, &applicant.account);
    let Some((policy, _, profile)) = visit.state.engine.account_policy(site) else {
        return Ok(OrderDetails::default());
    };
    let known = visit.state.accounts.profile(site, account).await?.values;
    let fields = || profile.sections.iter().flat_map(|section| &section.fields);
    let first = |fits: fn(&FieldKind) -> bool| {
        fields()
            .filter(|field| fits(&field.kind))
            .map(|field| known.get(&field.name))
            .find(|value| !value.is_empty())
            .unwrap_or_default()
            .to_owned()
    };
    let name = first(|kind| matches!(kind, FieldKind::PersonName));
    let mobile = known.get(&policy.mobile_field).to_owned();
    Ok(OrderDetails {
        invoice_title: first(|kind| matches!(kind, FieldKind::OrganisationName)),
        tax_number: first(|kind| matches!(kind, FieldKind::TaxNumber | FieldKind::Uscc)),
        invoice_email: first(|kind| matches!(kind, FieldKind::Email)),
        contact_name: name.clone(),
        contact_mobile: mobile.clone(),
        delivery_name: name,
        delivery_mobile: mobile,
        delivery_address: first(|kind| matches!(kind, FieldKind::Address)),
    })
}
