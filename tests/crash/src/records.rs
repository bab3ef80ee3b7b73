//! What stands in a house's database, looked at from outside.

use anyhow::{Context, Result};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
use std::collections::{BTreeMap, BTreeSet};
use yinxin_house::House;

/// Seconds in which a job that works ends: a worker's lease, and the first waits of what is tried again.
pub const SOON: i64 = 180;

pub struct Records(AnyConnection);

/// An SMS or a mail.
#[derive(Clone, Debug)]
pub struct Message {
    pub id: String,
    pub channel: String,
    pub template: String,
    pub state: String,
    pub attempts: i64,
    pub error: String,
}

impl Records {
    pub async fn of(house: &House) -> Result<Self> {
        Self::at(&house.database_url()).await
    }

    pub async fn at(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(url).await.context("the database")?;
        if url.starts_with("sqlite:") {
            run(&mut connection, "PRAGMA busy_timeout = 20000").await?;
        }
        Ok(Self(connection))
    }

    async fn all(&mut self, sql: &str) -> Result<Vec<AnyRow>> {
        Ok(sqlx::query(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut self.0)
            .await?)
    }

    /// Lets time pass for the queue: what waits for its turn waits for so many seconds less, and what a worker had taken
    /// is nearer to being free again.
    pub async fn pass_time(&mut self, seconds: i64) -> Result<()> {
        for column in ["run_at", "leased_until"] {
            let of = if column == "run_at" {
                "queued"
            } else {
                "running"
            };
            let sql = format!(
                "UPDATE jobs SET {column} = {column} - {} WHERE state = '{of}'",
                seconds * 1000
            );
            run(&mut self.0, &sql).await?;
        }
        Ok(())
    }

    /// Lets time pass for what was asked outside and may never have arrived: visits to the face check that nobody came
    /// back from, invoices that were being ordered or taken back. After a while the host asks anew.
    pub async fn age_questions(&mut self, seconds: i64) -> Result<()> {
        let questions = [
            ("identity_sessions", "begun_at", "result = ''"),
            ("invoices", "sent_at", "state IN ('requested', 'voiding')"),
            ("invoices", "red_sent_at", "state = 'voiding'"),
        ];
        for (table, column, open) in questions {
            let earlier = format!(
                "UPDATE {table} SET {column} = {column} - {} WHERE {open}",
                seconds * 1000
            );
            run(&mut self.0, &earlier).await?;
        }
        Ok(())
    }

    /// Jobs that somebody still has to do: those under way, those given up, and those that are due or failed and wait.
    /// An order's or a certificate's far dates are none of them.
    pub async fn unfinished(&mut self) -> Result<Vec<String>> {
        let soon = now() + SOON * 1000;
        let rows = self
            .all(&format!(
                "SELECT kind, state, attempts, last_error FROM jobs WHERE state IN ('running', 'dead')
                 OR state = 'queued' AND (run_at <= {soon} OR last_error <> '')"
            ))
            .await?;
        rows.iter()
            .map(|row| {
                let attempts: i64 = row.try_get("attempts")?;
                let text = |column| row.try_get::<String, _>(column);
                Ok(format!(
                    "{} {} after {attempts} tries: {}",
                    text("kind")?,
                    text("state")?,
                    text("last_error")?
                ))
            })
            .collect()
    }

    /// What a case's history says, each as often as it stands there. A form may be saved again, and an agreement agreed
    /// to, by somebody who was not told that it was.
    pub async fn history(&mut self, case: &str) -> Result<BTreeMap<String, usize>> {
        let rows = self
            .all(&format!(
                "SELECT transition, label FROM ledger WHERE case_id = '{case}'"
            ))
            .await?;
        let mut history = BTreeMap::new();
        for row in rows {
            let (transition, label): (String, String) =
                (row.try_get("transition")?, row.try_get("label")?);
            let what = match transition.as_str() {
                // Work on a step is told by its label.
                "step" => label,
                // News of a transfer that came when the case had gone on without it is noted under the event's own name.
                "slip-verified" => "transferred".to_owned(),
                _ => transition,
            };
            if !["保存填写内容", "同意协议"].contains(&what.as_str()) {
                *history.entry(what).or_default() += 1;
            }
        }
        Ok(history)
    }

