//! Lists of cases, page by page: an account's, a role's queue, a search. Every page is read off an index.

use crate::cases::signature;
use crate::cases::tails::{NameStatistics, Part};
use crate::cases::{Claim, NEVER, Standing};
use crate::query::{Query, among};
use crate::{Connection, Dialect, StoreError};
use sqlx::Row;
use yinxin_core::{
    ids::{AccountId, CaseId, ClerkId, OrderId, SiteId},
    time::Millis,
};

/// A line of a list: no answers, so nothing has to be unsealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub id: CaseId,
    pub number: String,
    pub account: AccountId,
    pub plugin: String,
    pub plugin_digest: String,
    pub service: String,
    pub state: String,
    pub standing: Standing,
    pub subject: String,
    pub entered_at: Millis,
    pub due_at: Option<Millis>,
    pub created_at: Millis,
    pub updated_at: Millis,
    pub claim: Option<Claim>,
}

pub(super) const LINE: &str = "id, number, account_id, plugin, plugin_digest, service, state, tone, queue, payable, ended, deleted,
    subject, entered_at, due_at, created_at, updated_at, claimed_by, claimed_until";

pub(super) fn line(row: &sqlx::any::AnyRow) -> Result<Line, StoreError> {
    let flag = |name: &str| row.try_get::<i64, _>(name).map(|value| value == 1);
    let due: i64 = row.try_get("due_at")?;
    let claimed_by: String = row.try_get("claimed_by")?;
    let claimed_until = Millis(row.try_get("claimed_until")?);
    Ok(Line {
        id: CaseId::from_stored(row.try_get::<String, _>("id")?),
        number: row.try_get("number")?,
        account: AccountId::from_stored(row.try_get::<String, _>("account_id")?),
        plugin: row.try_get("plugin")?,
        plugin_digest: row.try_get("plugin_digest")?,
        service: row.try_get("service")?,
        state: row.try_get("state")?,
        standing: Standing {
            tone: row.try_get("tone")?,
            queue: row.try_get("queue")?,
            payable: flag("payable")?,
            ended: flag("ended")?,
            deleted: flag("deleted")?,
        },
        subject: row.try_get("subject")?,
        entered_at: Millis(row.try_get("entered_at")?),
        due_at: (due != NEVER).then_some(Millis(due)),
        created_at: Millis(row.try_get("created_at")?),
        updated_at: Millis(row.try_get("updated_at")?),
        claim: (!claimed_by.is_empty()).then(|| Claim {
            clerk: ClerkId::from_stored(claimed_by),
            until: claimed_until,
        }),
    })
}

/// What a list is narrowed by; empty fields do not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    /// Role whose queue.
    pub queue: Option<String>,
    pub plugin: Option<String>,
    pub service: Option<String>,
    pub state: Option<String>,
    pub tone: Option<String>,
    /// Part of the subject's name, or of the acceptance number: from its beginning, or of its running digits.
    pub text: Option<String>,
    pub key: Option<Key>,
    /// Only cases that this clerk holds at the moment.
    pub claimed_by: Option<(ClerkId, Millis)>,
}

impl Filter {
    /// Columns with an index of their own, those first that fewer cases share as a rule.
    fn narrowing(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let columns = [
            ("service", &self.service),
            ("tone", &self.tone),
            ("plugin", &self.plugin),
        ];
        columns
            .into_iter()
            .filter_map(|(column, value)| Some((column, value.as_deref()?)))
    }
}

/// A whole number or code that names cases, of whatever kind: all kinds are looked up.
#[derive(Clone, Debug)]
pub struct Key {
    /// An acceptance number, the number of an order, or the reference of its bank transfer.
    pub text: String,
    /// [`crate::seal::Sealer::fingerprint`] under [`crate::cases::lookup_context`] of a mobile, USCC, identity number,
    /// serial or tracking number.
    pub fingerprint: String,
}

/// Where a page goes on: the last line's sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    pub due_at: i64,
    pub id: String,
}

impl After {
    /// The key of a line, to fetch the page after it.
    pub fn line(line: &Line) -> Self {
        Self {
            due_at: line.due_at.map_or(NEVER, |at| at.0),
            id: line.id.to_string(),
        }
    }

