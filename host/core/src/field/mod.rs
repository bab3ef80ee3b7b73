//! One field of a form: from what a person typed to the canonical text of its kind, and back to what a person reads.

mod contact;
mod number;
pub(crate) mod text;

use crate::definition::{Field, FieldKind};
use crate::identity_number::{self, IdentityNumber};
use crate::mobile::Mobile;
use crate::money::Fen;
use crate::uscc::Uscc;

/// The value of a ticked box.
pub const TICKED: &str = "yes";

/// Reads what was typed into the canonical text of the field's kind, or says in a Chinese sentence what to do. A blank
/// text is the empty answer; whether an answer is required is the form's question (`crate::form`).
pub fn parse(field: &Field, raw: &str) -> Result<String, String> {
    let raw = text::without_invisible(raw);
    if raw.trim().is_empty() {
        return Ok(String::new());
    }
    // What passes the kind's own reading may still hold what a database cannot keep.
    let breaks = matches!(
        field.kind,
        FieldKind::Multiline | FieldKind::Address | FieldKind::CertificateRequest
    );
    let forbidden = |c: char| text::is_forbidden(c) && !(breaks && matches!(c, '\n' | '\r' | '\t'));
    if raw.trim().chars().any(forbidden) {
        return Err("内容中含有不能显示的字符，请删除后重新输入".to_owned());
    }
    let limit = limit(field);
    match &field.kind {
        FieldKind::Text
        | FieldKind::OrganisationName
        | FieldKind::Region
        | FieldKind::SecretAnswer => text::line(&raw, limit),
        FieldKind::Multiline => text::lines(&raw, limit),
        FieldKind::Address => text::lines(&raw, limit).map(|lines| lines.replace('\n', " ")),
        FieldKind::PersonName => text::person_name(&raw, limit),
        FieldKind::Uscc => Uscc::parse(&raw)
            .map(String::from)
            .map_err(|e| e.to_string()),
        FieldKind::IdentityNumber => IdentityNumber::parse(&raw)
            .map(|number| number.as_str().to_owned())
            .map_err(|e| e.to_string()),
        FieldKind::TaxNumber => number::tax_number(&raw),
        FieldKind::Mobile => Mobile::parse(&raw)
            .map(String::from)
            .map_err(|e| e.to_string()),
        FieldKind::Phone => contact::phone(&raw),
        FieldKind::Email => contact::email(&raw).and_then(|address| text::within(address, limit)),
        FieldKind::Postcode => contact::postcode(&raw),
        FieldKind::Date => number::date(&raw),
        FieldKind::Number(range) => number::number(&raw, range),
        FieldKind::Money => number::money(&raw),
        FieldKind::Choice(choices) => choices
            .iter()
            .find(|choice| choice.value == raw.trim())
            .map(|choice| choice.value.to_string())
            .ok_or_else(|| "请从列出的选项中选择一项".to_owned()),
        FieldKind::Flag => match raw.trim() {
            TICKED | "on" | "true" | "1" => Ok(TICKED.to_owned()),
            _ => Err("请勾选或不勾选此项".to_owned()),
        },
        FieldKind::Username => number::username(&raw),
        FieldKind::TrackingNumber => number::tracking_number(&raw),
        FieldKind::CertificateRequest => certificate_request(&raw, limit),
        FieldKind::Attachment => attachment(&raw),
    }
}

