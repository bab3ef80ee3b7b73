//! What came to pass in all lives together: lives in which nothing happens would prove nothing.

use std::collections::BTreeMap;
use std::fmt;

/// Lives in which whatever happens often comes to pass, and lives in which everything does.
const ENOUGH_FOR_OFTEN: usize = 20;
const ENOUGH_FOR_ALL: usize = 200;

/// What has to come to pass, by how rare it is.
pub struct Expected {
    /// In a few lives.
    always: &'static [&'static str],
    often: &'static [&'static str],
    rare: &'static [&'static str],
}

pub const FUJIAN: Expected = Expected {
    always: &["ordered", "pays: Normal", "crash", "restart", "accept"],
    often: &[
        "changed",
        "cancelled",
        "pays: Hold",
        "told late",
        "answers: Truth",
        "refunded at the provider's console",
        "transfer Paid",
        "transfer Partial",
        "refund paid out by hand",
        "cancel",
        "make",
    ],
    rare: &[
        "pays: Amount",
        "pays: Forge",
        "pays: Late",
        "pays: Claim",
        "pays: Cut",
        "transfer Excess",
        "slip refused",
        "ask-refund",
        "approve-refund",
        "ship",
    ],
};

/// The rules open the order, and there are no transfers.
pub const YINGTAN: Expected = Expected {
    always: &["pass", "pays: Normal", "crash", "restart"],
    often: &[
        "pays: Hold",
        "told late",
        "answers: Truth",
        "refunded at the provider's console",
        "cancel",
        "post",
        "papers-pass",
    ],
    rare: &[
        "pays: Amount",
        "pays: Forge",
        "pays: Late",
        "pays: Claim",
        "pays: Cut",
        "papers-refuse",
        "send-back",
        "make",
        "ship",
        "invoice",
    ],
};

/// What happened in all lives together, and how often.
#[derive(Default)]
pub struct Seen(BTreeMap<String, usize>);

impl Seen {
    pub fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    /// A life in which nothing ever happens would prove nothing. What is rare need not come in a few of them.
    pub fn assert_everything_happened(&self, expected: &Expected, lives: usize) {
        let often = expected.often.iter().filter(|_| lives >= ENOUGH_FOR_OFTEN);
        let rare = expected.rare.iter().filter(|_| lives >= ENOUGH_FOR_ALL);
        for what in expected.always.iter().chain(often).chain(rare) {
            assert!(
                self.0.contains_key(*what),
                "it never came to `{what}`:\n{self}"
            );
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in &self.0 {
            writeln!(f, "{times:6}  {what}")?;
        }
        Ok(())
    }
}
