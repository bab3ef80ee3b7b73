//! What is looked at when the form is saved, and again when the application is submitted and accepted.

use crate::{SHIPPING, prices, renewal, services};
use yinxin_sdk::{Case, Checkpoint, Moment, Problem, payments, storage};

type Guard = fn(&Case, &Moment) -> Result<(), Vec<Problem>>;

const GUARDS: [(&str, Guard); 3] = [
    ("holder", same_holder),
    ("price", price_as_paid),
    ("certificate", renewal::may_begin),
];

pub const NAMES: [&str; 3] = ["holder", "price", "certificate"];

pub fn problems(case: &Case, at: &Moment, checkpoint: &Checkpoint) -> Vec<Problem> {
    let asked = |name| checkpoint.is_step("application") || checkpoint.is_guard(name);
    GUARDS
        .iter()
        .filter(|(name, _)| asked(name))
        .flat_map(|(_, rule)| rule(case, at).err().unwrap_or_default())
        .collect()
}

/// Storage remembers for whom a case was paid: the code of a unit, the name of a person. The number of a person is not
/// kept there.
fn paid_for(case: &Case) -> String {
    format!("holder/{}", case.id)
}

fn holder(case: &Case) -> &str {
    if services::is_personal(&case.service) {
        services::holder(case)
    } else {
        services::holder_number(case)
    }
}

/// An order is for one holder, so a case that was paid in one stays with him. An order that nobody has paid is looked at
/// anew by the host when one of its cases changes.
fn same_holder(case: &Case, _at: &Moment) -> Result<(), Vec<Problem>> {
    if !case.is_paid() {
        return Ok(());
    }
    match storage::get_text(&paid_for(case))? {
        Some(before) if before != holder(case) => Err(Problem::at(
            services::holder_number_field(case),
            format!("费用是为“{before}”付的，不能改成别人。要为别人办理，请撤回并退款后重新申请。"),
        )
        .into()),
        _ => Ok(()),
    }
}

/// Remembers whom the case was paid for.
pub fn note_holder(case: &Case) -> Result<(), Vec<Problem>> {
    storage::put(&paid_for(case), holder(case))?;
    Ok(())
}

/// Nothing has to be remembered any more.
pub fn forget_holder(case: &Case) -> Result<(), Vec<Problem>> {
    storage::delete(&paid_for(case))?;
    Ok(())
}

/// The years that were paid stay. The share of a case that is alone in its order has the postage in it.
fn price_as_paid(case: &Case, _at: &Moment) -> Result<(), Vec<Problem>> {
    if !case.is_paid() {
        return Ok(());
    }
    let (price, paid) = (prices::price(case).0, payments::status()?.total);
    if paid == price || paid == price + SHIPPING.0 {
        return Ok(());
    }
    let message = "已经按原来的年限付款，不能再改年限；需要更改请撤回并退款后重新申请。";
    Err(Problem::at("years", message).into())
}
