//! Amounts and prices.

use crate::{Case, FeeLine, Method, Quotation};
use core::fmt;

/// 1/100 yuan. `yuan(220)` is `Fen(22000)` and is shown as `220.00`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fen(pub i64);

/// Whole yuan.
pub const fn yuan(amount: i64) -> Fen {
    Fen(amount * 100)
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", amount / 100, amount % 100)
    }
}

impl FeeLine {
    /// One line for one piece.
    pub fn new(code: &str, label: &str, amount: Fen) -> Self {
        Self {
            code: code.into(),
            label: label.into(),
            quantity: 1,
            amount: amount.0,
            case_id: String::new(),
        }
    }

    /// The same for `quantity` pieces or years: the line's amount is multiplied.
    pub fn times(mut self, quantity: u32) -> Self {
        self.amount = self.amount.saturating_mul(i64::from(quantity));
        self.quantity = quantity;
        self
    }

    /// The line is for this case of the basket: what is refunded for the case is at most the sum of its lines.
    pub fn for_case(mut self, case: &Case) -> Self {
        self.case_id.clone_from(&case.id);
        self
    }
}

impl Quotation {
    /// These lines, without shipping and handling, and no way to pay yet.
    pub fn of(lines: impl IntoIterator<Item = FeeLine>) -> Self {
        Self {
            lines: lines.into_iter().collect(),
            shipping: 0,
            handling: 0,
            methods: Vec::new(),
        }
    }

    /// Once per order.
    pub fn shipping(mut self, amount: Fen) -> Self {
        self.shipping = amount.0;
        self
    }

    /// The payment's own cost.
    pub fn handling(mut self, amount: Fen) -> Self {
        self.handling = amount.0;
        self
    }

    pub fn payable_by(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods.extend(methods);
        self
    }

    pub fn total(&self) -> Fen {
        let lines: i64 = self.lines.iter().map(|line| line.amount).sum();
        Fen(lines + self.shipping + self.handling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_are_shown_with_two_places() {
        assert_eq!(yuan(220).to_string(), "220.00");
        assert_eq!(Fen(-5).to_string(), "-0.05");
    }

    #[test]
    fn a_quotation_adds_up() {
        let years = FeeLine::new("year", "证书年费", yuan(80)).times(3);
        let quotation = Quotation::of([years]).shipping(yuan(15)).handling(Fen(50));
        assert_eq!(quotation.total(), Fen(25550));
    }
}
