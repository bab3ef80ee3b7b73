//! Whose is what, by what the database says: an account, and all that its rows tie to it.

use crate::database::{Change, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Columns by which a row says what it belongs to.
const TIES: [&str; 7] = [
    "account_id",
    "subject",
    "owner_id",
    "case_id",
    "order_id",
    "payment_id",
    "check_id",
];
/// Columns by which forms, addresses and other rows name a row.
const NAMES: [&str; 4] = ["id", "number", "serial", "reference"];
/// What is shorter stands in other texts by chance.
const SHORTEST: usize = 8;

/// What names somebody's things, by the table in which they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belongings {
    by_table: BTreeMap<String, BTreeSet<String>>,
}

impl Belongings {
    /// Those of an account.
    pub fn of_account<'a>(
        rows: impl Iterator<Item = (&'a str, &'a Row)> + Clone,
        account: &str,
    ) -> Self {
        let mut found = Self::default();
        let mut known = BTreeSet::from([account.to_owned()]);
        found.by_table.insert("accounts".to_owned(), known.clone());
        // What is tied to what was found is found the next time round.
        loop {
            let before = known.len();
            for (table, row) in rows.clone() {
                if TIES.iter().any(|column| known.contains(row.get(column))) {
                    found.add(table, row);
                }
            }
            known.extend(found.all().cloned());
            if known.len() == before {
                return found;
            }
        }
    }

    /// All that a site has.
    pub fn of_site<'a>(rows: impl Iterator<Item = (&'a str, &'a Row)>, site: &str) -> Self {
        let mut found = Self::default();
        for (table, row) in rows.filter(|(_, row)| row.get("site") == site) {
            found.add(table, row);
        }
        found
    }

    fn add(&mut self, table: &str, row: &Row) {
        let names = NAMES.iter().map(|column| row.get(column));
        let names = names.filter(|name| name.len() >= SHORTEST);
        let known = self.by_table.entry(table.to_owned()).or_default();
        known.extend(names.map(str::to_owned));
    }

    pub fn extend(&mut self, other: Self) {
        for (table, names) in other.by_table {
            self.by_table.entry(table).or_default().extend(names);
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.by_table.values().flatten()
    }

    /// Without what another one has too: who bound a certificate has it as well as who it was issued for.
    pub fn without(mut self, other: &Self) -> Self {
        let theirs: BTreeSet<&String> = other.all().collect();
        for names in self.by_table.values_mut() {
            names.retain(|name| !theirs.contains(name));
        }
        self
    }

    /// So many names of each kind of thing, the oldest and the newest first: ids carry their time.
    pub fn some_of_each(&self, many: usize) -> Vec<(&str, &str)> {
        let mut some = Vec::new();
        for (table, names) in &self.by_table {
            let mut left: Vec<&String> = names.iter().collect();
            for turn in 0..many.min(left.len()) {
                let place = if turn % 2 == 0 { 0 } else { left.len() - 1 };
                some.push((table.as_str(), left.remove(place).as_str()));
            }
        }
        some
    }

    /// Rows of a change that name one of these things and are not about `account` itself.
    pub fn touched<'c>(&self, change: &'c Change, account: Option<&str>) -> Vec<&'c Row> {
        let own = |row: &Row| {
            account.is_some_and(|own| row.get("account_id") == own || row.get("id") == own)
        };
        let rows = change.rows.iter().filter(|row| !own(row));
        rows.filter(|row| self.all().any(|name| row.names(name)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: &[(&str, &str)]) -> Row {
        let columns = columns.iter();
        Row::new(columns.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn rows() -> Vec<(&'static str, Row)> {
        vec![
            (
                "files",
                row(&[("id", "file-0001"), ("owner_id", "case-0001")]),
            ),
            (
                "cases",
                row(&[("id", "case-0001"), ("account_id", "account-1")]),
            ),
            (
                "cases",
                row(&[("id", "case-0002"), ("account_id", "account-2")]),
            ),
            (
                "order_cases",
                row(&[("order_id", "order-001"), ("case_id", "case-0001")]),
            ),
        ]
    }

    #[test]
    fn what_is_tied_to_what_is_somebodys_is_theirs_too() {
        let rows = rows();
        let first =
            Belongings::of_account(rows.iter().map(|(table, row)| (*table, row)), "account-1");
        let names: Vec<&String> = first.all().collect();
        assert_eq!(names, ["account-1", "case-0001", "file-0001"]);
    }

    #[test]
    fn a_row_that_names_anothers_thing_is_theirs_but_for_ones_own_account() {
        let rows = rows();
        let first =
            Belongings::of_account(rows.iter().map(|(table, row)| (*table, row)), "account-1");
        let change = Change {
            table: "order_cases".to_owned(),
            rows: vec![
                row(&[("order_id", "order-002"), ("case_id", "case-0001")]),
                row(&[("order_id", "order-002"), ("case_id", "case-0002")]),
                row(&[
                    ("id", "order-002"),
                    ("account_id", "account-2"),
                    ("lines", "[\"case-0001\"]"),
                ]),
            ],
        };
        assert_eq!(first.touched(&change, Some("account-2")).len(), 1);
        assert_eq!(first.touched(&change, None).len(), 2);
    }
}
