//! Money: integer fen, never floating point.

use serde::{Deserialize, Serialize};
use std::fmt;

/// 1/100 yuan (CNY). Displayed as yuan with two places: `Fen(22000)` is `220.00`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fen(pub i64);

impl Fen {
    /// The largest amount that an order may have: 100 million yuan, far below what overflows a sum of lines.
    pub const LIMIT: Fen = Fen(10_000_000_000);

    /// Adds, or says that the sum left the range of an order.
    pub fn checked_add(self, other: Fen) -> Option<Fen> {
        self.0
            .checked_add(other.0)
            .map(Fen)
            .filter(|sum| sum.0.abs() <= Self::LIMIT.0)
    }

    /// Reads yuan as people write them: `220`, `220.5`, `220.00`, `1,220.00`, with or without `¥`. None for anything
    /// else, for a third decimal place, and above [`Fen::LIMIT`].
    pub fn parse_yuan(text: &str) -> Option<Fen> {
        let text = text.trim().trim_start_matches(['¥', '￥']).replace(',', "");
        let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty()
            || whole.len() > 12
            || fraction.len() > 2
            || !digits(whole)
            || !digits(fraction)
        {
            return None;
        }
        let cents = format!("{fraction:0<2}").parse::<i64>().ok()?;
        let total = whole
            .parse::<i64>()
            .ok()?
            .checked_mul(100)?
            .checked_add(cents)?;
        Some(Fen(total)).filter(|fen| *fen <= Self::LIMIT)
    }
}

impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", amount / 100, amount % 100)
    }
}

/// A way to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Method {
    /// WeChat Pay v3, native (QR code).
    Wechat,
    /// Alipay precreate (QR code).
    Alipay,
    /// CPCN: bank of an enterprise or a person.
    Cpcn,
    /// Transfer to the CA's bank account, proved by a slip.
    BankTransfer,
}

/// One line of a price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeLine {
    pub code: String,
    pub label: String,
    pub quantity: u32,
    /// The line's total in fen, already multiplied by `quantity`.
    pub amount: i64,
    /// Id of the case that it is for; empty: the order as a whole.
    #[serde(default)]
    pub case_id: String,
}

/// What a case owes and has paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// Nobody has asked for money yet.
    None,
    /// An order exists and waits for its payment.
    Due,
    Paid,
    /// A refund is under way.
    Refunding,
    Refunded,
    /// Closed without a payment.
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_are_read_and_written_with_two_places() {
        for (text, fen) in [
            ("220", 22000),
            ("220.5", 22050),
            ("¥1,220.05", 122005),
            ("0.01", 1),
        ] {
            assert_eq!(Fen::parse_yuan(text), Some(Fen(fen)), "{text}");
        }
        for text in [
            "",
            ".5",
            "1.234",
            "-1",
            "1e3",
            "一百",
            "100000000.01",
            "1 0",
        ] {
            assert_eq!(Fen::parse_yuan(text), None, "{text}");
        }
        assert_eq!(Fen(-5).to_string(), "-0.05");
        assert_eq!(Fen(22000).to_string(), "220.00");
    }
}
