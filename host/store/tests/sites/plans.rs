//! How the database finds the rows of each statement, as SQLite's planner says. A statement that walks a table, or all
//! rows of a site, or sorts before it pages, is slow on the day when a site has a million cases.

use crate::sources::{self, Statement};
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeSet;
use yinxin_store::testing::sqlite;

/// Functions whose statements may do more than follow an index, with the reason.
const SLOW_ON_PURPOSE: &[(&str, &str)] = &[
    (
        "cases::begun",
        "one row for each day on which a case was begun, added up every ten minutes",
    ),
    (
        "cases::narrowed",
        "the beginning of every list of cases; the lists are looked at in the module's own tests",
    ),
    (
        "cases::queue_counts",
        "adds up what each queue has first, up to a bound; how that is found is looked at below",
    ),
    (
        "certificates::lines",
        "the beginning of every list of certificates; the lists are looked at in the module's own tests",
    ),
    ("clerks::hold_all", "all clerks of a site are wanted: tens"),
    (
        "clerks::saved_reasons",
        "a clerk's own sentences for one item: tens",
    ),
    (
        "downloads::list",
        "all downloads of a site are wanted: tens",
    ),
    (
        "jobs::next_due",
        "walks the index of waiting jobs until the first that is not running",
    ),
    (
        "jobs::waiting",
        "its index holds only what waits for another try, in the order of the list",
    ),
    ("ledger::sites", "one row a site"),
    ("pages::list", "all pages of a site are wanted: tens"),
    (
        "plugins::in_use",
        "all versions of a site's plugins are looked at: tens",
    ),
    ("postings::balances", "an audit adds up everything"),
    ("postings::held", "an audit adds up everything"),
    ("postings::orphans", "an audit looks at every entry"),
    ("postings::sites", "an audit of all sites"),
    ("postings::unbalanced", "an audit adds up everything"),
];

/// Its plan, line by line; none when it is a part that is not run alone.
async fn plan(conn: &mut yinxin_store::Connection, statement: &Statement) -> Option<Vec<String>> {
    if !["SELECT", "UPDATE", "DELETE"]
        .iter()
        .any(|word| statement.text.starts_with(word))
    {
        return None;
    }
    if !statement.text.contains(" FROM ") && !statement.text.starts_with("UPDATE") {
        return None;
    }
    let text = statement
        .text
        .replace("{COLUMNS}", "*")
        .replace("{LINE}", "*")
        .replace("{columns}", "*")
        .replace("{found}", "'id'")
        .replace("{column}", "service")
        .replace("{these}", "'id', 'other'")
        .replace("{queue}", "'reviewer'")
        .replace("{compared}", ">")
        .replace("{COUNTED}", "200")
        .replace("{locking}", "");
    let rows = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}")))
        .fetch_all(conn)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", statement.place));
    Some(
        rows.iter()
            .map(|row| row.try_get("detail").unwrap())
            .collect(),
    )
}

/// True for a line of a plan that takes longer the more rows a site has, however few are wanted.
fn is_slow(line: &str) -> bool {
    // These have one row a site.
    if [
        "SEARCH ledger_heads ",
        "SEARCH revocation_lists ",
        "SEARCH invoice_tokens ",
    ]
    .iter()
    .any(|search| line.starts_with(search))
    {
        return false;
    }
    let walks_all = line.starts_with("SCAN ") && line != "SCAN CONSTANT ROW";
    walks_all
        || line.contains("FOR ORDER BY")
        || line.contains("OF ORDER BY")
        || line.ends_with("(site=?)")
}

#[tokio::test]
async fn every_statement_follows_an_index() {
    let store = sqlite().await;
    let mut conn = store.read().await.unwrap();
    let (_, statements) = sources::read();
    let (mut slow, mut seen) = (Vec::new(), BTreeSet::new());
    for statement in &statements {
        for line in plan(&mut conn, statement).await.unwrap_or_default() {
            if is_slow(&line) {
                seen.insert(statement.function.clone());
                slow.push((statement, line));
            }
        }
    }
    slow.retain(|(statement, _)| {
        SLOW_ON_PURPOSE
            .iter()
            .all(|(name, _)| *name != statement.function)
    });
    let slow: Vec<String> = slow
        .iter()
        .map(|(statement, line)| format!("{} {}: {line}", statement.place, statement.function))
        .collect();
    assert!(
        slow.is_empty(),
        "add an index to the migrations:\n{}",
        slow.join("\n")
    );
    let gone: Vec<_> = SLOW_ON_PURPOSE
        .iter()
        .filter(|(name, _)| !seen.contains(*name))
        .collect();
    assert!(gone.is_empty(), "no longer slow: {gone:?}");
}

#[tokio::test]
async fn the_next_job_is_the_first_of_an_index_however_many_wait() {
    let store = sqlite().await;
    let mut conn = store.read().await.unwrap();
    let (_, statements) = sources::read();
    let lease = statements
        .iter()
        .find(|statement| statement.function == "jobs::lease_beside")
        .unwrap();
    let lines = plan(&mut conn, lease).await.unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line == "SEARCH jobs USING INDEX jobs_due (run_at<?)"),
        "{lines:?}"
    );
    assert!(!lines.iter().any(|line| is_slow(line)), "{lines:?}");
}

#[tokio::test]
async fn what_is_counted_for_a_page_is_counted_off_an_index_alone() {
    let store = sqlite().await;
    let mut conn = store.read().await.unwrap();
    let (_, statements) = sources::read();
    for function in [
        "cases::tone_counts",
        "cases::queue_counts",
        "orders::counted",
    ] {
        let mut found = 0;
        for statement in &statements {
            if statement.function == function {
                let lines = plan(&mut conn, statement).await.unwrap();
                for line in lines.iter().filter(|line| line.starts_with("SEARCH ")) {
                    assert!(line.contains(" USING COVERING INDEX "), "{lines:?}");
                    assert!(!is_slow(line), "{lines:?}");
                    found += 1;
                }
            }
        }
        assert_ne!(found, 0, "{function} is gone");
    }
}
