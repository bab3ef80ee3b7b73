//! Finding a name or an acceptance number by a part of it. Each name is kept once with all its tails, the text from each
//! character on: whatever begins in the middle of a name is the beginning of a tail, and is found by index.

use crate::query::Query;
use crate::{Connection, StoreError};
use sqlx::Row;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use yinxin_core::ids::SiteId;

/// UTF-16 units of a tail that are kept: eight characters tell names apart, the rest is compared.
const UNITS: usize = 8;
/// A number's running digits, as people read them out: the last six, five or four.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=6;
/// The size of a site is asked again after this time.
const FRESH: Duration = Duration::from_secs(600);

/// How many names and numbers are fetched one by one on a site with so many cases; where more have a part, a walk through
/// the list finds a page of their cases sooner. Fetching takes the longer the more names have it, walking the longer the
/// fewer cases do. With what either database takes for a name and for a case that is passed by, and three cases a name, the
/// two meet here.
fn few(cases: i64) -> i64 {
    cases.max(0).isqrt() / 3
}

/// Hexadecimal, so that every database sorts them the same way whatever its language: by their characters.
fn coded(text: &str) -> String {
    let units = text.encode_utf16().take(UNITS);
    units.map(|unit| format!("{unit:04x}")).collect()
}

/// Latin letters are found in either form.
fn plain(text: &str) -> String {
    text.to_lowercase()
}

/// The tails under which a name is found.
pub fn of_name(name: &str) -> Vec<String> {
    let name = plain(name);
    name.char_indices()
        .filter_map(|(at, _)| name.get(at..).map(coded))
        .collect()
}

/// The tails under which an acceptance number is found.
pub fn of_number(number: &str) -> Vec<String> {
    DIGITS
        .filter_map(|digits| number.get(number.len().checked_sub(digits)?..))
        .map(coded)
        .collect()
}

/// Writes the tails of a name where they are not there yet. A name that no case has any more keeps them, and finds nothing.
pub(super) async fn add_name(
    conn: &mut Connection,
    site: &SiteId,
    name: &str,
) -> Result<(), StoreError> {
    let tails = of_name(name);
    let Some(whole) = tails.first() else {
        return Ok(());
    };
    let known =
        sqlx::query("SELECT whole FROM case_tails WHERE site = $1 AND tail = $2 AND whole = $3")
            .bind(site.as_str().to_owned())
            .bind(whole.clone())
            .bind(name.to_owned())
            .fetch_optional(&mut *conn)
            .await?;
    if known.is_none() {
        add(conn, site, name, &tails).await?;
    }
    Ok(())
}

/// Writes the tails of a new case's number.
pub(super) async fn add_number(
    conn: &mut Connection,
    site: &SiteId,
    number: &str,
) -> Result<(), StoreError> {
    add(conn, site, number, &of_number(number)).await
}

async fn add(
    conn: &mut Connection,
    site: &SiteId,
    whole: &str,
    tails: &[String],
) -> Result<(), StoreError> {
    if tails.is_empty() {
        return Ok(());
    }
    let mut query = Query::new("INSERT INTO case_tails (site, tail, whole) VALUES ", &[]);
    for (n, tail) in tails.iter().enumerate() {
        query.text(if n == 0 { "(" } else { ", (" }, site.as_str());
        query.text(", ", tail);
        query.text(", ", whole);
        query.and(")");
    }
    query.and(" ON CONFLICT (site, tail, whole) DO NOTHING");
    query.rows(conn).await?;
    Ok(())
}

/// What is known of the names and numbers of each site, so that not every search asks.
#[derive(Debug, Default)]
pub struct NameStatistics(Mutex<HashMap<SiteId, SiteNames>>);

#[derive(Debug)]
struct SiteNames {
    /// [`few`]
    few: i64,
    /// Parts that more have: names come and do not go.
    common: HashSet<String>,
    asked: Instant,
}

impl NameStatistics {
    /// Common parts of one site: as many as there are pairs of characters that many names have, and some megabyte at most.
    const KEPT: usize = 10_000;

    /// How many are few, unless that was asked too long ago.
    fn few(&self, site: &SiteId, now: Instant) -> Option<i64> {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sites.get(site)?;
        (now.saturating_duration_since(known.asked) < FRESH).then_some(known.few)
    }

    /// With another size other parts are common.
    fn renew(&self, site: &SiteId, cases: i64, now: Instant) -> i64 {
        let names = SiteNames {
            few: few(cases),
            common: HashSet::new(),
            asked: now,
        };
        let few = names.few;
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.insert(site.clone(), names);
        few
    }

    fn is_common(&self, site: &SiteId, from: &str) -> bool {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites
            .get(site)
            .is_some_and(|names| names.common.contains(from))
    }

    fn add_common(&self, site: &SiteId, from: &str) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = sites.get_mut(site)
            && names.common.len() < Self::KEPT
        {
            names.common.insert(from.to_owned());
        }
    }
}

/// How many cases were ever begun on a site.
async fn begun(conn: &mut Connection, site: &SiteId) -> Result<i64, StoreError> {
    let row = sqlx::query(
        "SELECT CAST(COALESCE(SUM(last), 0) AS BIGINT) AS cases FROM case_numbers WHERE site = $1",
    )
    .bind(site.as_str().to_owned())
    .fetch_one(conn)
    .await?;
    Ok(row.try_get("cases")?)
}

