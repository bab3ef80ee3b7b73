//! What a bank's file says, without importing it: for `tests/fuzz`, which tries it with files of no bank.

use super::Fault;
use jiff::civil::Date;
use yinxin_core::money::Fen;

/// Reads a file; day, amount, payer, memo and number of all money that came, and how many lines are of other movements.
pub fn read(bytes: &[u8], today: Date) -> Result<(Vec<Came>, i64), Vec<Fault>> {
    let parsed = super::file::parse(bytes, today)?;
    let came = parsed.credits.into_iter().map(|credit| Came {
        day: credit.day,
        amount: credit.amount,
        payer: credit.payer,
        memo: credit.memo,
        serial: credit.serial,
    });
    Ok((came.collect(), parsed.debits + parsed.repeated))
}

/// Money that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    pub day: Date,
    pub amount: Fen,
    pub payer: String,
    pub memo: String,
    pub serial: String,
}
