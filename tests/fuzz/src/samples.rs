//! A form with a field of every kind, and texts that are odd.

use yinxin_core::definition::{Choice, Condition, Field, FieldKind, Form, NumberRange, Section};

fn field(name: &str, kind: FieldKind) -> Field {
    Field {
        name: name.into(),
        label: "某项".into(),
        hint: "提示".into(),
        kind,
        required: false,
        max_length: 0,
        shown_when: None,
        autocomplete: "".into(),
    }
}

/// A field of every kind, two of which are asked only on a condition.
pub(crate) fn form() -> Form {
    let choice = |value: &str| Choice {
        value: value.into(),
        label: "选项".into(),
        hint: "".into(),
    };
    let range = NumberRange {
        min: -5,
        max: 1_000_000,
        unit: "个".into(),
    };
    let mut fields = vec![
        field("text", FieldKind::Text),
        field("multiline", FieldKind::Multiline),
        field("person", FieldKind::PersonName),
        field("organisation", FieldKind::OrganisationName),
        field("uscc", FieldKind::Uscc),
        field("identity", FieldKind::IdentityNumber),
        field("tax", FieldKind::TaxNumber),
        field("mobile", FieldKind::Mobile),
        field("phone", FieldKind::Phone),
        field("email", FieldKind::Email),
        field("postcode", FieldKind::Postcode),
        field("address", FieldKind::Address),
        field("region", FieldKind::Region),
        field("date", FieldKind::Date),
        field("number", FieldKind::Number(range.into())),
        field("money", FieldKind::Money),
        field("choice", FieldKind::Choice(vec![choice("a"), choice("b")])),
        field("flag", FieldKind::Flag),
        field("username", FieldKind::Username),
        field("answer", FieldKind::SecretAnswer),
        field("tracking", FieldKind::TrackingNumber),
        field("request", FieldKind::CertificateRequest),
        field("file", FieldKind::Attachment),
    ];
    let condition = |field: &str, value: &str| {
        Box::new(Condition {
            field: field.into(),
            values: vec![value.into()],
        })
    };
    let mut asked = field("asked", FieldKind::Text);
    asked.shown_when = Some(condition("choice", "a"));
    asked.required = true;
    asked.max_length = 5;
    let mut unasked = field("unasked", FieldKind::Text);
    unasked.shown_when = Some(condition("flag", ""));
    fields.extend([asked, unasked]);
    Form {
        id: "all".into(),
        title: "表单".into(),
        sections: vec![Section {
            id: "all".into(),
            title: "全部".into(),
            hint: String::new(),
            fields,
        }],
    }
}

/// Texts that have broken programs before.
pub(crate) const ODD: [&str; 16] = [
    "",
    " ",
    "\0",
    "\u{202e}gpj.exe",
    "<script>alert(1)</script>",
    "{unit}",
    "{",
    "}}{{",
    "{{}}",
    "../../etc/passwd",
    "鿕𬎆",
    "-1",
    "9223372036854775808",
    "1e308",
    "e\u{301}\u{200b}",
    "\r\nSet-Cookie: a=b",
];
