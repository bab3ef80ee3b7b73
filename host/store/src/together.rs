//! Statements that are asked together. Each statement is a trip to the thread that has the connection on SQLite, which costs
//! more than finding a row by its key: what one page reads of one thing is asked in one trip.
//!
//! That one text holds several statements is a way of sqlx's SQLite driver alone. Should it go, as its authors consider (see
//! `sqlx::query::Query::fetch_many`), what is here for PostgreSQL does for both.

use crate::{Connection, Dialect, StoreError};
use futures::TryStreamExt;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Either, Executor};
use std::sync::Arc;

/// `N` statements with the same placeholders, `$1` and so on, each of which uses all of them.
pub(crate) struct Together<const N: usize> {
    each: [Arc<str>; N],
    all: Arc<str>,
}

impl<const N: usize> Together<N> {
    pub(crate) fn new(each: [String; N]) -> Self {
        Self {
            all: each.join(";\n").into(),
            each: each.map(Arc::from),
        }
    }

    /// The rows of each. On PostgreSQL, whose prepared statements are single ones, they are asked one after another.
    pub(crate) async fn rows(
        &self,
        conn: &mut Connection,
        values: &[&str],
    ) -> Result<[Vec<AnyRow>; N], StoreError> {
        let mut rows = std::array::from_fn(|_| Vec::new());
        match Dialect::of(conn) {
            Dialect::Postgres => {
                for (rows, text) in rows.iter_mut().zip(&self.each) {
                    *rows = asked(text, values).fetch_all(&mut *conn).await?;
                }
            }
            Dialect::Sqlite => {
                let mut answers = conn.fetch_many(asked(&self.all, values));
                for rows in &mut rows {
                    // A statement's end comes after its rows.
                    while let Some(Either::Right(row)) = answers.try_next().await? {
                        rows.push(row);
                    }
                }
            }
        }
        Ok(rows)
    }
}

fn asked(text: &Arc<str>, values: &[&str]) -> Query<'static, Any, AnyArguments> {
    values.iter().fold(
        sqlx::query(AssertSqlSafe(Arc::clone(text))),
        |query, value| query.bind((*value).to_owned()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;
    use sqlx::Row;

    /// More rows than the driver holds for who reads them.
    const MANY: usize = 120;

    fn numbers(rows: &[AnyRow]) -> Vec<i64> {
        rows.iter().map(|row| row.get(0)).collect()
    }

    #[tokio::test]
    async fn each_statement_has_its_own_rows() {
        let up_to = |last: usize| {
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) \
                 SELECT CAST(i AS BIGINT) AS i FROM n WHERE $1 = 'a' AND $2 = 'b'"
            )
        };
        let none = || "SELECT CAST(1 AS BIGINT) AS i WHERE $1 = $2".to_owned();
        let together = Together::new([none(), up_to(MANY), none(), up_to(2), none()]);
        for store in stores().await {
            let mut conn = store.read().await.unwrap();
            for (values, many, few) in [(["a", "b"], MANY, 2), (["b", "a"], 0, 0)] {
                let rows = together.rows(&mut conn, &values).await.unwrap();
                let counts = rows.each_ref().map(Vec::len);
                assert_eq!(counts, [0, many, 0, few, 0]);
                assert_eq!(numbers(&rows[1]), (1..=many as i64).collect::<Vec<_>>());
            }
        }
    }

    #[tokio::test]
    async fn one_that_fails_fails_all_and_leaves_the_connection_in_order() {
        let well = || "SELECT CAST(1 AS BIGINT) AS i WHERE $1 = $2".to_owned();
        let ill = "SELECT i FROM nowhere WHERE $1 = $2".to_owned();
        let (broken, whole) = (
            Together::new([well(), ill, well()]),
            Together::new([well(), well()]),
        );
        for store in stores().await {
            let mut conn = store.read().await.unwrap();
            for _ in 0..2 {
                assert!(broken.rows(&mut conn, &["a", "a"]).await.is_err());
                let rows = whole.rows(&mut conn, &["a", "a"]).await.unwrap();
                assert_eq!(rows.each_ref().map(|rows| numbers(rows)), [[1], [1]]);
            }
        }
    }
}
