//! What an invoice is about: the lines of an order that were not refunded.

use super::provider::{InvoiceLine, TaxRate};
use yinxin_core::ids::CaseId;
use yinxin_core::money::{FeeLine, Fen};
use yinxin_store::refunds::{Purpose, Refund, RefundState};

/// The lines of an order less what went back of them. A case's refund takes from its own lines first, then from those of
/// the whole order; the last line gives first.
pub(super) fn remaining(lines: &[FeeLine], refunds: &[Refund]) -> Vec<FeeLine> {
    let mut left = lines.to_vec();
    let done = refunds
        .iter()
        .filter(|refund| refund.purpose == Purpose::Order && refund.state == RefundState::Done);
    for refund in done {
        let case = refund.case.as_ref().map_or("", CaseId::as_str);
        let mut amount = refund.amount.0;
        let belongs: [&dyn Fn(&str) -> bool; 3] = [
            &|owner| !case.is_empty() && owner == case,
            &|owner| owner.is_empty(),
            &|_| true,
        ];
        for fits in belongs {
            for line in left.iter_mut().rev().filter(|line| fits(&line.case_id)) {
                let taken = amount.min(line.amount);
                line.amount -= taken;
                amount -= taken;
            }
        }
    }
    left.retain(|line| line.amount > 0);
    left
}

/// The sum of lines.
pub(super) fn total(lines: &[FeeLine]) -> Fen {
    Fen(lines.iter().map(|line| line.amount).sum())
}

/// The cases for which something was paid that did not go back. Lines without a case are everybody's.
pub(super) fn paying<'a>(
    cases: &'a [CaseId],
    lines: &'a [FeeLine],
    left: &'a [FeeLine],
) -> impl Iterator<Item = &'a CaseId> {
    let has =
        |lines: &[FeeLine], case: &CaseId| lines.iter().any(|line| line.case_id == case.as_str());
    cases.iter().filter(move |case| {
        has(left, case) || (!has(lines, case) && left.iter().any(|line| line.case_id.is_empty()))
    })
}

/// The lines with their tax.
pub(super) fn taxed(lines: &[FeeLine], rate: TaxRate) -> Vec<InvoiceLine> {
    lines
        .iter()
        .map(|line| {
            let amount = Fen(line.amount);
            let pieces = i64::from(line.quantity.max(1));
            let (quantity, price) = if line.amount % pieces == 0 {
                (line.quantity.max(1), Fen(line.amount / pieces))
            } else {
                (1, amount)
            };
            let without_tax = rate.without_tax(amount);
            InvoiceLine {
                name: line.label.clone(),
                quantity,
                price,
                amount,
                without_tax,
                tax: Fen(amount.0 - without_tax.0),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use yinxin_core::ids::{OrderId, PaymentId};
    use yinxin_core::time::Millis;

    fn line(case: &str, amount: i64) -> FeeLine {
        FeeLine {
            code: "fee".into(),
            label: "证书服务费".into(),
            quantity: 2,
            amount,
            case_id: case.into(),
        }
    }

    fn refund(case: Option<&str>, amount: i64, state: RefundState, purpose: Purpose) -> Refund {
        Refund {
            id: PaymentId::generate().to_string(),
            request: "r".into(),
            order: OrderId::from_stored("o"),
            payment: PaymentId::from_stored("p"),
            case: case.map(CaseId::from_stored),
            purpose,
            amount: Fen(amount),
            reason: String::new(),
            state,
            requested_by: "host".into(),
            provider_no: String::new(),
            paid_from: None,
            requested_at: Millis(1),
            finished_at: None,
        }
    }

    fn amounts(lines: &[FeeLine]) -> Vec<(&str, i64)> {
        lines
            .iter()
            .map(|line| (line.case_id.as_str(), line.amount))
            .collect()
    }

    #[test]
    fn a_refund_takes_from_the_lines_of_its_case_first() {
        let lines = [line("a", 100), line("b", 50), line("", 10)];
        let order = |case, amount| refund(case, amount, RefundState::Done, Purpose::Order);
        assert_eq!(
            amounts(&remaining(&lines, &[order(Some("a"), 100)])),
            [("b", 50), ("", 10)]
        );
        assert_eq!(
            amounts(&remaining(&lines, &[order(Some("b"), 55)])),
            [("a", 100), ("", 5)]
        );
        assert_eq!(amounts(&remaining(&lines, &[order(None, 70)])), [("a", 90)]);
        assert!(remaining(&lines, &[order(None, 160)]).is_empty());
        let others = [
            refund(None, 10, RefundState::Processing, Purpose::Order),
            refund(None, 10, RefundState::Done, Purpose::Surplus),
        ];
        assert_eq!(total(&remaining(&lines, &others)), Fen(160));
    }

    #[test]
    fn a_case_pays_as_long_as_something_of_its_own_or_of_all_is_left() {
        let cases = ["a", "b", "c"].map(CaseId::from_stored);
        let lines = [line("a", 100), line("b", 50), line("", 10)];
        let left = [line("b", 50), line("", 10)];
        let paying: Vec<_> = paying(&cases, &lines, &left).map(CaseId::as_str).collect();
        assert_eq!(paying, ["b", "c"]);
    }

    #[test]
    fn a_price_that_does_not_divide_is_the_price_of_one() {
        let rate = TaxRate::parse("0.06").unwrap();
        let taxed = taxed(&[line("", 101), line("", 100)], rate);
        assert_eq!((taxed[0].quantity, taxed[0].price), (1, Fen(101)));
        assert_eq!((taxed[1].quantity, taxed[1].price), (2, Fen(50)));
        assert!(
            taxed
                .iter()
                .all(|line| line.without_tax.0 + line.tax.0 == line.amount.0)
        );
    }
}
