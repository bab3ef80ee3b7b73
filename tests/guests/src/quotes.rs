//! Prices: one that was asked for, and prices that lie.

use crate::exports::yinxin::site::rules::Quotation;
use crate::harm;
use crate::yinxin::payments::payments::{FeeLine, Method};

/// `wanted` is fen, the name of a lie, or a way to harm.
pub(crate) fn of(wanted: &str) -> Quotation {
    let mut quotation = Quotation {
        lines: vec![line(wanted.parse().unwrap_or(0))],
        shipping: 0,
        handling: 0,
        methods: vec![Method::Wechat, Method::BankTransfer],
    };
    match wanted {
        // Each within 64 bits, and together not.
        "sum-overflows" => quotation.lines = vec![line(i64::MAX), line(i64::MAX)],
        "lines-overflow" => quotation.lines = vec![line(i64::MAX / 50); 60],
        "least" => quotation.lines = vec![line(i64::MIN)],
        "shipping-negative" => quotation.shipping = -1,
        "shipping-overflows" => {
            quotation.shipping = i64::MAX;
            quotation.handling = i64::MAX;
        }
        "handling-least" => quotation.handling = i64::MIN,
        "back-and-forth" => {
            quotation.lines = vec![line(22_000), line(-21_999)];
        }
        "many-lines" => quotation.lines = vec![line(1); 20_000],
        "stranger" => quotation.lines[0].case_id = "somebody-elses".into(),
        "no-method" => {
            quotation.lines = vec![line(1)];
            quotation.methods = Vec::new();
        }
        "nameless" => quotation.lines[0].label = String::new(),
        "long-name" => quotation.lines[0].label = "长".repeat(350_000),
        harm => {
            harm::doing(harm);
        }
    }
    quotation
}

fn line(amount: i64) -> FeeLine {
    FeeLine {
        code: "fee".into(),
        label: "费用".into(),
        quantity: 1,
        amount,
        case_id: String::new(),
    }
}
