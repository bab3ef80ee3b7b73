//! Lists of a site's certificates for its clerks, page by page, each read off an index.

use super::{COLUMNS, Certificate, certificate};
use crate::query::Query;
use crate::{Connection, StoreError};
use yinxin_core::ids::SiteId;
use yinxin_core::time::Millis;

/// What a list of certificates is narrowed by; empty fields do not narrow.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the subject.
    pub name: Option<String>,
    /// First digits of the serial, lower-case hexadecimal; with a name, either is enough.
    pub serial: Option<String>,
    pub standing: Option<Narrowed>,
}

/// How certificates of a list stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrowed {
    /// Usable at this instant, and not replaced.
    Valid(Millis),
    /// Usable at the first instant and no more at the second; not replaced.
    Ending(Millis, Millis),
    /// Not usable any more at this instant for its age alone, and not replaced.
    Expired(Millis),
    /// Frozen and not expired at this instant.
    Held(Millis),
    Revoked,
    /// Another one was issued in its place.
    Replaced,
}

/// Where a page goes on: the sort key of the last line of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    pub instant: i64,
    pub serial: String,
}

impl After {
    /// `instant.serial`, for an address; see [`After::parse`].
    pub fn text(&self) -> String {
        format!("{}.{}", self.instant, self.serial)
    }

    /// Reads what [`After::text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (instant, serial) = text.split_once('.')?;
        Some(Self {
            instant: instant.parse().ok()?,
            serial: serial.to_owned(),
        })
    }
}

/// Adds the conditions of a filter. `dates` is the table that has `subject`, `serial` and `not_after`; `certificates` has
/// the rest, and no row where another issuer's register has the certificate.
pub(crate) fn narrow(query: &mut Query, dates: &str, filter: &Filter) {
    match (&filter.name, &filter.serial) {
        (None, None) => {}
        (name, serial) => {
            let mut before = " AND (";
            if let Some(name) = name {
                query.holds(before, &format!("{dates}.subject"), name);
                before = " OR ";
            }
            if let Some(serial) = serial {
                query.begins(before, &format!("{dates}.serial"), serial);
            }
            query.and(")");
        }
    }
    let Some(standing) = filter.standing else {
        return;
    };
    let unrevoked = " AND COALESCE(certificates.state, 'valid') <> 'revoked'";
    let unheld = " AND COALESCE(certificates.state, 'valid') = 'valid'";
    let unreplaced = " AND COALESCE(certificates.successor, '') = ''";
    let ends_after = format!(" AND {dates}.not_after >= ");
    let ends_before = format!(" AND {dates}.not_after < ");
    match standing {
        Narrowed::Valid(now) => {
            query.and(unheld);
            query.and(unreplaced);
            query.number(&ends_after, now.0);
        }
        Narrowed::Ending(now, end) => {
            query.and(unheld);
            query.and(unreplaced);
            query.number(&ends_after, now.0);
            query.number(&ends_before, end.0);
        }
        Narrowed::Expired(now) => {
            query.and(unrevoked);
            query.and(unreplaced);
            query.number(&ends_before, now.0);
        }
        Narrowed::Held(now) => {
            query.and(" AND certificates.state = 'held'");
            query.and(unreplaced);
            query.number(&ends_after, now.0);
        }
        Narrowed::Revoked => query.and(" AND certificates.state = 'revoked'"),
        Narrowed::Replaced => {
            query.and(unrevoked);
            query.and(" AND certificates.successor <> ''");
        }
    }
}

fn lines(site: &SiteId, filter: &Filter) -> Query {
    let mut query = Query::new(
        format!("SELECT {COLUMNS} FROM certificates WHERE site = $1 AND state <> 'reserved'"),
        &[site.as_str()],
    );
    narrow(&mut query, "certificates", filter);
    query
}

fn newest_query(site: &SiteId, filter: &Filter, after: Option<&After>, limit: i64) -> Query {
    let mut query = lines(site, filter);
    if let Some(after) = after {
        query.number(" AND (created_at, serial) < (", after.instant);
        query.text(", ", &after.serial);
        query.and(")");
    }
    query.number(" ORDER BY created_at DESC, serial DESC LIMIT ", limit);
    query
}

fn by_end_query(site: &SiteId, filter: &Filter, after: Option<&After>, limit: i64) -> Query {
    let mut query = lines(site, filter);
    if let Some(after) = after {
        query.number(" AND (not_after, serial) > (", after.instant);
        query.text(", ", &after.serial);
        query.and(")");
    }
    query.number(" ORDER BY not_after, serial LIMIT ", limit);
    query
}

/// All certificates of the site, the newest first. `after` has the instant at which the last one was written down.
pub async fn newest(
    conn: &mut Connection,
    site: &SiteId,
    filter: &Filter,
    after: Option<&After>,
    limit: i64,
) -> Result<Vec<Certificate>, StoreError> {
    let rows = newest_query(site, filter, after, limit).rows(conn).await?;
    rows.iter().map(certificate).collect()
}

/// All certificates of the site, what ends first on top. `after` has the end of the last one.
pub async fn by_end(
    conn: &mut Connection,
    site: &SiteId,
    filter: &Filter,
    after: Option<&After>,
    limit: i64,
) -> Result<Vec<Certificate>, StoreError> {
    let rows = by_end_query(site, filter, after, limit).rows(conn).await?;
    rows.iter().map(certificate).collect()
}

#[cfg(test)]
mod tests;
