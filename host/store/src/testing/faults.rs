//! A database whose n-th write fails. The faults are the database's own: triggers on every table, so that the host runs as
//! it is, without a line that is there for tests.
//!
//! SQLite takes back what a trigger counted together with the transaction that failed. So a fault there lasts from the n-th
//! changed row until it is mended, like a full disk. PostgreSQL's sequences are not taken back: a fault there happens once.

use crate::{Dialect, Store};
use sqlx::{AnyConnection, AssertSqlSafe, Row};

/// What happens at the n-th write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The statement fails.
    Write,
    /// The statements do well, and the commit fails.
    Commit,
    /// The connection is lost in the middle of the transaction. PostgreSQL only.
    Lost,
}

impl Fault {
    fn word(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Commit => "commit",
            Self::Lost => "lost",
        }
    }

    /// Those that this database can be made to have.
    pub fn all(dialect: Dialect) -> &'static [Self] {
        match dialect {
            Dialect::Sqlite => &[Self::Write, Self::Commit],
            Dialect::Postgres => &[Self::Write, Self::Commit, Self::Lost],
        }
    }
}

const SQLITE: &str = "
CREATE TABLE fault (seen BIGINT NOT NULL, at BIGINT NOT NULL, kind TEXT NOT NULL);
INSERT INTO fault VALUES (0, 0, '');
CREATE TABLE fault_nothing (id BIGINT PRIMARY KEY);
CREATE TABLE fault_debt (id BIGINT REFERENCES fault_nothing (id) DEFERRABLE INITIALLY DEFERRED);";

/// As on a full disk, SQLite ends the whole transaction by itself. The debt cannot be paid: the commit finds that it refers to nothing.
const SQLITE_TABLE: &str = "
CREATE TRIGGER fault_{op}_{table} AFTER {op} ON {table} BEGIN
    UPDATE fault SET seen = seen + 1;
    SELECT RAISE(ROLLBACK, 'a fault on purpose') FROM fault WHERE at > 0 AND seen >= at AND kind = 'write';
    INSERT INTO fault_debt SELECT 1 FROM fault WHERE at > 0 AND seen >= at AND kind = 'commit';
END;";

/// 53100 is PostgreSQL's code for a full disk. A deferred trigger comes for every changed row and counts the first of a
/// transaction.
const POSTGRES: &str = "
CREATE SEQUENCE fault_seen;
CREATE TABLE fault (at BIGINT NOT NULL, kind TEXT NOT NULL);
INSERT INTO fault VALUES (0, '');
CREATE FUNCTION fault_at_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE armed fault;
BEGIN
    SELECT * INTO armed FROM fault;
    IF armed.kind IN ('write', 'lost') AND nextval('fault_seen') = armed.at THEN
        IF armed.kind = 'lost' THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
            PERFORM pg_sleep(10);
        END IF;
        RAISE EXCEPTION 'a fault on purpose' USING ERRCODE = '53100';
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION fault_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE armed fault;
BEGIN
    SELECT * INTO armed FROM fault;
    IF armed.kind <> 'commit' OR current_setting('fault.transaction', true) = pg_current_xact_id()::text THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('fault.transaction', pg_current_xact_id()::text, false);
    IF nextval('fault_seen') = armed.at THEN
        RAISE EXCEPTION 'a fault on purpose' USING ERRCODE = '53100';
    END IF;
    RETURN NULL;
END $$;";

const POSTGRES_TABLE: &str = "
CREATE TRIGGER fault_write AFTER INSERT OR UPDATE OR DELETE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION fault_at_write();
CREATE CONSTRAINT TRIGGER fault_commit AFTER INSERT OR UPDATE OR DELETE ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault_at_commit();";

async fn run(connection: &mut AnyConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .expect("the database's faults are prepared");
}

/// Prepares a database for faults; none happens before [`arm`].
pub async fn prepare(store: &Store) {
    let mut connection = store.read().await.expect("the database answers");
    let (whole, each, ops): (_, _, &[&str]) = match store.dialect() {
        Dialect::Sqlite => (SQLITE, SQLITE_TABLE, &["INSERT", "UPDATE", "DELETE"]),
        Dialect::Postgres => (POSTGRES, POSTGRES_TABLE, &[""]),
    };
    let tables = super::tables(&mut connection, store.dialect()).await;
    run(&mut connection, whole.to_owned()).await;
    for table in tables {
        for op in ops {
            run(
                &mut connection,
                each.replace("{table}", &table).replace("{op}", op),
            )
            .await;
        }
    }
}

/// Has the n-th write from now on fail; 1 is the next.
pub async fn arm(store: &Store, fault: Fault, n: i64) {
    let mut connection = store.read().await.expect("the database answers");
    let sql = match store.dialect() {
        Dialect::Sqlite => format!(
            "UPDATE fault SET seen = 0, at = {n}, kind = '{}'",
            fault.word()
        ),
        Dialect::Postgres => format!(
            "ALTER SEQUENCE fault_seen RESTART; UPDATE fault SET at = {n}, kind = '{}'",
            fault.word()
        ),
    };
    run(&mut connection, sql).await;
}

/// Mends it. True when the place was reached: on PostgreSQL only, since SQLite takes back what was counted.
pub async fn mend(store: &Store) -> bool {
    let mut connection = store.read().await.expect("the database answers");
    match store.dialect() {
        Dialect::Sqlite => {
            run(&mut connection, "UPDATE fault SET at = 0".to_owned()).await;
            false
        }
        Dialect::Postgres => {
            let seen = "SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END AS seen, f.at
                 FROM fault_seen s, fault f";
            let row = sqlx::query(seen)
                .fetch_one(&mut *connection)
                .await
                .expect("writes were counted");
            let number = |column| -> i64 { row.try_get(column).expect("a number") };
            run(&mut connection, "UPDATE fault SET kind = ''".to_owned()).await;
            number("seen") >= number("at")
        }
    }
}