    /// `due.id`, for an address; see [`After::parse`].
    pub fn text(&self) -> String {
        format!("{}.{}", self.due_at, self.id)
    }

    /// Reads what [`After::text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (due, id) = text.split_once('.')?;
        Some(Self {
            due_at: due.parse().ok()?,
            id: id.to_owned(),
        })
    }
}

/// How the cases that a filter lets through are found.
#[derive(Clone, Copy, Default)]
struct Way<'p> {
    /// The filter's text, where few names have it: then they are fetched; else the list is walked, in which cases that
    /// have it come soon.
    rare: Option<&'p Part>,
    lead: Lead,
    /// A walk reads the index alone until it has a page, and then the rows of this page.
    rows_last: bool,
}

/// Which of the columns that have an index of their own, in the order of due dates, is walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Lead {
    /// The one that the planner takes, from what it knows of how many have what.
    #[default]
    Planner,
    /// This one, or none of them.
    Of(Option<&'static str>),
}

fn narrowed(columns: &str, site: &SiteId, filter: &Filter, way: Way<'_>) -> Query {
    let mut query = Query::new(
        format!("SELECT {columns} FROM cases WHERE site = $1 AND deleted = 0"),
        &[site.as_str()],
    );
    narrow(&mut query, site, filter, way);
    query
}

fn by_due_query(
    site: &SiteId,
    filter: &Filter,
    way: Way<'_>,
    after: Option<&After>,
    limit: i64,
) -> Query {
    // The plus keeps a planner from walking the list in its order, past all that was not looked for, where few cases are
    // found by an index of their own and sorted at once.
    let due = if filter.key.is_some() || way.rare.is_some() {
        "+due_at"
    } else {
        "due_at"
    };
    let columns = if way.rows_last { "id" } else { LINE };
    let mut query = narrowed(columns, site, filter, way);
    if let Some(after) = after {
        query.number(&format!(" AND ({due}, id) > ("), after.due_at);
        query.text(", ", &after.id);
        query.and(")");
    }
    query.and(&format!(" ORDER BY {due}, id LIMIT "));
    if way.rows_last {
        // In the text: with a bound that it does not know PostgreSQL makes another plan for each visit.
        query.and(&limit.to_string());
        let found = query.text;
        query.text = format!(
            "SELECT {LINE} FROM cases WHERE site = $1 AND id IN ({found}) ORDER BY +due_at, id"
        );
    } else {
        query.number("", limit);
    }
    query
}

fn newest_query(site: &SiteId, filter: &Filter, before: Option<&str>, limit: i64) -> Query {
    let mut query = narrowed(LINE, site, filter, Way::default());
    if let Some(before) = before {
        query.text(" AND id < ", before);
    }
    query.number(" ORDER BY id DESC LIMIT ", limit);
    query
}

fn narrow(query: &mut Query, site: &SiteId, filter: &Filter, way: Way<'_>) {
    if let Some(account) = &filter.account {
        query.text(" AND account_id = ", account.as_str());
    }
    if let Some(queue) = &filter.queue {
        query.text(" AND queue = ", queue);
    }
    if let Some(state) = &filter.state {
        query.text(" AND state = ", state);
    }
    for (column, value) in filter.narrowing() {
        // What is put behind it keeps SQLite from the column's own index.
        let is_open = way.lead == Lead::Planner || way.lead == Lead::Of(Some(column));
        let by = if is_open { "" } else { " || ''" };
        query.text(&format!(" AND {column}{by} = "), value);
    }
    if filter.queue.is_some() {
        // The condition of the index.
        query.and(" AND queue > ''");
    }
    if let Some(part) = way.rare {
        part.narrow(query, site);
    } else if let Some(text) = &filter.text {
        let bits = signature(text);
        query.number(" AND (((subject_signature & ", bits);
        query.number(") = ", bits);
        query.holds(" AND ", "subject", text);
        query.and(")");
        // A number has digits alone.
        if text.bytes().all(|b| b.is_ascii_digit()) {
            query.holds(" OR ", "number", text);
        }
        query.and(")");
    }
    if let Some(key) = &filter.key {
        query.text(
            " AND id IN (SELECT case_id FROM case_lookups WHERE site = ",
            site.as_str(),
        );
        query.text(" AND fingerprint = ", &key.fingerprint);
        query.text(" UNION SELECT id FROM cases WHERE site = ", site.as_str());
        query.text(" AND number = ", &key.text);
        for number in [" AND orders.number = ", " AND orders.reference = "] {
            query.text(
                " UNION SELECT order_cases.case_id FROM orders JOIN order_cases ON order_cases.site = orders.site
                 AND order_cases.order_id = orders.id WHERE orders.site = ",
                site.as_str(),
            );
            query.text(number, &key.text);
        }
        query.and(")");
    }
    if let Some((clerk, now)) = &filter.claimed_by {
        query.text(" AND claimed_by <> '' AND claimed_by = ", clerk.as_str());
        query.number(" AND claimed_until > ", now.0);
    }
}

