//! A form as it was sent: answers by name, and what is wrong with them.

use crate::definition::{Condition, Field, FieldKind, Form};
use crate::field;
use crate::rules::{NamedValue, Problem};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Answers by field name, in the order in which they were first given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<NamedValue>")]
pub struct Values(Vec<NamedValue>);

impl Values {
    /// The answer, or the empty text where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|entry| entry.name == name)
            .map_or("", |entry| &entry.value)
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.0.iter_mut().find(|entry| entry.name == name) {
            Some(entry) => entry.value = value,
            None => self.0.push(NamedValue {
                name: name.to_owned(),
                value,
            }),
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|entry| entry.name != name);
    }

    /// Sets every one of `others`.
    pub fn merge(&mut self, others: &[NamedValue]) {
        for entry in others {
            self.set(&entry.name, entry.value.as_str());
        }
    }

    /// True when the field has one of the condition's values; the empty value stands for no answer.
    pub fn holds(&self, condition: &Condition) -> bool {
        let value = self.get(&condition.field);
        condition.values.iter().any(|allowed| allowed == value)
    }

    /// True when there is no condition, or it holds.
    pub fn shows(&self, condition: Option<&Condition>) -> bool {
        condition.is_none_or(|condition| self.holds(condition))
    }

    pub fn iter(&self) -> std::slice::Iter<'_, NamedValue> {
        self.0.iter()
    }

    pub fn as_slice(&self) -> &[NamedValue] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_vec(self) -> Vec<NamedValue> {
        self.0
    }
}