/// Characters that the field takes: the kind's own limit, lowered by the definition's.
pub fn limit(field: &Field) -> usize {
    let own = match field.kind {
        FieldKind::Text
        | FieldKind::Multiline
        | FieldKind::Address
        | FieldKind::OrganisationName => 4000,
        FieldKind::PersonName => 32,
        // 新疆维吾尔自治区 克孜勒苏柯尔克孜自治州, twice over.
        FieldKind::Region => 64,
        FieldKind::SecretAnswer => 100,
        FieldKind::Email => 254, // RFC 5321, 4.5.3.1
        FieldKind::Phone => 24,
        FieldKind::TrackingNumber => 32,
        FieldKind::TaxNumber => 20,
        FieldKind::Uscc | FieldKind::IdentityNumber => 18,
        FieldKind::Username => 12,
        FieldKind::Mobile => 11,
        FieldKind::Postcode => 6,
        FieldKind::Date => 10,
        // An RSA-4096 request with extensions is below 3 KB.
        FieldKind::CertificateRequest => 16 * 1024,
        FieldKind::Number(_) | FieldKind::Money => 20,
        FieldKind::Choice(_) | FieldKind::Flag | FieldKind::Attachment => 64,
    };
    if field.max_length == 0 {
        own
    } else {
        own.min(field.max_length as usize)
    }
}

/// A PKCS#10 request in PEM; its signature is verified where it is used, not here.
fn certificate_request(raw: &str, limit: usize) -> Result<String, String> {
    const WHAT: &str =
        "请粘贴完整的证书请求（PKCS#10，PEM 格式，以 -----BEGIN CERTIFICATE REQUEST----- 开头）";
    let text = text::lines(raw, limit)?;
    let body = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"]
        .iter()
        .find_map(|label| {
            text.strip_prefix(&format!("-----BEGIN {label}-----"))?
                .strip_suffix(&format!("-----END {label}-----"))
        });
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '\n');
    match body {
        Some(body) if !body.trim().is_empty() && body.chars().all(base64) => Ok(text),
        _ => Err(WHAT.to_owned()),
    }
}

fn attachment(raw: &str) -> Result<String, String> {
    let id = raw.trim();
    let fits = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fits {
        Ok(id.to_owned())
    } else {
        Err("请重新上传文件".to_owned())
    }
}

/// What a person reads: the choice's label, yuan, 是 or 否; empty for an empty answer.
pub fn display(field: &Field, value: &str) -> String {
    match &field.kind {
        FieldKind::Flag => if value == TICKED { "是" } else { "否" }.to_owned(),
        _ if value.is_empty() => String::new(),
        FieldKind::Choice(choices) => choices
            .iter()
            .find(|choice| choice.value == value)
            .map_or(value, |choice| &choice.label)
            .to_owned(),
        FieldKind::Money => value
            .parse()
            .map_or_else(|_| value.to_owned(), |fen| format!("{} 元", Fen(fen))),
        FieldKind::Number(range) if !range.unit.is_empty() => format!("{value} {}", range.unit),
        FieldKind::Date => value.parse::<jiff::civil::Date>().map_or_else(
            |_| value.to_owned(),
            |date| format!("{}年{}月{}日", date.year(), date.month(), date.day()),
        ),
        FieldKind::SecretAnswer => "已填写".to_owned(),
        FieldKind::Attachment | FieldKind::CertificateRequest => "已上传".to_owned(),
        _ => value.to_owned(),
    }
}

