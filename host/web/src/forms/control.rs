//! One field as a control: what a browser needs to know of its kind.

use super::answered::Answered;
use super::{OfferView, element_id};
use crate::texts::Texts;
use ecow::EcoString;
use serde::Serialize;
use yinxin_core::definition::{Choice, Field, FieldKind};
use yinxin_core::field;

/// From this many choices on they are a list to choose from instead of radio buttons.
const LIST_FROM: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    Input,
    Textarea,
    Radio,
    Select,
    Region,
    Checkbox,
    File,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChoiceView {
    pub id: String,
    pub value: EcoString,
    pub label: EcoString,
    pub hint: EcoString,
    pub chosen: bool,
}

/// One field, ready for the template `forms/field.html`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldView {
    pub name: EcoString,
    pub id: String,
    pub label: EcoString,
    pub hint: EcoString,
    pub control: Control,
    /// `type` of an input.
    pub input_type: &'static str,
    pub input_mode: &'static str,
    pub autocomplete: EcoString,
    /// `off` where a spelling checker would do harm.
    pub plain: bool,
    /// Codes are set in even digits.
    pub is_code: bool,
    /// 0: no limit that a browser should enforce.
    pub max_length: usize,
    pub min: String,
    pub max: String,
    /// Said behind the input: 元, or the number's unit.
    pub unit: String,
    pub value: String,
    pub required: bool,
    pub read_only: bool,
    pub error: String,
    pub offer: Option<OfferView>,
    pub choices: Vec<ChoiceView>,
    /// The script's check by this name, and its sentences as JSON.
    pub check: &'static str,
    pub sentences: String,
    /// The condition under which it is asked; `unmet` hides it at once where scripts run.
    pub shown_field: String,
    pub shown_values: String,
    pub unmet: bool,
    /// Ids of hint and error, for `aria-describedby`.
    pub described_by: String,
}

impl FieldView {
    pub fn new(field: &Field, answered: &Answered<'_>, texts: &Texts) -> Self {
        let id = element_id(&field.name);
        let kind = Kind::of(&field.kind);
        let mut described = Vec::new();
        if !field.hint.is_empty() {
            described.push(format!("{id}-hint"));
        }
        if !answered.error.is_empty() || !kind.check.is_empty() {
            described.push(format!("{id}-error"));
        }
        let condition = field.shown_when.as_deref();
        Self {
            label: field.label.clone(),
            hint: field.hint.clone(),
            control: kind.control,
            input_type: kind.input_type,
            input_mode: kind.input_mode,
            autocomplete: field.autocomplete.clone(),
            plain: kind.plain,
            is_code: kind.is_code,
            max_length: kind.typed_limit(field),
            min: kind.min,
            max: kind.max,
            unit: kind.unit,
            value: answered.value.clone().into_owned(),
            required: field.required,
            read_only: answered.read_only,
            error: answered.error.to_owned(),
            offer: answered.offer.clone(),
            choices: choices(&id, &field.kind, &answered.value),
            check: kind.check,
            sentences: if kind.check.is_empty() {
                String::new()
            } else {
                texts.json(&format!("checks.{}", kind.check))
            },
            shown_field: condition.map(|c| c.field.clone()).unwrap_or_default(),
            shown_values: condition
                .and_then(|c| serde_json::to_string(&c.values).ok())
                .unwrap_or_default(),
            unmet: answered.unmet,
            described_by: described.join(" "),
            name: field.name.clone(),
            id,
        }
    }
}

/// What a browser is told of a kind.
struct Kind {
    control: Control,
    input_type: &'static str,
    input_mode: &'static str,
    plain: bool,
    is_code: bool,
    min: String,
    max: String,
    unit: String,
    check: &'static str,
}

impl Kind {
    fn of(kind: &FieldKind) -> Self {
        let mut told = Self {
            control: Control::Input,
            input_type: "text",
            input_mode: "",
            plain: true,
            is_code: false,
            min: String::new(),
            max: String::new(),
            unit: String::new(),
            check: "",
        };
        match kind {
            FieldKind::Text | FieldKind::OrganisationName | FieldKind::PersonName => {
                told.plain = false
            }
            FieldKind::Address => told.plain = false,
            FieldKind::Multiline => {
                told.control = Control::Textarea;
                told.plain = false;
            }
            FieldKind::CertificateRequest => {
                told.control = Control::Textarea;
                told.is_code = true;
            }
            FieldKind::Uscc => (told.is_code, told.check) = (true, "uscc"),
            FieldKind::IdentityNumber => (told.is_code, told.check) = (true, "identity-number"),
            FieldKind::TaxNumber => (told.is_code, told.check) = (true, "tax-number"),
            FieldKind::TrackingNumber => (told.is_code, told.check) = (true, "tracking-number"),
            FieldKind::Mobile => {
                (told.input_type, told.input_mode, told.check) = ("tel", "numeric", "mobile");
            }
            FieldKind::Phone => (told.input_type, told.input_mode) = ("tel", "tel"),
            FieldKind::Email => {
                (told.input_type, told.input_mode, told.check) = ("email", "email", "email");
            }
            FieldKind::Postcode => (told.input_mode, told.check) = ("numeric", "postcode"),
            FieldKind::Region => told.control = Control::Region,
            FieldKind::Date => told.input_type = "date",
            FieldKind::Number(range) => {
                told.input_mode = "numeric";
                told.min = range.min.to_string();
                told.max = range.max.to_string();
                told.unit.clone_from(&range.unit);
            }
            FieldKind::Money => (told.input_mode, told.unit) = ("decimal", "元".to_owned()),
            FieldKind::Choice(choices) if choices.len() < LIST_FROM => {
                told.control = Control::Radio
            }
            FieldKind::Choice(_) => told.control = Control::Select,
            FieldKind::Flag => told.control = Control::Checkbox,
            FieldKind::Username => {}
            // Not a password that a browser should keep, but nobody reads it over the shoulder.
            FieldKind::SecretAnswer => told.input_type = "password",
            FieldKind::Attachment => told.control = Control::File,
        }
        told
    }

    /// Texts are stopped at their limit while typing. Codes are not: whoever pastes one with spaces would lose its end.
    fn typed_limit(&self, field: &Field) -> usize {
        let free = !self.plain && matches!(self.control, Control::Input | Control::Textarea);
        if free { field::limit(field) } else { 0 }
    }
}

fn choices(id: &str, kind: &FieldKind, value: &str) -> Vec<ChoiceView> {
    let FieldKind::Choice(choices) = kind else {
        return Vec::new();
    };
    let view = |(place, choice): (usize, &Choice)| ChoiceView {
        // The first has the field's own id: that is where the error summary leads.
        id: if place == 0 {
            id.to_owned()
        } else {
            format!("{id}-{place}")
        },
        value: choice.value.clone(),
        label: choice.label.clone(),
        hint: choice.hint.clone(),
        chosen: choice.value == value,
    };
    choices.iter().enumerate().map(view).collect()
}