impl From<Vec<NamedValue>> for Values {
    /// Of two entries with one name the later counts.
    fn from(entries: Vec<NamedValue>) -> Self {
        let mut names = HashSet::with_capacity(entries.len());
        if entries.iter().all(|entry| names.insert(&entry.name)) {
            return Self(entries);
        }
        let mut values = Self::default();
        values.merge(&entries);
        values
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Values {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Self {
        let mut values = Self::default();
        for (name, value) in entries {
            values.set(name.as_ref(), value);
        }
        values
    }
}

/// What came of a form that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormReading {
    /// The values from before with this form's answers in their places: canonical where they are right, as they were
    /// typed where they are wrong, so that they can be shown again. Fields that were not asked are gone.
    pub values: Values,
    /// In the order of the fields; empty when the form is complete.
    pub problems: Vec<Problem>,
}

/// Reads a form that was sent. Names that are no fields of the form are ignored; a field that was not sent counts as
/// unanswered. Whether a field is asked is decided from the answers above it and from `before`; the lint
/// makes sure that a condition never looks below.
pub fn read_form(form: &Form, raw: &[(String, String)], before: &Values) -> FormReading {
    let mut values = before.clone();
    let mut problems = Vec::new();
    for field in form.sections.iter().flat_map(|section| &section.fields) {
        if !values.shows(field.shown_when.as_deref()) {
            values.remove(&field.name);
            continue;
        }
        // Of several entries the last counts, as with a hidden input before a check box.
        let typed = raw
            .iter()
            .rev()
            .find(|(name, _)| *name == field.name)
            .map_or("", |(_, text)| text.as_str());
        match field::parse(field, typed) {
            Ok(value) => {
                if value.is_empty() && field.required {
                    problems.push(problem(field, unanswered(field)));
                }
                values.set(&field.name, value);
            }
            Err(sentence) => {
                problems.push(problem(field, sentence));
                values.set(&field.name, field::text::showable(typed));
            }
        }
    }
    FormReading { values, problems }
}

fn problem(field: &Field, message: String) -> Problem {
    Problem {
        item: Some(field.name.to_string()),
        message,
        offer: None,
    }
}

/// What to do about a required field that was left empty.
fn unanswered(field: &Field) -> String {
    let label = field.label.trim_end_matches(['：', ':']);
    match field.kind {
        FieldKind::Choice(_) | FieldKind::Region | FieldKind::Date => format!("请选择{label}"),
        FieldKind::Flag => format!("请勾选“{label}”"),
        FieldKind::Attachment => format!("请上传{label}"),
        _ => format!("请填写{label}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Choice, Section};

    fn field(name: &str, label: &str, kind: FieldKind) -> Field {
        Field {
            name: name.into(),
            label: label.into(),
            hint: "".into(),
            kind,
            required: true,
            max_length: 50,
            shown_when: None,
            autocomplete: "".into(),
        }
    }

    fn application() -> Form {
        let choice = |value: &str, label: &str| Choice {
            value: value.into(),
            label: label.into(),
            hint: "".into(),
        };
        let kind = FieldKind::Choice(vec![choice("main", "主锁"), choice("sub", "副锁")]);
        let mut seal = field("seal", "印章名称", FieldKind::Text);
        seal.shown_when = Some(Box::new(Condition {
            field: "lock".into(),
            values: vec!["main".into()],
        }));
        let mut remark = field("remark", "备注", FieldKind::Text);
        remark.required = false;
        let fields = vec![
            field("unit", "单位名称", FieldKind::OrganisationName),
            field("uscc", "统一社会信用代码", FieldKind::Uscc),
            field("lock", "锁类型", kind),
            seal,
            remark,
            field("truth", "以上内容属实", FieldKind::Flag),
        ];
        let section = Section {
            id: "unit".into(),
            title: "单位".into(),
            hint: String::new(),
            fields,
        };
        Form {
            id: "application".into(),
            title: "申请".into(),
            sections: vec![section],
        }
    }

    fn sent(entries: &[(&str, &str)]) -> Vec<(String, String)> {
        entries
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn a_complete_form_becomes_canonical() {
        let raw = sent(&[
            ("unit", " 鹰潭市某公司 "),
            ("uscc", "91350100m000100y43"),
            ("lock", "main"),
            ("seal", "公章"),
            ("truth", "on"),
            ("_csrf", "x"),
        ]);
        let before = Values::from_iter([("earlier", "kept")]);
        let reading = read_form(&application(), &raw, &before);
        assert_eq!(reading.problems, []);
        let expected = Values::from_iter([
            ("earlier", "kept"),
            ("unit", "鹰潭市某公司"),
            ("uscc", "91350100M000100Y43"),
            ("lock", "main"),
            ("seal", "公章"),
            ("remark", ""),
            ("truth", "yes"),
        ]);
        assert_eq!(reading.values, expected);
    }

    #[test]
    fn what_was_typed_stays_even_where_it_is_wrong() {
        let raw = sent(&[
            ("uscc", "91350100M000100Y4\0"),
            ("lock", "other"),
            ("truth", ""),
        ]);
        let reading = read_form(&application(), &raw, &Values::default());
        assert_eq!(reading.values.get("uscc"), "91350100M000100Y4");
        let messages: Vec<_> = reading
            .problems
            .iter()
            .map(|p| (p.item.as_deref().unwrap(), p.message.as_str()))
            .collect();
        assert_eq!(
            messages,
            [
                ("unit", "请填写单位名称"),
                ("uscc", "内容中含有不能显示的字符，请删除后重新输入"),
                ("lock", "请从列出的选项中选择一项"),
                ("truth", "请勾选“以上内容属实”"),
            ]
        );
    }

    #[test]
    fn a_field_that_is_not_asked_is_dropped_with_what_it_held() {
        let raw = sent(&[
            ("unit", "某公司"),
            ("uscc", "91350100M000100Y43"),
            ("lock", "sub"),
            ("seal", "smuggled"),
            ("truth", "yes"),
        ]);
        let before = Values::from_iter([("lock", "main"), ("seal", "公章")]);
        let reading = read_form(&application(), &raw, &before);
        assert_eq!(reading.problems, []);
        assert!(reading.values.iter().all(|entry| entry.name != "seal"));
    }

    #[test]
    fn the_empty_value_in_a_condition_stands_for_no_answer() {
        let unset = Condition {
            field: "x".into(),
            values: vec![String::new()],
        };
        assert!(Values::default().holds(&unset));
        assert!(!Values::from_iter([("x", "1")]).holds(&unset));
    }
}
