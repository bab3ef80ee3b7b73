//! What came to pass in all lives together: lives in which nothing happens would prove nothing.

use std::collections::BTreeMap;
use std::fmt;

/// Lives in which everything comes to pass.
const ENOUGH_FOR_ALL: u64 = 200;

/// What happened in all lives together, and how often.
#[derive(Default)]
pub struct Seen(BTreeMap<String, usize>);

impl Seen {
    pub fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    /// A life in which nothing ever happens would prove nothing. What is rare need not come in a few of them.
    pub fn assert_everything_happened(&self, lives: u64) {
        let rare = [
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
        ];
        let often = [
            "ordered",
            "changed",
            "cancelled",
            "pays: Normal",
            "pays: Hold",
            "told late",
            "answers: Truth",
            "refunded at the provider's console",
            "transfer Paid",
            "transfer Partial",
            "refund paid out by hand",
            "crash",
            "restart",
            "accept",
            "cancel",
            "make",
        ];
        let needed = often
            .iter()
            .chain(rare.iter().filter(|_| lives >= ENOUGH_FOR_ALL));
        for what in needed {
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
