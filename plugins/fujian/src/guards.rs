//! What is looked at when the form is saved, and again when the application is submitted and accepted.

use crate::{SHIPPING, prices, renewal, services};
use yinxin_sdk::payments::Standing;
use yinxin_sdk::{Case, Checkpoint, Moment, Problem, payments, storage};

type Guard = fn(&Case, &Moment) -> Result<(), Vec<Problem>>;

const GUARDS: [(&str, Guard); 3] = [
    ("holder", same_holder),
    ("price", price_as_ordered),
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

/// The case stands in an order, so whose it is and what it costs has been said.
fn is_ordered(case: &Case) -> bool {
    matches!(case.payment, Standing::Due | Standing::Paid)
}

/// Storage remembers for whom a case was submitted: the code of a unit, the name of a person. The number of a person is
/// not kept there.
fn submitted_for(case: &Case) -> String {
    format!("holder/{}", case.id)
}

fn holder(case: &Case) -> &str {
    if services::is_personal(&case.service) {
        services::holder(case)
    } else {
        services::holder_number(case)
    }
}

/// An order is for one holder. While a case is looked at, or is in an order, it stays with the one it was submitted for.
fn same_holder(case: &Case, _at: &Moment) -> Result<(), Vec<Problem>> {
    if case.state != "submitted" && !is_ordered(case) {
        return Ok(());
    }
    match storage::get_text(&submitted_for(case))? {
        Some(before) if before != holder(case) => Err(Problem::at(
            services::holder_number_field(case),
            format!("提交时是为“{before}”办理的，不能改成别人。要为别人办理，请撤回后重新申请。"),
        )
        .into()),
        _ => Ok(()),
    }
}

/// Remembers whom the case is submitted for.
pub fn note_holder(case: &Case) -> Result<(), Vec<Problem>> {
    storage::put(&submitted_for(case), holder(case))?;
    Ok(())
}

/// Nothing has to be remembered any more.
pub fn forget_holder(case: &Case) -> Result<(), Vec<Problem>> {
    storage::delete(&submitted_for(case))?;
    Ok(())
}

/// The years that were ordered stay. The share of a case that is alone in its order has the postage in it.
fn price_as_ordered(case: &Case, _at: &Moment) -> Result<(), Vec<Problem>> {
    if !is_ordered(case) {
        return Ok(());
    }
    let (price, ordered) = (prices::price(case).0, payments::status()?.total);
    if ordered == price || ordered == price + SHIPPING.0 {
        return Ok(());
    }
    let message = if case.payment == Standing::Paid {
        "已经按原来的年限付款，不能再改年限；需要更改请撤回并退款后重新申请。"
    } else {
        "这份申请在待付款的订单里，年限改了价钱就不对；请先把它移出订单，或者改回原来的年限。"
    };
    Err(Problem::at("years", message).into())
}
