//! Runs interface calls: the name is the function, the value its arguments, separated by `|`. In an event they are the
//! input, and what each answered goes, line by line, into the field `log` of the decision. In the rules that are asked
//! before anything is decided they stand among the answers, behind a mark, and come back as that rule's answer.

use crate::calls::CALLS;
use crate::exports::yinxin::site::rules::{Decision, NamedValue, Problem};
use crate::problem;
use crate::yinxin::accounts::accounts;
use crate::yinxin::certificates::certificates;
use crate::yinxin::documents::documents;
use crate::yinxin::identity::identity;
use crate::yinxin::messaging::messaging;
use crate::yinxin::payments::payments;
use crate::yinxin::storage::storage;
use crate::yinxin::tokens::tokens;

/// What a call among a case's answers begins with.
const MARK: &str = "call:";

pub(crate) fn run(input: &[NamedValue]) -> Result<Decision, Vec<Problem>> {
    let log: Vec<String> = input
        .iter()
        .map(|call| answer(&call.name, &call.value))
        .collect();
    Ok(Decision {
        to: "done".into(),
        values: vec![logged(&log)],
        note: String::new(),
    })
}

/// As problems, in the order of the calls.
pub(crate) fn problems(values: &[NamedValue]) -> Vec<Problem> {
    among(values).iter().map(|line| problem(line)).collect()
}

/// As the value of a field.
pub(crate) fn values(values: &[NamedValue]) -> Vec<NamedValue> {
    vec![logged(&among(values))]
}

/// Tries every function of the contract, and says how many there are; gives up loudly when one is not denied.
pub(crate) fn denied() -> usize {
    for (function, call, arguments) in CALLS {
        let answered = answer(call, arguments);
        assert!(answered.contains("Denied"), "{function}: {answered}");
    }
    CALLS.len()
}

fn among(values: &[NamedValue]) -> Vec<String> {
    let calls = values
        .iter()
        .filter_map(|value| Some((value.name.strip_prefix(MARK)?, &value.value)));
    calls
        .map(|(call, arguments)| format!("{call}: {}", answer(call, arguments)))
        .collect()
}

fn logged(log: &[String]) -> NamedValue {
    NamedValue {
        name: "log".into(),
        value: log.join("\n"),
    }
}

fn answer(call: &str, arguments: &str) -> String {
    let mut arguments = arguments.split('|').map(str::to_owned);
    let mut next = || arguments.next().unwrap_or_default();
    match call {
        "get" => match storage::get(&next()) {
            Ok(value) => format!(
                "{:?}",
                value.map(|value| String::from_utf8_lossy(&value).into_owned())
            ),
            Err(error) => format!("Err({error:?})"),
        },
        "put" => format!("{:?}", storage::put(&next(), next().as_bytes())),
        "put-zeros" => format!(
            "{:?}",
            storage::put(&next(), &vec![0; next().parse().unwrap_or(0)])
        ),
        "put-if-absent" => format!("{:?}", storage::put_if_absent(&next(), next().as_bytes())),
        "delete" => format!("{:?}", storage::delete(&next())),
        "scan" => {
            let (prefix, after, limit) = (next(), next(), next().parse().unwrap_or(0));
            let after = (!after.is_empty()).then_some(after);
            match storage::scan(&prefix, after.as_deref(), limit) {
                Ok(entries) => entries
                    .iter()
                    .map(|entry| entry.key.as_str())
                    .collect::<Vec<_>>()
                    .join(" "),
                Err(error) => format!("Err({error:?})"),
            }
        }
        "profile" => match accounts::profile() {
            Ok(entries) => entries
                .iter()
                .map(|e| format!("{}={}", e.name, e.value))
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => format!("Err({error:?})"),
        },
        "remember" => {
            format!(
                "{:?}",
                accounts::remember(&[accounts::Entry {
                    name: next(),
                    value: next()
                }])
            )
        }
        "payment" => match payments::status() {
            Ok(found) => format!("{:?} {} {}", found.standing, found.total, found.refunded),
            Err(error) => format!("Err({error:?})"),
        },
        "request" => {
            let amount = next().parse().unwrap_or(0);
            let line = payments::FeeLine {
                code: "fee".into(),
                label: "费用".into(),
                quantity: 1,
                amount,
                case_id: String::new(),
            };
            let methods: Vec<_> = next().split_whitespace().filter_map(method).collect();
            format!("{:?}", payments::request(&[line], &methods))
        }
        "invoice" => format!("{:?}", payments::invoice()),
        "cancel" => format!("{:?}", payments::cancel()),
        "refund" => format!("{:?}", payments::refund(next().parse().unwrap_or(0), "退")),
        "send" => {
            let id = next();
            let mut parameters = Vec::new();
            loop {
                let name = next();
                if name.is_empty() {
                    break;
                }
                parameters.push(messaging::Parameter {
                    name,
                    value: next(),
                });
            }
            format!("{:?}", messaging::send(&id, &parameters))
        }
        "identity" => format!("{:?}", identity::status(&next())),
        "void-identity" => format!("{:?}", identity::void(&next())),
        "issued" => match certificates::issued() {
            Ok(found) => found
                .iter()
                .map(|c| format!("{} {:?}", c.serial, c.standing))
                .collect::<Vec<_>>()
                .join(", "),
            Err(error) => format!("Err({error:?})"),
        },
        "issue" => {
            let subject = vec![certificates::Attribute {
                name: next(),
                value: next(),
            }];
            let months = next().parse().unwrap_or(12);
            format!(
                "{:?}",
                certificates::issue(&certificates::Request { subject, months })
            )
        }
        "revoke" => format!("{:?}", certificates::revoke(&next(), "丢失")),
        "hold" => format!("{:?}", certificates::hold(&next())),
        "release" => format!("{:?}", certificates::release(&next())),
        "paper" => match documents::latest(&next()) {
            Ok(found) => format!("{:?}", found.map(|issue| issue.number)),
            Err(error) => format!("Err({error:?})"),
        },
        "void-paper" => format!("{:?}", documents::void(&next())),
        "token" => format!("{:?}", tokens::status()),
        "request-token" => format!("{:?}", tokens::request(&tokens::Task::Read)),
        "cancel-token" => format!("{:?}", tokens::cancel()),
        other => format!("no such call: {other}"),
    }
}

fn method(name: &str) -> Option<payments::Method> {
    match name {
        "wechat" => Some(payments::Method::Wechat),
        "alipay" => Some(payments::Method::Alipay),
        "cpcn" => Some(payments::Method::Cpcn),
        "bank-transfer" => Some(payments::Method::BankTransfer),
        _ => None,
    }
}