async fn fetch(query: Query, conn: &mut Connection) -> Result<Vec<Line>, StoreError> {
    query.rows(conn).await?.iter().map(line).collect()
}

/// A clerk's list: what is due first comes first. `statistics` is [`crate::Store::name_statistics`].
pub async fn by_due(
    conn: &mut Connection,
    site: &SiteId,
    filter: &Filter,
    after: Option<&After>,
    limit: i64,
    statistics: &NameStatistics,
) -> Result<Vec<Line>, StoreError> {
    let part = filter.text.as_deref().map(Part::new);
    let rare = match part {
        Some(part) if part.is_rare(conn, site, statistics).await? => Some(part),
        _ => None,
    };
    let way = Way {
        rare: rare.as_ref(),
        lead: lead(conn, site, filter).await?,
        // SQLite goes to a row when it needs a column that the index has not: after the comparison, by itself.
        rows_last: filter.text.is_some()
            && rare.is_none()
            && Dialect::of(conn) == Dialect::Postgres,
    };
    fetch(by_due_query(site, filter, way, after, limit), conn).await
}

/// A list is walked by the column of which no more cases than these have the value.
const FEW: i64 = 500;

/// The column to walk, for SQLite, which does not know: one that few cases have the value of, or the first where many have
/// each. None where the filter has something else by which cases are found.
async fn lead(conn: &mut Connection, site: &SiteId, filter: &Filter) -> Result<Lead, StoreError> {
    if Dialect::of(conn) == Dialect::Postgres {
        return Ok(Lead::Planner);
    }
    let found = filter.queue.is_some()
        || filter.account.is_some()
        || filter.key.is_some()
        || filter.claimed_by.is_some()
        || filter.text.is_some();
    if found {
        return Ok(Lead::Of(None));
    }
    let columns: Vec<_> = filter.narrowing().collect();
    let contested: &[_] = if columns.len() > 1 { &columns } else { &[] };
    for (column, value) in contested {
        let beyond = sqlx::query(sqlx::AssertSqlSafe(format!(
            "SELECT id FROM cases WHERE site = $1 AND {column} = $2 AND deleted = 0 LIMIT 1 OFFSET $3"
        )))
        .bind(site.as_str().to_owned())
        .bind((*value).to_owned())
        .bind(FEW)
        .fetch_optional(&mut *conn)
        .await?;
        if beyond.is_none() {
            return Ok(Lead::Of(Some(column)));
        }
    }
    Ok(Lead::Of(columns.first().map(|(column, _)| *column)))
}

/// An applicant's list: the newest first, before the case `before`.
pub async fn newest(
    conn: &mut Connection,
    site: &SiteId,
    filter: &Filter,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    fetch(newest_query(site, filter, before, limit), conn).await
}

/// Cases that an account may put into an order: payable, and in no order that is alive. The newest first.
pub async fn orderable(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    limit: i64,
) -> Result<Vec<Line>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {LINE} FROM cases WHERE site = $1 AND account_id = $2 AND payable = 1 AND deleted = 0
             AND NOT EXISTS (SELECT 1 FROM order_cases
                 WHERE order_cases.site = $3 AND order_cases.case_id = cases.id AND order_cases.live = 1)
         ORDER BY id DESC LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(account.to_string())
    .bind(site.as_str().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(line).collect()
}

