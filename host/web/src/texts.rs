//! The catalogue of interface texts: every sentence that a person reads and that is neither a definition's nor a site's.

use minijinja::value::{Serde, Value};

const CHINESE: &str = include_str!("../texts/zh.toml");

/// One language's texts, nested by place: `nav.home`.
#[derive(Clone, Debug)]
pub struct Texts(toml::Table);

#[derive(Debug, thiserror::Error)]
#[error("the catalogue of texts cannot be read: {0}")]
pub struct TextsError(#[from] toml::de::Error);

impl Texts {
    pub fn chinese() -> Result<Self, TextsError> {
        Ok(Self(toml::from_str(CHINESE)?))
    }

    /// The text at a dotted path. One that is missing is a mistake of ours: it is logged and shows as a gap.
    pub fn get(&self, path: &str) -> &str {
        self.find(path).unwrap_or_else(|| {
            tracing::error!(path, "the catalogue has no such text");
            "……"
        })
    }

    pub fn find(&self, path: &str) -> Option<&str> {
        let mut parts = path.split('.');
        let first = self.0.get(parts.next()?)?;
        parts
            .try_fold(first, |table, part| table.get(part))?
            .as_str()
    }

    /// All texts below a path as a JSON object, for the page's script.
    pub fn json(&self, path: &str) -> String {
        let mut parts = path.split('.');
        let found = parts
            .next()
            .and_then(|first| self.0.get(first))
            .and_then(|first| parts.try_fold(first, |table, part| table.get(part)));
        found
            .and_then(|table| serde_json::to_string(table).ok())
            .unwrap_or_else(|| "{}".to_owned())
    }

    pub fn value(&self) -> Value {
        Value::from(Serde(&self.0))
    }
}

/// Puts values into a text's `{name}`s; a name without a value stays.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_place() {
        let texts = Texts::chinese().unwrap();
        assert_eq!(texts.get("nav.home"), "首页");
        assert_eq!(texts.get("nav.gone"), "……");
        assert!(texts.json("checks.uscc").contains("\"length\""));
    }

    #[test]
    fn values_are_put_in() {
        assert_eq!(fill("共 {n} 项，{x}", &[("n", "3")]), "共 3 项，{x}");
    }
}
