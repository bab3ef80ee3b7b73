//! A query in the making, for lists that are narrowed in many ways: its text with numbered placeholders, which both
//! databases read, and the values for them.

use crate::{Connection, Dialect, StoreError};
use sqlx::any::AnyRow;
use yinxin_core::ids::SiteId;

/// Sorts after every id, whose digits end with `f`, however PostgreSQL was told to sort: a sign such as `~` comes before
/// letters and digits in most languages.
pub(crate) const AFTER_EVERY_ID: &str = "g";

/// Stands in a query's text for the function that gives the place of one text in another, 0 where it is not there. No name of
/// it is known to both databases.
const PLACE_IN: &str = "{place in}";

pub(crate) struct Query {
    pub text: String,
    values: Vec<Value>,
}

enum Value {
    Text(String),
    Number(i64),
}

impl Query {
    /// `text` has one placeholder for each of `values`, in this order.
    pub fn new(text: impl Into<String>, values: &[&str]) -> Self {
        let values = values.iter().map(|text| Value::Text((*text).to_owned()));
        Self {
            text: text.into(),
            values: values.collect(),
        }
    }

    /// Adds `before` and a placeholder for this text.
    pub fn text(&mut self, before: &str, value: &str) {
        self.push(before, Value::Text(value.to_owned()));
    }

    /// Adds `before` and a placeholder for this number.
    pub fn number(&mut self, before: &str, value: i64) {
        self.push(before, Value::Number(value));
    }

    /// Adds text without a value.
    pub fn and(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds `before` and the condition that a column's text holds this one, its Latin letters in either form.
    pub fn holds(&mut self, before: &str, column: &str, text: &str) {
        if text.to_lowercase() == text.to_uppercase() {
            // As most names, without such letters: a third less work than a pattern.
            self.text(&format!("{before}{PLACE_IN}({column}, "), text);
            self.and(") > 0");
        } else {
            self.like(before, column, text, "%");
        }
    }

    /// The same of texts that begin with this one.
    pub fn begins(&mut self, before: &str, column: &str, text: &str) {
        self.like(before, column, text, "");
    }

    fn like(&mut self, before: &str, column: &str, text: &str, ahead: &str) {
        let pattern = |text: &str| {
            let mut pattern = ahead.to_owned();
            for sign in text.chars() {
                if matches!(sign, '\\' | '%' | '_') {
                    pattern.push('\\');
                }
                pattern.push(sign);
            }
            pattern + "%"
        };
        self.text(&format!("{before}({column} LIKE "), &pattern(text));
        let lower = text.to_lowercase();
        if lower != text.to_uppercase() {
            let either = format!(" ESCAPE '\\' OR lower({column}) LIKE ");
            self.text(&either, &pattern(&lower));
        }
        self.and(" ESCAPE '\\')");
    }

    fn push(&mut self, before: &str, value: Value) {
        self.values.push(value);
        self.text.push_str(before);
        self.text.push_str(&format!("${}", self.values.len()));
    }

    pub(crate) async fn rows(self, conn: &mut Connection) -> Result<Vec<AnyRow>, StoreError> {
        let place_in = match Dialect::of(conn) {
            Dialect::Sqlite => "instr",
            Dialect::Postgres => "strpos",
        };
        let text = self.text.replace(PLACE_IN, place_in);
        let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
        for value in self.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        Ok(query.fetch_all(conn).await?)
    }
}

/// The rows that a site has for any of several values. `text` is given their placeholders, which stand in parentheses after
/// `IN`; the site's is `$1`. Without values nothing is asked.
pub(crate) async fn among(
    conn: &mut Connection,
    site: &SiteId,
    values: &[impl AsRef<str>],
    text: impl FnOnce(&str) -> String,
) -> Result<Vec<AnyRow>, StoreError> {
    let Some(last) = values.last() else {
        return Ok(Vec::new());
    };
    // Few lengths make few texts, which a connection keeps prepared. Repeating a value changes nothing.
    let length = values.len().next_power_of_two();
    let placeholders: Vec<String> = (2..).take(length).map(|n| format!("${n}")).collect();
    let values = values.iter().chain(std::iter::repeat(last)).take(length);
    let values: Vec<&str> = std::iter::once(site.as_str())
        .chain(values.map(AsRef::as_ref))
        .collect();
    Query::new(text(&placeholders.join(", ")), &values)
        .rows(conn)
        .await
}