/// A part of a name or number, as it is looked for.
pub(super) struct Part {
    /// Tails from this on,
    from: String,
    /// and before this, begin with it.
    until: String,
    /// Numbers likewise, where it may be the beginning of one.
    number: Option<String>,
    /// Longer than a tail: the rest is compared.
    compared: Option<String>,
}

impl Part {
    pub(super) fn new(text: &str) -> Self {
        let text = plain(text);
        let from = coded(&text);
        Self {
            // No hexadecimal digit sorts after `f`.
            until: format!("{from}g"),
            from,
            number: text
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| text.clone()),
            compared: (text.encode_utf16().count() > UNITS).then_some(text),
        }
    }

    /// Whether few enough names and numbers have it to be fetched one by one.
    pub(super) async fn is_rare(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        statistics: &NameStatistics,
    ) -> Result<bool, StoreError> {
        let now = Instant::now();
        let few = match statistics.few(site, now) {
            Some(few) => few,
            None => statistics.renew(site, begun(conn, site).await?, now),
        };
        if statistics.is_common(site, &self.from) {
            return Ok(false);
        }
        let is_rare = self.has_few(conn, site, few).await?;
        if !is_rare {
            statistics.add_common(site, &self.from);
        }
        Ok(is_rare)
    }

    async fn has_few(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        few: i64,
    ) -> Result<bool, StoreError> {
        // The one after the last of a few is there or is not.
        let names = sqlx::query(
            "SELECT whole FROM case_tails WHERE site = $1 AND tail >= $2 AND tail < $3 LIMIT 1 OFFSET $4",
        )
        .bind(site.as_str().to_owned())
        .bind(self.from.clone())
        .bind(self.until.clone())
        .bind(few)
        .fetch_optional(&mut *conn)
        .await?;
        let Some(number) = self.number.as_ref().filter(|_| names.is_none()) else {
            return Ok(names.is_none());
        };
        let numbers = sqlx::query(
            "SELECT number FROM cases WHERE site = $1 AND number >= $2 AND number < $3 LIMIT 1 OFFSET $4",
        )
        .bind(site.as_str().to_owned())
        .bind(number.clone())
        .bind(after_digits(number))
        .bind(few)
        .fetch_optional(conn)
        .await?;
        Ok(numbers.is_none())
    }

    /// Narrows a list to the cases that have it.
    pub(super) fn narrow(&self, query: &mut Query, site: &SiteId) {
        for column in ["subject", "number"] {
            let before = match column {
                "subject" => " AND id IN (SELECT id FROM cases WHERE deleted = 0 AND site = ",
                _ => " UNION SELECT id FROM cases WHERE site = ",
            };
            query.text(before, site.as_str());
            let tails = format!(" AND {column} IN (SELECT whole FROM case_tails WHERE site = ");
            query.text(&tails, site.as_str());
            query.text(" AND tail >= ", &self.from);
            query.text(" AND tail < ", &self.until);
            query.and(")");
        }
        if let Some(number) = &self.number {
            query.text(" UNION SELECT id FROM cases WHERE site = ", site.as_str());
            query.text(" AND number >= ", number);
            query.text(" AND number < ", &after_digits(number));
        }
        query.and(")");
        if let Some(text) = &self.compared {
            query.holds(" AND (", "subject", text);
            query.holds(" OR ", "number", text);
            query.and(")");
        }
    }
}

/// What all numbers that begin with these digits sort before: letters come after digits in every language.
fn after_digits(digits: &str) -> String {
    format!("{digits}a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_few_grows_with_the_site_and_is_asked_again() {
        assert_eq!([0, 1_000, 20_000, 1_000_000].map(few), [0, 10, 47, 333]);
        let site = SiteId::parse("jiangxi").unwrap();
        let statistics = NameStatistics::default();
        let now = Instant::now();
        assert_eq!(statistics.few(&site, now), None);
        assert_eq!(statistics.renew(&site, 20_000, now), 47);
        assert_eq!(statistics.few(&site, now), Some(47));
        assert_eq!(statistics.few(&site, now + FRESH), None);
    }

    #[test]
    fn what_is_common_on_one_site_is_not_on_another() {
        let [one, other] = ["jiangxi", "hunan"].map(|site| SiteId::parse(site).unwrap());
        let statistics = NameStatistics::default();
        for site in [&one, &other] {
            statistics.renew(site, 20_000, Instant::now());
        }
        statistics.add_common(&one, "5efa8bbe");
        assert!(statistics.is_common(&one, "5efa8bbe") && !statistics.is_common(&one, "5efa"));
        assert!(!statistics.is_common(&other, "5efa8bbe"));
        // A site of another size is another site.
        statistics.renew(&one, 1_000_000, Instant::now());
        assert!(!statistics.is_common(&one, "5efa8bbe"));
    }

    #[test]
    fn a_part_is_the_beginning_of_a_tail() {
        let tails = of_name("鹰潭ABC公司");
        assert_eq!(tails.len(), 7);
        for part in ["鹰潭", "潭a", "abc", "司"] {
            let part = Part::new(part);
            let found = tails
                .iter()
                .filter(|tail| **tail >= part.from && **tail < part.until);
            assert_eq!(found.count(), 1);
        }
        assert!(of_name("").is_empty());
        assert_eq!(of_number("20261120000123").len(), 3);
        assert!(of_number("12").is_empty());
    }
}
