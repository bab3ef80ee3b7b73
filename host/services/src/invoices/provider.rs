//! The seam to whoever issues invoices. Every call may be repeated: what it is about goes by numbers of our own, and an
//! unknown answer is followed by a query, never by another order under a new number.

use async_trait::async_trait;
use std::fmt;
use yinxin_core::money::Fen;
use yinxin_core::time::Millis;
use yinxin_store::invoices::Buyer;

/// Why a provider did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Nobody knows whether it did: no answer, or one that means "not now".
    #[error("{0}")]
    Unreachable(String),
    /// It refused, and nothing was done. In words for a clerk.
    #[error("{0}")]
    Refused(String),
    /// Its answer is not what the protocol says.
    #[error("开票服务的答复无法识别：{0}")]
    Malformed(&'static str),
}

/// One line of an invoice: tax included and excluded add up to the fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLine {
    pub name: String,
    /// 1 where the amount cannot be divided by the number of pieces.
    pub quantity: u32,
    /// Of one piece, tax included.
    pub price: Fen,
    /// Tax included.
    pub amount: Fen,
    pub without_tax: Fen,
    pub tax: Fen,
}

/// An invoice to be issued.
#[derive(Clone, Debug)]
pub struct InvoiceOrder<'a> {
    /// Our number: the provider issues one invoice for it at most.
    pub number: &'a str,
    pub buyer: &'a Buyer,
    pub lines: &'a [InvoiceLine],
    pub rate: TaxRate,
    pub at: Millis,
    /// A line printed at the bottom: the order's number.
    pub remark: &'a str,
}

/// An invoice that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    pub number: String,
    pub amount: Fen,
    pub at: Millis,
    /// Where its PDF is.
    pub pdf: String,
}

/// What the provider says of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It knows of none.
    Unknown,
    /// Not yet; in words for a clerk.
    Working(String),
    Issued(Issued),
    /// It was not issued and will not be.
    Failed(String),
}

/// A red-letter invoice against the whole of one that was issued.
#[derive(Clone, Debug)]
pub struct RedLetter<'a> {
    /// Our number of the request.
    pub number: &'a str,
    /// Number of the invoice that is voided.
    pub invoice: &'a str,
    pub buyer: &'a Buyer,
}

/// What the provider says of a red-letter invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedStanding {
    Unknown,
    /// Not yet; in words for a clerk.
    Working(String),
    /// The number of the red-letter invoice.
    Issued(String),
    /// It was not issued and will not be under this number.
    Failed(String),
}

/// Whoever issues invoices.
#[async_trait]
pub trait InvoiceProvider: Send + Sync {
    fn name(&self) -> &'static str;

    /// Hands in an invoice. [`InvoiceProvider::query`] says what comes of it.
    async fn issue(&self, order: &InvoiceOrder<'_>) -> Result<(), ProviderError>;

    /// Asks for the invoice of our number.
    async fn query(&self, number: &str) -> Result<Standing, ProviderError>;

    /// Hands in a red-letter invoice. [`InvoiceProvider::query_void`] says what comes of it.
    async fn void(&self, red: &RedLetter<'_>) -> Result<(), ProviderError>;

    async fn query_void(&self, number: &str) -> Result<RedStanding, ProviderError>;

    /// Fetches the PDF that [`Issued::pdf`] names.
    async fn download(&self, address: &str) -> Result<Vec<u8>, ProviderError>;
}

/// A rate of value-added tax in ten-thousandths: 6 % is 600.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxRate(u32);

impl TaxRate {
    /// Reads `0.06`; none for anything that is no rate of value-added tax in force.
    pub fn parse(text: &str) -> Option<Self> {
        // Small taxpayers 1 and 3 %, services 6 and 9 %, goods 13 %. Without tax there is more to say than a rate.
        [
            ("0.01", 100),
            ("0.03", 300),
            ("0.06", 600),
            ("0.09", 900),
            ("0.13", 1300),
        ]
        .into_iter()
        .find_map(|(word, rate)| (word == text).then_some(Self(rate)))
    }

    /// The part without tax of an amount with it, rounded half up to the fen; the tax is the rest, so that both add up.
    pub fn without_tax(self, amount: Fen) -> Fen {
        let whole = 10_000 + i128::from(self.0);
        // Twice the numerator and one more half: rounding without fractions.
        let rounded = (i128::from(amount.0) * 20_000 + whole).div_euclid(2 * whole);
        Fen(i64::try_from(rounded).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for TaxRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0.{:02}", self.0 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_and_the_rest_add_up_and_are_rounded_to_the_fen() {
        let rate = TaxRate::parse("0.06").unwrap();
        assert_eq!(rate.to_string(), "0.06");
        assert_eq!(rate.without_tax(Fen(22000)), Fen(20755)); // 207.547…
        assert_eq!(rate.without_tax(Fen(106)), Fen(100));
        assert_eq!(rate.without_tax(Fen(1)), Fen(1));
        for amount in 1..5000 {
            let rest = rate.without_tax(Fen(amount)).0;
            let tax = amount - rest;
            // What tax offices check: rest × rate is the tax, but for the rounding.
            assert!(
                (rest * 6 - tax * 100).abs() <= 106,
                "{amount}: {rest} + {tax}"
            );
        }
        assert_eq!(TaxRate::parse("0.13").unwrap().to_string(), "0.13");
        assert_eq!(TaxRate::parse("0.6"), None);
    }
}
