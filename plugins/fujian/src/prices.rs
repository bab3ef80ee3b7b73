//! What cases cost, and which of them may be one order (manual rows F-6 and F-7).

use crate::services::{self, is_personal, is_renewal};
use crate::{
    ENTERPRISE_THREE_YEARS, ENTERPRISE_YEAR, FOR_NEW, FOR_RENEWALS, KEY, PERSONAL_THREE_YEARS,
    PERSONAL_YEAR, SHIPPING,
};
use yinxin_sdk::{Basket, Case, FeeLine, Fen, Problem, Quotation};

/// An order has at most 32 lines, and a new certificate has two.
const CASES: usize = 16;

pub fn quote(basket: &Basket) -> Result<Quotation, Vec<Problem>> {
    if basket.cases.len() > CASES {
        let message = format!("一个订单最多放 {CASES} 份申请，请分开下单。");
        return Err(Problem::of_case(message).into());
    }
    one_holder(basket)?;
    let quotation = Quotation::of(basket.cases.iter().flat_map(lines)).shipping(SHIPPING);
    Ok(
        if basket.cases.iter().all(|case| is_renewal(&case.service)) {
            quotation.payable_by(FOR_RENEWALS)
        } else {
            quotation.payable_by(FOR_NEW)
        },
    )
}

fn one_holder(basket: &Basket) -> Result<(), Vec<Problem>> {
    let Some((first, others)) = basket.cases.split_first() else {
        return Ok(());
    };
    let number = services::holder_number(first);
    match others
        .iter()
        .find(|case| services::holder_number(case) != number)
    {
        None => Ok(()),
        Some(other) => Err(Problem::of_case(format!(
            "一个订单只能放同一个单位（或同一个人）的申请：{}和{}请分开下单。",
            named(first),
            named(other)
        ))
        .into()),
    }
}

fn named(case: &Case) -> String {
    format!("“{}”（受理号 {}）", services::holder(case), case.number)
}

/// What is paid for the case: years, and for a new certificate the key.
pub fn lines(case: &Case) -> Vec<FeeLine> {
    let personal = is_personal(&case.service);
    let (code, label, year, three_years) = if personal {
        ("personal", "个人证书", PERSONAL_YEAR, PERSONAL_THREE_YEARS)
    } else {
        (
            "enterprise",
            "企业证书",
            ENTERPRISE_YEAR,
            ENTERPRISE_THREE_YEARS,
        )
    };
    let renewal = is_renewal(&case.service);
    let what = if renewal { "续费" } else { "服务费" };
    let years = years(case);
    let service = if years == 3 {
        FeeLine::new(
            &format!("{code}-three-years"),
            &format!("{label}{what}，三年"),
            three_years,
        )
    } else {
        FeeLine::new(
            &format!("{code}-year"),
            &format!("{label}{what}（年）"),
            year,
        )
        .times(years)
    };
    let mut lines = vec![service.for_case(case)];
    if !renewal {
        lines.push(FeeLine::new("key", "KEY", KEY).for_case(case));
    }
    lines
}

/// What the case's own lines come to.
pub fn price(case: &Case) -> Fen {
    Fen(lines(case).iter().map(|line| line.amount).sum())
}

/// 1 to 3; an application that is not filled in yet costs as much as one year.
pub fn years(case: &Case) -> u32 {
    let years = case
        .integer("years")
        .and_then(|years| u32::try_from(years).ok());
    years.unwrap_or(1).clamp(1, 3)
}
