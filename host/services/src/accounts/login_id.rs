//! Login ids: which fields hold them, and the one spelling under which they are looked up.

use yinxin_core::definition::{AccountPolicy, Field, FieldKind, Form, LoginId};
use yinxin_core::form::Values;
use yinxin_core::ids::SiteId;
use yinxin_core::mobile::Mobile;
use yinxin_core::uscc::Uscc;
use yinxin_store::seal::Sealer;

/// One login id of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub kind: LoginId,
    /// The form's field that it stands in.
    pub field: String,
    pub label: String,
    /// Normalised.
    pub text: String,
}

fn is_of(kind: LoginId, field: &Field) -> bool {
    matches!(
        (kind, &field.kind),
        (LoginId::Uscc, FieldKind::Uscc)
            | (LoginId::Mobile, FieldKind::Mobile)
            | (LoginId::Email, FieldKind::Email)
            | (LoginId::Username, FieldKind::Username)
    )
}

/// The form's field for a kind of login id. A mobile that logs in is the one that gets codes, where the form has several.
pub fn field_for<'a>(policy: &AccountPolicy, form: &'a Form, kind: LoginId) -> Option<&'a Field> {
    let mut fields = form
        .sections
        .iter()
        .flat_map(|section| &section.fields)
        .filter(|field| is_of(kind, field));
    if kind == LoginId::Mobile {
        let named = fields
            .clone()
            .find(|field| field.name == policy.mobile_field);
        return named.or_else(|| fields.next());
    }
    fields.next()
}

/// The login ids in a form's values; empty answers are left out.
pub fn held(policy: &AccountPolicy, form: &Form, values: &Values) -> Vec<Held> {
    policy
        .login_ids
        .iter()
        .filter_map(|&kind| {
            let field = field_for(policy, form, kind)?;
            let text = normalise(values.get(&field.name));
            let held = Held {
                kind,
                field: field.name.to_string(),
                label: field.label.to_string(),
                text,
            };
            (!held.text.is_empty()).then_some(held)
        })
        .collect()
}

/// One spelling for all ways to write the same login id: half-width, no spaces, small letters; mobiles without country
/// code. All kinds share it, so that one text can never lead to two accounts.
pub fn normalise(text: &str) -> String {
    if let Ok(mobile) = Mobile::parse(text) {
        return mobile.as_str().to_owned();
    }
    if let Ok(code) = Uscc::parse(text) {
        return code.as_str().to_lowercase();
    }
    text.chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
            _ => c,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

/// The key under which a login id is kept.
pub fn key(sealer: &Sealer, site: &SiteId, normalised: &str) -> String {
    sealer.fingerprint(&format!("{site}/login-id"), normalised)
}

/// What the field for logging in asks for: `统一社会信用代码、手机号`.
pub fn in_words(policy: &AccountPolicy) -> String {
    let words: Vec<_> = policy
        .login_ids
        .iter()
        .map(|kind| match kind {
            LoginId::Uscc => "统一社会信用代码",
            LoginId::Mobile => "手机号",
            LoginId::Email => "电子邮箱",
            LoginId::Username => "用户名",
        })
        .collect();
    words.join("、")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_login_id_has_one_spelling() {
        for (text, normal) in [
            ("+86 138 1234 1234", "13812341234"),
            ("91350100m000100Y43 ", "91350100m000100y43"),
            ("Ｌｉ．Ｎａ＠example.com", "li.na@example.com"),
            (" ZhaoGong ", "zhaogong"),
            ("", ""),
        ] {
            assert_eq!(normalise(text), normal);
        }
    }
}
