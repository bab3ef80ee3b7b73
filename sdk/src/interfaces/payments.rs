//! Money of the case.

#[cfg(target_arch = "wasm32")]
use crate::bindings::yinxin::payments::payments as host;
#[cfg(not(target_arch = "wasm32"))]
use crate::fake::payments as host;

pub use crate::bindings::yinxin::payments::payments::{Balance, Error, FeeLine, Method, Standing};

/// What the case owes and has paid: its share, where it is in an order with others.
pub fn status() -> Result<Balance, Error> {
    host::status()
}

/// Asks the applicant for money; the lines are frozen. An effect, which the event `paid` follows. Not for services in
/// baskets, which `quote` prices.
pub fn request(lines: &[FeeLine], methods: &[Method]) -> Result<(), Error> {
    host::request(lines, methods)
}

/// Closes an order that nobody has paid. An effect.
pub fn cancel() -> Result<(), Error> {
    host::cancel()
}

/// Gives money back to the payer. An effect, which the event `refunded` follows.
pub fn refund(amount: crate::Fen, reason: &str) -> Result<(), Error> {
    host::refund(amount.0, reason)
}

/// Asks for the e-invoice of the case's order, which is issued when all its cases have asked. An effect, which the event
/// `invoiced` follows.
pub fn invoice() -> Result<(), Error> {
    host::invoice()
}
