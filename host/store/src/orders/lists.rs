//! Lists of orders, page by page; every page is read off an index.

use super::{COLUMNS, Order, OrderState, order};
use crate::payments::gateway_word;
use crate::query::{AFTER_EVERY_ID, Query, among};
use crate::{Connection, StoreError};
use sqlx::Row;
use std::collections::HashMap;
use yinxin_core::{
    ids::{AccountId, CaseId, OrderId, SiteId},
    money::Method,
    time::Millis,
};

/// The orders that somebody may mean who reads out an order's number, a reference, or a provider's number of a
/// transaction; newest first.
pub async fn called(
    conn: &mut Connection,
    site: &SiteId,
    text: &str,
    limit: i64,
) -> Result<Vec<Order>, StoreError> {
    // Each part reads an index of its own.
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM orders WHERE site = $1 AND id IN (
             SELECT id FROM orders WHERE site = $2 AND number = $3
             UNION SELECT id FROM orders WHERE site = $4 AND reference = $5
             UNION SELECT order_id FROM payments WHERE site = $6 AND transaction_no = $7 AND transaction_no <> ''
         ) ORDER BY id DESC LIMIT $8"
    )))
    .bind(site.as_str().to_owned())
    .bind(site.as_str().to_owned())
    .bind(text.to_owned())
    .bind(site.as_str().to_owned())
    .bind(text.to_owned())
    .bind(site.as_str().to_owned())
    .bind(text.to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(order).collect()
}

/// An account's orders, newest first, after the id `after`.
pub async fn of_account(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Order>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM orders WHERE site = $1 AND account_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(account.to_string())
    .bind(after.unwrap_or(AFTER_EVERY_ID).to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(order).collect()
}

/// A clerk's list: orders in a state, oldest first, after the id `after`.
pub async fn in_state(
    conn: &mut Connection,
    site: &SiteId,
    state: OrderState,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Order>, StoreError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT {COLUMNS} FROM orders WHERE site = $1 AND state = $2 AND id > $3 ORDER BY id LIMIT $4"
    )))
    .bind(site.as_str().to_owned())
    .bind(state.as_str().to_owned())
    .bind(after.unwrap_or_default().to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(order).collect()
}

/// The orders of these ids that the site has, newest first.
pub async fn with_ids(
    conn: &mut Connection,
    site: &SiteId,
    ids: &[&OrderId],
) -> Result<Vec<Order>, StoreError> {
    let rows = among(conn, site, ids, |these| {
        format!("SELECT {COLUMNS} FROM orders WHERE site = $1 AND id IN ({these}) ORDER BY id DESC")
    })
    .await?;
    rows.iter().map(order).collect()
}

/// For each of these cases the order that it was put into last, if it was in one.
pub async fn of_cases(
    conn: &mut Connection,
    site: &SiteId,
    cases: &[&CaseId],
) -> Result<HashMap<CaseId, Order>, StoreError> {
    let rows = among(conn, site, cases, |these| {
        format!(
            "SELECT case_id, order_id FROM order_cases WHERE site = $1 AND case_id IN ({these}) ORDER BY case_id, turn"
        )
    })
    .await?;
    // What is read later takes the place of what was read before.
    let mut last = HashMap::new();
    for row in &rows {
        let case = CaseId::from_stored(row.try_get::<String, _>("case_id")?);
        let order = OrderId::from_stored(row.try_get::<String, _>("order_id")?);
        last.insert(case, order);
    }
    let ids: Vec<&OrderId> = last.values().collect();
    let found = with_ids(conn, site, &ids).await?;
    let found: HashMap<&OrderId, &Order> = found.iter().map(|order| (&order.id, order)).collect();
    let orders = last.iter().filter_map(|(case, id)| {
        let order = *found.get(id)?;
        Some((case.clone(), order.clone()))
    });
    Ok(orders.collect())
}

/// How many orders stand in a state; `most` at most, which are read off an index.
pub async fn counted(
    conn: &mut Connection,
    site: &SiteId,
    state: OrderState,
    most: i64,
) -> Result<usize, StoreError> {
    let rows = sqlx::query("SELECT id FROM orders WHERE site = $1 AND state = $2 LIMIT $3")
        .bind(site.as_str().to_owned())
        .bind(state.as_str().to_owned())
        .bind(most)
        .fetch_all(conn)
        .await?;
    Ok(rows.len())
}

/// What a list is narrowed by; empty fields do not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub account: Option<AccountId>,
    pub state: Option<OrderState>,
    /// The way to pay that was picked, or by which it was paid in the end.
    pub chosen: Option<Method>,
    /// Opened at or after.
    pub from: Option<Millis>,
    /// Opened before.
    pub until: Option<Millis>,
}

/// Orders, newest first, before the id `before`.
pub async fn newest(
    conn: &mut Connection,
    site: &SiteId,
    filter: &Filter,
    before: Option<&str>,
    limit: i64,
) -> Result<Vec<Order>, StoreError> {
    let mut query = Query::new(
        format!("SELECT {COLUMNS} FROM orders WHERE site = $1 AND id < $2"),
        &[site.as_str(), before.unwrap_or(AFTER_EVERY_ID)],
    );
    if let Some(account) = &filter.account {
        query.text(" AND account_id = ", account.as_str());
    }
    if let Some(state) = filter.state {
        query.text(" AND state = ", state.as_str());
    }
    if let Some(chosen) = filter.chosen {
        query.text(" AND chosen = ", gateway_word(chosen));
    }
    if let Some(from) = filter.from {
        query.number(" AND created_at >= ", from.0);
    }
    if let Some(until) = filter.until {
        query.number(" AND created_at < ", until.0);
    }
    query.number(" ORDER BY id DESC LIMIT ", limit);
    query.rows(conn).await?.iter().map(order).collect()
}

/// Unpaid orders whose time is over. One with an uploaded slip waits for its clerk instead.
pub async fn expired(
    conn: &mut Connection,
    site: &SiteId,
    now: Millis,
    limit: i64,
) -> Result<Vec<OrderId>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM orders WHERE site = $1 AND state IN ('open', 'awaiting-payment') AND expires_at <= $2
         ORDER BY expires_at LIMIT $3",
    )
    .bind(site.as_str().to_owned())
    .bind(now.0)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok(OrderId::from_stored(row.try_get::<String, _>("id")?)))
        .collect()
}
