//! Subject names (RFC 5280, 4.1.2.6) from the short names that plugins use.

use der::asn1::{Any, Ia5StringRef, ObjectIdentifier, PrintableStringRef, SetOfVec};
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::Name;
use yinxin_core::rules::NamedValue;

/// Why a subject is not encodable. Names the attribute, never its value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectProblem {
    #[error("`{0}` is no known attribute of a subject")]
    Unknown(String),
    #[error("the value of `{0}` is empty or has characters that the attribute does not allow")]
    Value(String),
    #[error("the subject has no attributes")]
    Empty,
}

/// How an attribute's value is encoded.
#[derive(Clone, Copy)]
enum Encoding {
    Utf8,
    /// RFC 5280 asks for it: countryName and serialNumber.
    Printable,
    /// Addresses of RFC 822.
    Ia5,
}

const ATTRIBUTES: [(&str, &str, Encoding); 13] = [
    ("C", "2.5.4.6", Encoding::Printable),
    ("ST", "2.5.4.8", Encoding::Utf8),
    ("L", "2.5.4.7", Encoding::Utf8),
    ("STREET", "2.5.4.9", Encoding::Utf8),
    ("O", "2.5.4.10", Encoding::Utf8),
    ("OU", "2.5.4.11", Encoding::Utf8),
    ("CN", "2.5.4.3", Encoding::Utf8),
    ("T", "2.5.4.12", Encoding::Utf8),
    ("SN", "2.5.4.4", Encoding::Utf8),
    ("GN", "2.5.4.42", Encoding::Utf8),
    ("serialNumber", "2.5.4.5", Encoding::Printable),
    ("emailAddress", "1.2.840.113549.1.9.1", Encoding::Ia5),
    ("UID", "0.9.2342.19200300.100.1.1", Encoding::Utf8),
];

/// The name, one attribute a step, in the order given.
pub(super) fn encode(attributes: &[NamedValue]) -> Result<Name, SubjectProblem> {
    if attributes.is_empty() {
        return Err(SubjectProblem::Empty);
    }
    let steps: Vec<SetOfVec<AttributeTypeAndValue>> =
        attributes.iter().map(step).collect::<Result<_, _>>()?;
    let bytes = steps.to_der().map_err(|_| SubjectProblem::Empty)?;
    Name::from_der(&bytes).map_err(|_| SubjectProblem::Empty)
}

fn step(attribute: &NamedValue) -> Result<SetOfVec<AttributeTypeAndValue>, SubjectProblem> {
    let known = ATTRIBUTES.iter().find(|(name, ..)| *name == attribute.name);
    let (_, oid, encoding) =
        known.ok_or_else(|| SubjectProblem::Unknown(attribute.name.clone()))?;
    let bad = || SubjectProblem::Value(attribute.name.clone());
    let value = attribute.value.trim();
    let tag = match encoding {
        Encoding::Utf8 => Tag::Utf8String,
        Encoding::Printable => PrintableStringRef::new(value)
            .map(|_| Tag::PrintableString)
            .map_err(|_| bad())?,
        Encoding::Ia5 => Ia5StringRef::new(value)
            .map(|_| Tag::Ia5String)
            .map_err(|_| bad())?,
    };
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(bad());
    }
    let oid = ObjectIdentifier::new(oid).map_err(|_| bad())?;
    let value = Any::new(tag, value.as_bytes()).map_err(|_| bad())?;
    SetOfVec::try_from(vec![AttributeTypeAndValue { oid, value }]).map_err(|_| bad())
}

/// Attributes of a name in their order, by short name; one that we have no name for by its identifier in digits. A value
/// that is no text is left out.
pub(super) fn decode(name: &Name) -> Vec<NamedValue> {
    let attributes = name.iter().filter_map(|attribute| {
        let oid = attribute.oid.to_string();
        let known = ATTRIBUTES.iter().find(|(_, known, _)| *known == oid);
        let value = match attribute.value.tag() {
            Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
                std::str::from_utf8(attribute.value.value()).ok()?
            }
            _ => return None,
        };
        Some(NamedValue {
            name: known.map_or(oid, |(name, ..)| (*name).to_owned()),
            value: value.to_owned(),
        })
    });
    attributes.collect()
}

/// The text of RFC 4514: last attribute first, special characters escaped.
pub(super) fn text(attributes: &[NamedValue]) -> String {
    let parts = attributes.iter().rev().map(|attribute| {
        let mut part = format!("{}=", attribute.name);
        for (index, c) in attribute.value.trim().chars().enumerate() {
            if matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';') || (index == 0 && c == '#') {
                part.push('\\');
            }
            part.push(c);
        }
        part
    });
    parts.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str, value: &str) -> NamedValue {
        NamedValue {
            name: name.into(),
            value: value.into(),
        }
    }

    #[test]
    fn unknown_attributes_and_values_that_cannot_be_encoded_are_named() {
        let problem = |name, value| encode(&[attribute(name, value)]).unwrap_err();
        assert_eq!(problem("cn", "x"), SubjectProblem::Unknown("cn".into()));
        assert_eq!(problem("C", "中"), SubjectProblem::Value("C".into()));
        assert_eq!(
            problem("serialNumber", "一"),
            SubjectProblem::Value("serialNumber".into())
        );
        assert_eq!(problem("CN", " "), SubjectProblem::Value("CN".into()));
        assert_eq!(problem("CN", "a\0b"), SubjectProblem::Value("CN".into()));
        assert_eq!(encode(&[]).unwrap_err(), SubjectProblem::Empty);
        assert_eq!(
            encode(&[attribute("C", "CN"), attribute("CN", "钟𬭎")])
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn the_text_runs_from_the_last_attribute_and_escapes() {
        let subject = [
            attribute("C", "CN"),
            attribute("O", "甲,乙+公司"),
            attribute("CN", "#1"),
        ];
        assert_eq!(text(&subject), "CN=\\#1,O=甲\\,乙\\+公司,C=CN");
        assert_eq!(decode(&encode(&subject).unwrap()), subject);
    }
}
