//! Texts registered with the providers. Aliyun writes a parameter as `${code}`, Tencent as `{1}`.

use super::{Provider, Sms};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A text as a CA registers it.
#[derive(Clone, Debug, Deserialize)]
pub struct Template {
    pub provider: Provider,
    pub code: String,
    pub text: String,
}

#[derive(Default)]
pub struct Templates {
    texts: Mutex<BTreeMap<(Provider, String), String>>,
}

/// Why a text cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    UnknownTemplate,
    /// A parameter that the template needs is missing, or one that it does not know was given.
    WrongParameters,
}

impl Templates {
    pub fn register(&self, template: Template) {
        let mut texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        texts.insert((template.provider, template.code), template.text);
    }

    /// The text with its parameters filled in.
    pub fn fill(
        &self,
        provider: Provider,
        code: &str,
        parameters: &[(String, String)],
    ) -> Result<String, Refusal> {
        let texts = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(template) = texts.get(&(provider, code.to_owned())) else {
            if texts.keys().any(|(registered, _)| *registered == provider) {
                return Err(Refusal::UnknownTemplate);
            }
            let shown = parameters
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>();
            return Ok(shown.join(" "));
        };
        let mark = if provider == Provider::Aliyun {
            "${"
        } else {
            "{"
        };
        fill(template, mark, parameters)
    }
}

/// Every parameter of the text is given. Tencent's, which have no names, must also be as many.
fn fill(template: &str, mark: &str, parameters: &[(String, String)]) -> Result<String, Refusal> {
    let mut text = String::new();
    let mut rest = template;
    let mut used = std::collections::BTreeSet::new();
    while let Some((before, after)) = rest.split_once(mark) {
        let (name, tail) = after.split_once('}').ok_or(Refusal::WrongParameters)?;
        let value = parameters
            .iter()
            .find(|(given, _)| given == name)
            .ok_or(Refusal::WrongParameters)?;
        used.insert(name);
        text.push_str(before);
        text.push_str(&value.1);
        rest = tail;
    }
    text.push_str(rest);
    if mark == "{" && used.len() != parameters.len() {
        return Err(Refusal::WrongParameters);
    }
    Ok(text)
}

/// `POST /control/sms/templates` with a list of `{provider, code, text}`.
pub async fn register(
    State(sms): State<Arc<Sms>>,
    Json(templates): Json<Vec<Template>>,
) -> StatusCode {
    templates
        .into_iter()
        .for_each(|template| sms.register(template));
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_registered_text_needs_its_parameters() {
        let templates = Templates::default();
        assert_eq!(
            templates
                .fill(Provider::Aliyun, "SMS_1", &pairs(&[("code", "7")]))
                .unwrap(),
            "code=7"
        );
        templates.register(Template {
            provider: Provider::Aliyun,
            code: "SMS_1".into(),
            text: "验证码 ${code}。".into(),
        });
        let filled = templates.fill(Provider::Aliyun, "SMS_1", &pairs(&[("code", "7")]));
        assert_eq!(filled.unwrap(), "验证码 7。");
        let missing = templates.fill(Provider::Aliyun, "SMS_1", &[]);
        assert_eq!(missing.unwrap_err(), Refusal::WrongParameters);
        let unknown = templates.fill(Provider::Aliyun, "SMS_2", &[]);
        assert_eq!(unknown.unwrap_err(), Refusal::UnknownTemplate);
        assert!(
            templates.fill(Provider::Tencent, "7", &[]).is_ok(),
            "the other provider is untouched"
        );
    }
}