    /// What the applicant of a case was told, by SMS and mail: each text's name, as often as it was sent.
    pub async fn told(&mut self, case: &str) -> Result<BTreeMap<String, usize>> {
        let rows = self
            .all(&format!(
                "SELECT template FROM messages WHERE case_id = '{case}'"
            ))
            .await?;
        let mut told = BTreeMap::new();
        for row in rows {
            *told.entry(row.try_get("template")?).or_default() += 1;
        }
        Ok(told)
    }

    /// What can be promised, under the names of `promises`, each as often as it stands there.
    pub(crate) async fn standing(&mut self) -> Result<BTreeMap<String, usize>> {
        let statements = [
            "SELECT 'accounts of ' || site AS name FROM accounts",
            "SELECT 'cases begun at ' || site AS name FROM ledger WHERE transition = 'begin'",
            "SELECT 'case ' || case_id || ': ' || CASE
                 WHEN transition <> 'step' THEN transition
                 WHEN label IN ('保存填写内容', '同意协议') THEN 'saved'
                 WHEN label = '上传文件' THEN 'uploaded' ELSE label END AS name FROM ledger",
            "SELECT 'case ' || case_id || ': file ' || material || '/' || CAST(position AS TEXT) AS name FROM material_files",
            "SELECT 'orders opened at ' || site AS name FROM order_events WHERE kind = 'opened'",
            "SELECT 'order ' || order_id || ': ' || kind AS name FROM order_events",
            "SELECT 'order ' || order_id || ': paid or to be paid by ' || gateway AS name FROM payments",
            // Whoever paid another way meanwhile is told so.
            "SELECT 'order ' || id || ': paid or to be paid by ' || way AS name FROM orders
                 CROSS JOIN (SELECT 'wechat' AS way UNION ALL SELECT 'alipay' UNION ALL SELECT 'bank-transfer') ways
                 WHERE paid_at <> 0 OR chosen = way",
            "SELECT 'refund ' || id || ': ' || state AS name FROM refunds",
        ];
        let mut standing = BTreeMap::new();
        for statement in statements {
            for row in self.all(statement).await? {
                *standing.entry(row.try_get("name")?).or_default() += 1;
            }
        }
        Ok(standing)
    }

    /// Rows that are written once and never go away: which one, and what in it never changes.
    pub(crate) async fn lasting(&mut self) -> Result<BTreeMap<String, String>> {
        let statements = [
            (
                "ledger",
                "SELECT site || ' ' || CAST(seq AS TEXT) AS name, hash AS what FROM ledger",
            ),
            (
                "posting",
                "SELECT entry_id || ' ' || account AS name, CAST(amount AS TEXT) AS what FROM postings",
            ),
            (
                "order event",
                "SELECT id AS name, order_id || ' ' || kind AS what FROM order_events",
            ),
            ("account", "SELECT id AS name, site AS what FROM accounts"),
            ("case", "SELECT id AS name, number AS what FROM cases"),
            ("order", "SELECT id AS name, number AS what FROM orders"),
            (
                "payment",
                "SELECT id AS name, out_trade_no AS what FROM payments",
            ),
            (
                "refund",
                "SELECT id AS name, CAST(amount AS TEXT) AS what FROM refunds",
            ),
            (
                "message",
                "SELECT id AS name, template AS what FROM messages",
            ),
            (
                "job",
                "SELECT id AS name, kind || ' ' || key AS what FROM jobs",
            ),
            (
                "certificate",
                "SELECT serial AS name, case_id AS what FROM certificates",
            ),
            ("file", "SELECT id AS name, sha256 AS what FROM files"),
            ("paper", "SELECT id AS name, number AS what FROM papers"),
            (
                "invoice",
                "SELECT id AS name, order_id AS what FROM invoices",
            ),
        ];
        let mut rows = BTreeMap::new();
        for (table, statement) in statements {
            for row in self.all(statement).await? {
                let name: String = row.try_get("name")?;
                rows.insert(format!("{table} {name}"), row.try_get("what")?);
            }
        }
        Ok(rows)
    }

