//! Sixty fields of the kinds that applications have, and the rules over them.

use yinxin_sdk::definition::{
    Field, Form, choice, date, email, form as new_form, mobile, money, number, option, person_name,
    section, text,
};
use yinxin_sdk::{Case, Problem};

/// Fields of the form.
pub const FIELDS: usize = 60;
/// The step that is saved.
pub const STEP: &str = "form";

/// The field whose answer can make the plugin run wild.
pub const WILD: &str = "text-02";
/// The answer that it never comes to an end with.
pub const ENDLESS: &str = "endless";
/// The answer that it takes all memory for, which soon ends the call.
pub const GREEDY: &str = "greedy";

/// Kind by kind: name of the fields, how many there are, and a right answer.
const KINDS: [(&str, usize, &str); 8] = [
    ("text", 20, "鹰潭某某建设工程有限公司"),
    ("number", 8, "12"),
    ("money", 8, "19000"),
    ("day", 8, "2026-11-20"),
    ("mobile", 4, "13907010001"),
    ("name", 4, "李华"),
    ("choice", 4, "main"),
    ("email", 4, "li@example.cn"),
];

/// Right answers to all sixty fields: name and value.
pub fn answers() -> Vec<(String, String)> {
    KINDS
        .iter()
        .flat_map(|(kind, count, value)| {
            (1..=*count).map(move |n| (format!("{kind}-{n:02}"), (*value).to_owned()))
        })
        .collect()
}

fn names() -> impl Iterator<Item = (&'static str, String)> {
    KINDS
        .iter()
        .flat_map(|(kind, count, _)| (1..=*count).map(move |n| (*kind, format!("{kind}-{n:02}"))))
}

pub fn form() -> Form {
    let mut form = new_form("sixty", "六十项");
    for (kind, count, _) in KINDS {
        let fields =
            (1..=count).map(|n| field(kind, &format!("{kind}-{n:02}"), &format!("第 {n} 项")));
        form = form.section(section(kind, "一组").fields(fields));
    }
    form
}

fn field(kind: &str, name: &str, label: &str) -> Field {
    match kind {
        "number" => number(name, label, 1..=100, "个"),
        "money" => money(name, label),
        "day" => date(name, label),
        "mobile" => mobile(name, label),
        "name" => person_name(name, label),
        "choice" => choice(
            name,
            label,
            [option("main", "主", ""), option("sub", "副", "")],
        ),
        "email" => email(name, label),
        _ => text(name, label).max(64),
    }
}

/// What is wrong with the answers, as the rules of a CA look at them: every field is read, kinds are looked at again,
/// days and sums are compared with each other.
pub fn problems(case: &Case, today: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut total = 0;
    for (kind, name) in names() {
        let value = case.text(&name);
        let wrong = match kind {
            "number" => case.integer(&name).is_none_or(|n| !(1..=100).contains(&n)),
            "money" => match case.integer(&name) {
                Some(fen) => {
                    total += fen;
                    fen < 0
                }
                None => true,
            },
            "day" => value.len() != 10 || value > today,
            "mobile" => value.len() != 11 || !value.bytes().all(|b| b.is_ascii_digit()),
            "name" => !(2..=32).contains(&value.chars().count()),
            "choice" => !matches!(value, "main" | "sub"),
            "email" => !value.contains('@'),
            _ => value.chars().count() > 64 || value.contains('<'),
        };
        if wrong {
            problems.push(Problem::at(&name, "请检查这一项"));
        }
    }
    if total > 100_000_000 {
        problems.push(Problem::of_case("各项金额的合计超过一百万元"));
    }
    problems
}