/// As far as cases are counted for a tile: whoever has more has enough to do for days. Five hundred of each of four queues
/// took PostgreSQL 0.76 ms, half of the desk.
pub const COUNTED: i64 = 200;

/// How much waits in a role's queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueCount {
    pub queue: String,
    /// [`COUNTED`] at most.
    pub cases: i64,
    /// Cases whose due date has passed; [`COUNTED`] at most.
    pub overdue: i64,
    /// When the case that has stood there longest came.
    pub oldest: Millis,
}

/// Counts these queues of a site; those that are empty are left out.
pub async fn queue_counts(
    conn: &mut Connection,
    site: &SiteId,
    queues: &[&str],
    now: Millis,
) -> Result<Vec<QueueCount>, StoreError> {
    if queues.is_empty() {
        return Ok(Vec::new());
    }
    let count = |queue: String| {
        // What is due first comes first, so that what is overdue is among those that are counted. `queue > ''` is the
        // condition of the indexes. The bound stands in the text: of one that is a parameter PostgreSQL thinks that it is a
        // tenth of what there is, and makes another plan for each visit, which takes as long as the counting.
        format!(
            "SELECT CAST({queue} AS TEXT) AS queue, COUNT(*) AS cases,
                 CAST(COALESCE(SUM(CASE WHEN due_at < $2 THEN 1 ELSE 0 END), 0) AS BIGINT) AS overdue,
                 COALESCE((SELECT entered_at FROM cases WHERE site = $1 AND queue = {queue} AND queue > '' AND deleted = 0
                     ORDER BY entered_at LIMIT 1), 0) AS oldest
             FROM (SELECT due_at FROM cases WHERE site = $1 AND queue = {queue} AND queue > '' AND deleted = 0
                 ORDER BY due_at LIMIT {COUNTED}) AS first"
        )
    };
    let counts: Vec<String> = (3..)
        .take(queues.len())
        .map(|n| count(format!("${n}")))
        .collect();
    let mut query = sqlx::query(sqlx::AssertSqlSafe(counts.join(" UNION ALL ")))
        .bind(site.as_str().to_owned())
        .bind(now.0);
    for queue in queues {
        query = query.bind((*queue).to_owned());
    }
    let rows = query.fetch_all(conn).await?;
    let mut counts = Vec::with_capacity(rows.len());
    for row in rows {
        let count = QueueCount {
            queue: row.try_get("queue")?,
            cases: row.try_get("cases")?,
            overdue: row.try_get("overdue")?,
            oldest: Millis(row.try_get("oldest")?),
        };
        if count.cases > 0 {
            counts.push(count);
        }
    }
    Ok(counts)
}

/// How many cases of an account stand in each tone.
pub async fn tone_counts(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
) -> Result<Vec<(String, i64)>, StoreError> {
    // SQLite would take an index that has tones in their order, and read all cases of the site.
    let rows = sqlx::query(
        "SELECT tone || '' AS tone_name, COUNT(*) AS cases FROM cases
         WHERE site = $1 AND account_id = $2 AND deleted = 0 GROUP BY tone_name ORDER BY tone_name",
    )
    .bind(site.as_str().to_owned())
    .bind(account.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("tone_name")?, row.try_get("cases")?)))
        .collect()
}

/// The cases that an order pays for, in the order in which they began; without those that were deleted.
pub async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Vec<Line>, StoreError> {
    let found = of_orders(conn, site, &[order]).await?;
    Ok(found.into_iter().map(|(_, line)| line).collect())
}

/// The same for each of these orders: which pays for it, and the case.
pub async fn of_orders(
    conn: &mut Connection,
    site: &SiteId,
    orders: &[&OrderId],
) -> Result<Vec<(OrderId, Line)>, StoreError> {
    let rows = among(conn, site, orders, |these| {
        format!(
            "SELECT order_id, {LINE} FROM order_cases JOIN cases ON cases.site = order_cases.site AND id = case_id
             WHERE order_cases.site = $1 AND order_id IN ({these}) AND deleted = 0 ORDER BY order_id, case_id"
        )
    })
    .await?;
    rows.iter()
        .map(|row| {
            let order = OrderId::from_stored(row.try_get::<String, _>("order_id")?);
            Ok((order, line(row)?))
        })
        .collect()
}

#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;