    /// Kinds of the jobs that a worker is at, one for each.
    pub async fn under_way(&mut self) -> Result<Vec<String>> {
        let rows = self
            .all("SELECT kind FROM jobs WHERE state = 'running' ORDER BY kind")
            .await?;
        rows.iter().map(|row| Ok(row.try_get("kind")?)).collect()
    }

    /// Kinds of the jobs that are due and that nobody has begun, one for each.
    pub async fn due(&mut self) -> Result<Vec<String>> {
        let rows = self
            .all(&format!(
                "SELECT kind FROM jobs WHERE state = 'queued' AND run_at <= {} ORDER BY kind",
                now()
            ))
            .await?;
        rows.iter().map(|row| Ok(row.try_get("kind")?)).collect()
    }

    /// Ids of the jobs of a kind that no worker has ever begun.
    pub async fn untried(&mut self, kind: &str) -> Result<BTreeSet<String>> {
        let rows = self
            .all(&format!(
                "SELECT id FROM jobs WHERE kind = '{kind}' AND state = 'queued' AND attempts = 0"
            ))
            .await?;
        rows.iter().map(|row| Ok(row.try_get("id")?)).collect()
    }

    pub async fn messages(&mut self) -> Result<Vec<Message>> {
        let rows = self
            .all("SELECT id, channel, template, state, attempts, last_error FROM messages")
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Message {
                    id: row.try_get("id")?,
                    channel: row.try_get("channel")?,
                    template: row.try_get("template")?,
                    state: row.try_get("state")?,
                    attempts: row.try_get("attempts")?,
                    error: row.try_get("last_error")?,
                })
            })
            .collect()
    }

    /// Trade number, state and fen received of every attempt to pay.
    pub async fn payments(&mut self, gateway: &str) -> Result<Vec<(String, String, i64)>> {
        let rows = self
            .all(&format!(
                "SELECT out_trade_no, state, received FROM payments WHERE gateway = '{gateway}'"
            ))
            .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    row.try_get("out_trade_no")?,
                    row.try_get("state")?,
                    row.try_get("received")?,
                ))
            })
            .collect()
    }

    /// Our number, state and the number of every invoice by a provider.
    pub async fn invoices(&mut self) -> Result<Vec<(String, String, String)>> {
        let rows = self
            .all("SELECT provider_no, state, number FROM invoices WHERE live = 1")
            .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    row.try_get("provider_no")?,
                    row.try_get("state")?,
                    row.try_get("number")?,
                ))
            })
            .collect()
    }

    /// Cases with the states of their certificates.
    pub async fn certificates(&mut self) -> Result<BTreeMap<String, Vec<String>>> {
        let mut of_cases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in self.all("SELECT case_id, state FROM certificates").await? {
            let (case, state): (String, String) = (row.try_get("case_id")?, row.try_get("state")?);
            of_cases.entry(case).or_default().push(state);
        }
        Ok(of_cases)
    }

    /// Keys of the objects that are kept.
    pub async fn kept_objects(&mut self) -> Result<Vec<String>> {
        let rows = self
            .all("SELECT key FROM blobs WHERE state = 'kept'")
            .await?;
        rows.iter().map(|row| Ok(row.try_get("key")?)).collect()
    }

    /// Keeps everybody else from writing until [`Records::give_free`]; SQLite only.
    pub async fn hold(&mut self) -> Result<()> {
        run(&mut self.0, "BEGIN IMMEDIATE").await
    }

    pub async fn give_free(&mut self) -> Result<()> {
        run(&mut self.0, "ROLLBACK").await
    }
}

async fn run(connection: &mut AnyConnection, sql: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