/// As [`display`], with the middle of identity numbers and mobile numbers hidden.
pub fn masked(field: &Field, value: &str) -> String {
    match field.kind {
        FieldKind::IdentityNumber => identity_number::mask(value),
        FieldKind::Mobile | FieldKind::Phone => {
            Mobile::parse(value).map_or_else(|_| display(field, value), |mobile| mobile.masked())
        }
        _ => display(field, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Choice;

    fn field(kind: FieldKind) -> Field {
        Field {
            name: "f".into(),
            label: "字段".into(),
            hint: "".into(),
            kind,
            required: true,
            max_length: 0,
            shown_when: None,
            autocomplete: "".into(),
        }
    }

    fn lock_kind() -> FieldKind {
        let choice = |value: &str, label: &str| Choice {
            value: value.into(),
            label: label.into(),
            hint: "".into(),
        };
        FieldKind::Choice(vec![choice("main", "主锁"), choice("sub", "副锁")])
    }

    #[test]
    fn only_the_check_character_is_named_when_only_that_is_wrong() {
        let uscc = field(FieldKind::Uscc);
        assert_eq!(
            parse(&uscc, "９１３５０１００m000100y43").as_deref(),
            Ok("91350100M000100Y43")
        );
        assert_eq!(
            parse(&uscc, "123").unwrap_err(),
            "请输入 18 位统一社会信用代码"
        );
        assert!(
            parse(&uscc, "91350100M000100Y44")
                .unwrap_err()
                .contains("校验码")
        );
    }

    #[test]
    fn a_blank_answer_is_empty_and_no_mistake() {
        for kind in [
            FieldKind::Uscc,
            FieldKind::Mobile,
            FieldKind::Date,
            lock_kind(),
            FieldKind::Flag,
        ] {
            assert_eq!(parse(&field(kind), " \u{3000}\u{feff}").as_deref(), Ok(""));
        }
    }

    #[test]
    fn the_definition_lowers_a_kinds_own_limit_and_cannot_raise_it() {
        let mut name = field(FieldKind::PersonName);
        assert_eq!(limit(&name), 32);
        name.max_length = 100;
        assert_eq!(limit(&name), 32);
        name.max_length = 4;
        assert_eq!(
            parse(&name, "欧阳娜娜娜").unwrap_err(),
            "最多可填 4 个字，现在是 5 个字"
        );
    }

    #[test]
    fn control_characters_are_refused_in_every_kind() {
        let all = [
            FieldKind::Text,
            FieldKind::Multiline,
            FieldKind::PersonName,
            FieldKind::OrganisationName,
            FieldKind::Uscc,
            FieldKind::IdentityNumber,
            FieldKind::TaxNumber,
            FieldKind::Mobile,
            FieldKind::Phone,
            FieldKind::Email,
            FieldKind::Postcode,
            FieldKind::Address,
            FieldKind::Region,
            FieldKind::Date,
            FieldKind::Money,
            lock_kind(),
            FieldKind::Flag,
            FieldKind::Username,
            FieldKind::SecretAnswer,
            FieldKind::TrackingNumber,
            FieldKind::CertificateRequest,
            FieldKind::Attachment,
        ];
        for kind in all {
            assert!(parse(&field(kind.clone()), "a\0b").is_err(), "{kind:?}");
            assert!(
                parse(&field(kind.clone()), "a\u{202e}b").is_err(),
                "{kind:?}"
            );
        }
    }

    #[test]
    fn people_read_labels_yuan_and_yes_or_no() {
        for (kind, value, reads) in [
            (lock_kind(), "main", "主锁"),
            (lock_kind(), "gone", "gone"),
            (FieldKind::Money, "22000", "220.00 元"),
            (FieldKind::Flag, "yes", "是"),
            (FieldKind::Flag, "", "否"),
            (FieldKind::Date, "2026-01-02", "2026年1月2日"),
            (FieldKind::SecretAnswer, "a1b2", "已填写"),
            (FieldKind::Mobile, "13812341234", "13812341234"),
        ] {
            assert_eq!(display(&field(kind), value), reads);
        }
    }

    #[test]
    fn identity_and_mobile_numbers_are_masked() {
        assert_eq!(
            masked(&field(FieldKind::Mobile), "13812341234"),
            "138****1234"
        );
        assert_eq!(
            masked(&field(FieldKind::Phone), "0791-86666666"),
            "0791-86666666"
        );
        assert_eq!(
            masked(&field(FieldKind::IdentityNumber), "11010519491231002X"),
            "110***********002X"
        );
        assert_eq!(masked(&field(FieldKind::IdentityNumber), ""), "");
    }

    #[test]
    fn a_certificate_request_is_whole() {
        let request = field(FieldKind::CertificateRequest);
        let pem =
            "-----BEGIN CERTIFICATE REQUEST-----\r\nMIIB\r\n-----END CERTIFICATE REQUEST-----\r\n";
        assert_eq!(parse(&request, pem).unwrap(), pem.replace('\r', "").trim());
        assert!(parse(&request, "-----BEGIN CERTIFICATE REQUEST-----\nMIIB").is_err());
        assert!(parse(&request, "MIIB").is_err());
    }
}
