//! Forms: sections and fields. A field is required unless it says otherwise.

use super::{Choice, Field, FieldKind, Form, NumberRange, Section, when};
use core::ops::RangeInclusive;

pub fn form(id: &str, title: &str) -> Form {
    Form {
        id: id.into(),
        title: title.into(),
        sections: Vec::new(),
    }
}

impl Form {
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The fields in a section without a title of its own, for short forms.
    pub fn fields(self, fields: impl IntoIterator<Item = Field>) -> Self {
        let (id, title) = (self.id.clone(), self.title.clone());
        self.section(section(&id, &title).fields(fields))
    }
}

/// A clerk judges section by section, so a section is what can be wrong together.
pub fn section(id: &str, title: &str) -> Section {
    Section {
        id: id.into(),
        title: title.into(),
        hint: String::new(),
        fields: Vec::new(),
    }
}

impl Section {
    pub fn hint(mut self, sentence: &str) -> Self {
        self.hint = sentence.into();
        self
    }

    pub fn fields(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.fields.extend(fields);
        self
    }
}

impl Field {
    fn of_kind(kind: FieldKind, name: &str, label: &str) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            hint: String::new(),
            kind,
            required: true,
            max_length: 0,
            shown_when: None,
            autocomplete: String::new(),
        }
    }

    pub fn hint(mut self, sentence: &str) -> Self {
        self.hint = sentence.into();
        self
    }

    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Characters at most.
    pub fn max(mut self, characters: u32) -> Self {
        self.max_length = characters;
        self
    }

    /// Asked only when a field above has one of these values.
    pub fn shown_when<'a>(
        mut self,
        field: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.shown_when = when(field, values);
        self
    }

    /// The autocomplete token of the HTML standard: `tel`, `email`, `organization`.
    pub fn autocomplete(mut self, token: &str) -> Self {
        self.autocomplete = token.into();
        self
    }
}

/// One of a few.
pub fn choice(name: &str, label: &str, options: impl IntoIterator<Item = Choice>) -> Field {
    let options = options.into_iter().collect();
    Field::of_kind(FieldKind::Choice(options), name, label)
}

pub fn option(value: &str, label: &str, hint: impl Into<String>) -> Choice {
    Choice {
        value: value.into(),
        label: label.into(),
        hint: hint.into(),
    }
}

/// A whole number in a range, with its unit: 年, 个.
pub fn number(name: &str, label: &str, range: RangeInclusive<i64>, unit: &str) -> Field {
    let range = NumberRange {
        min: *range.start(),
        max: *range.end(),
        unit: unit.into(),
    };
    Field::of_kind(FieldKind::Number(range), name, label)
}

/// One line of free text; give it a limit with [`Field::max`].
pub fn text(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Text, name, label)
}

/// Several lines of free text; give it a limit with [`Field::max`].
pub fn multiline(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Multiline, name, label)
}

/// Name of a person, 2 to 32 characters.
pub fn person_name(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::PersonName, name, label)
}

/// Name of an organisation.
pub fn organisation_name(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::OrganisationName, name, label)
}

/// Unified social credit code (GB 32100), check character verified.
pub fn uscc(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Uscc, name, label)
}

/// Identity number (GB 11643), check digit verified; sealed at rest.
pub fn identity_number(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::IdentityNumber, name, label)
}

/// Taxpayer number.
pub fn tax_number(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::TaxNumber, name, label)
}

/// Mainland mobile number.
pub fn mobile(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Mobile, name, label)
}

/// Fixed line or mobile.
pub fn phone(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Phone, name, label)
}

pub fn email(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Email, name, label)
}

pub fn postcode(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Postcode, name, label)
}

/// Postal address; give it a limit with [`Field::max`].
pub fn address(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Address, name, label)
}

/// Province and city.
pub fn region(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Region, name, label)
}

pub fn date(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Date, name, label)
}

/// Yuan with two places; the value is integer fen.
pub fn money(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Money, name, label)
}

/// A box to tick; required means that it has to be ticked.
pub fn flag(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Flag, name, label)
}

/// Login name, 1 to 12 letters or digits.
pub fn username(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Username, name, label)
}

/// Answer to a challenge question; only its hash is kept.
pub fn secret_answer(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::SecretAnswer, name, label)
}

/// Courier's tracking number.
pub fn tracking_number(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::TrackingNumber, name, label)
}

/// PKCS#10 request in PEM, its signature verified.
pub fn certificate_request(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::CertificateRequest, name, label)
}

/// A PDF that a clerk attaches; the value is the file's id.
pub fn attachment(name: &str, label: &str) -> Field {
    Field::of_kind(FieldKind::Attachment, name, label)
}
