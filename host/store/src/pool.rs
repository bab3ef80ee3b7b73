//! Opening the database and its transactions.

use crate::cases::NameStatistics;
use crate::{Connection, StoreError, migrations};
use scopeguard::ScopeGuard;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, Connection as _, Executor, pool::PoolConnection};
use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What differs between the two databases where one statement does not do for both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// The one behind a connection.
    pub(crate) fn of(connection: &Connection) -> Self {
        match connection.backend_name() {
            "PostgreSQL" => Self::Postgres,
            _ => Self::Sqlite,
        }
    }
}

/// The database of all sites of one host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    dialect: Dialect,
    readers: Arc<Readers>,
    name_statistics: Arc<NameStatistics>,
}

/// Of so many connections one stays with who reads.
const READERS_SHARE: u32 = 4;

/// A load balancer gives up after a few seconds; a database that lives answers in milliseconds.
const READY: Duration = Duration::from_secs(2);

/// One transaction that writes; rolled back when dropped.
pub type Transaction = sqlx::Transaction<'static, sqlx::Any>;

impl Store {
    /// Opens `sqlite:///path/file.db` or `postgres://…` and brings the schema up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        // Sixteen connections keep two cores busy on either database; a small PostgreSQL allows a hundred in all.
        Self::open_with(url, 16, None).await
    }

    /// As [`Store::open`], with a number of connections and, on PostgreSQL, a schema of its own.
    pub async fn open_with(
        url: &str,
        connections: u32,
        schema: Option<String>,
    ) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let dialect = if url.starts_with("sqlite:") {
            Dialect::Sqlite
        } else {
            Dialect::Postgres
        };
        let url = match dialect {
            Dialect::Sqlite if !url.contains('?') => format!("{url}?mode=rwc"),
            _ => url.to_owned(),
        };
        let options = AnyConnectOptions::from_str(&url)?;
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(10))
            // A file does not hang up; a server may have, since it was asked last.
            .test_before_acquire(dialect == Dialect::Postgres)
            .after_connect(move |connection, _| {
                let schema = schema.clone();
                Box::pin(async move { prepare(connection, dialect, schema.as_deref()).await })
            })
            .before_acquire(move |connection, _| {
                // SQLite takes a transaction back by itself when its disk is full or fails. The driver does not hear of it
                // and believes for ever to be in that transaction: such a connection begins no other one.
                let usable = dialect != Dialect::Sqlite || !connection.is_in_transaction();
                Box::pin(async move { Ok(usable) })
            })
            .connect_with(options)
            .await?;
        let readers = match dialect {
            Dialect::Sqlite => connections / READERS_SHARE,
            Dialect::Postgres => 0,
        };
        let store = Self {
            pool,
            dialect,
            readers: Arc::new(Readers::new(readers as usize)),
            name_statistics: Arc::default(),
        };
        migrations::migrator(dialect)
            .run(&store.pool)
            .await
            .map_err(|error| StoreError::Database(sqlx::Error::Migrate(Box::new(error))))?;
        Ok(store)
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What is known of the names of its cases.
    pub fn name_statistics(&self) -> &NameStatistics {
        &self.name_statistics
    }

    /// A connection to read with.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        let _asking = self.readers.asking();
        let connection = match self.readers.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        Ok(Reader::new(connection, &self.readers))
    }

    /// A transaction to write in. On SQLite it takes the write lock at once, because a transaction that reads first and
    /// writes later cannot get it any more when another has written in between.
    pub async fn begin(&self) -> Result<Transaction, StoreError> {
        let statement = match self.dialect {
            Dialect::Sqlite => "BEGIN IMMEDIATE",
            Dialect::Postgres => "BEGIN",
        };
        let _asking = self.readers.asking();
        if self.pool.num_idle() == 0 {
            drop(self.readers.take());
        }
        Ok(self.pool.begin_with(statement).await?)
    }

    /// True when the database answers, and soon.
    pub async fn is_ready(&self) -> bool {
        let asked = async {
            let mut connection = self.pool.acquire().await?;
            sqlx::query("SELECT 1").execute(&mut *connection).await?;
            Ok::<_, StoreError>(())
        };
        let answer = tokio::time::timeout(READY, asked).await;
        matches!(answer, Ok(Ok(())))
    }

    /// Ends all connections; what is under way is finished first.
    pub async fn close(&self) {
        drop(self.readers.close());
        self.pool.close().await;
    }
}

async fn prepare(
    connection: &mut Connection,
    dialect: Dialect,
    schema: Option<&str>,
) -> Result<(), sqlx::Error> {
    match dialect {
        Dialect::Sqlite => {
            // FULL: what an answer promised survives a power cut. 10 s is far above any transaction's length. 16 MiB of
            // pages hold the upper levels of every index of a million cases; SQLite's own 2 MiB are read anew all the time.
            for pragma in [
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = FULL",
                "PRAGMA busy_timeout = 10000",
                "PRAGMA foreign_keys = ON",
                "PRAGMA cache_size = -16384",
            ] {
                connection.execute(pragma).await?;
            }
        }
        Dialect::Postgres => {
            // What a page asks for is read off an index in a millisecond or two. To start workers for it, or to compile
            // its plan, takes longer, which a planner does that expects more rows than there are.
            connection
                .execute("SET max_parallel_workers_per_gather = 0; SET jit = off")
                .await?;
            if let Some(schema) = schema {
                sqlx::query("SELECT set_config('search_path', $1, false)")
                    .bind(schema.to_owned())
                    .execute(connection)
                    .await?;
            }
        }
    }
    Ok(())
}

/// Connections of an SQLite database that were read with and are about to be again, the last one first: its pages are still
/// warm. The pool would ask each of them on its way back whether it lives, which takes as long as a query; a file does not
/// hang up. One that was given back in the middle of a query ends that query before the next.
#[derive(Debug)]
struct Readers {
    most: usize,
    /// Who asks for a connection now, and may be waiting for the pool to have one.
    asking: AtomicUsize,
    /// None when the store is closed.
    idle: Mutex<Option<Vec<PoolConnection<sqlx::Any>>>>,
}

impl Readers {
    fn new(most: usize) -> Self {
        Self {
            most,
            asking: AtomicUsize::new(0),
            idle: Mutex::new(Some(Vec::with_capacity(most))),
        }
    }

    fn take(&self) -> Option<PoolConnection<sqlx::Any>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.as_mut()?.pop()
    }

    /// To be held while a connection is asked for.
    fn asking(&self) -> impl Sized + '_ {
        self.asking.fetch_add(1, Ordering::SeqCst);
        scopeguard::guard((), |()| {
            self.asking.fetch_sub(1, Ordering::SeqCst);
        })
    }

    /// Keeps it, or gives it back for the pool: whoever waits there does not look here again.
    fn keep(&self, connection: PoolConnection<sqlx::Any>) -> Option<PoolConnection<sqlx::Any>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.as_mut() {
            Some(idle)
                if idle.len() < self.most
                    && self.asking.load(Ordering::SeqCst) == 0
                    && !connection.is_in_transaction() =>
            {
                idle.push(connection);
                None
            }
            _ => Some(connection),
        }
    }

    #[cfg(test)]
    fn idle(&self) -> usize {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.as_ref().map_or(0, Vec::len)
    }

    fn close(&self) -> Option<Vec<PoolConnection<sqlx::Any>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.take()
    }
}

impl Drop for Readers {
    /// The pool takes a connection back by a task, for which it may be too late.
    fn drop(&mut self) {
        for connection in self.close().unwrap_or_default() {
            drop(connection.detach());
        }
    }
}

/// A pooled connection to read with.
#[derive(Debug)]
pub struct Reader(ScopeGuard<Lent, fn(Lent)>);

/// A connection and where it goes back to.
type Lent = (PoolConnection<sqlx::Any>, Arc<Readers>);

impl Reader {
    fn new(connection: PoolConnection<sqlx::Any>, readers: &Arc<Readers>) -> Self {
        let lent = (connection, Arc::clone(readers));
        Self(scopeguard::guard(lent, |(connection, readers)| {
            drop(readers.keep(connection));
        }))
    }
}

impl Deref for Reader {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0.0
    }
}

impl DerefMut for Reader {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::Row;

    async fn open(folder: &tempfile::TempDir) -> Store {
        let url = format!("sqlite://{}", folder.path().join("yinxin.db").display());
        Store::open_with(&url, 8, None).await.unwrap()
    }

    #[tokio::test]
    async fn sqlite_is_compiled_without_locks_that_nobody_needs() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let mut conn = store.read().await.unwrap();
        let rows = sqlx::query("PRAGMA compile_options")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
        let options: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let has = |option: &str| options.iter().any(|name| name == option);
        // By .cargo/config.toml.
        assert!(
            has("DEFAULT_MEMSTATUS=0") && has("ENABLE_QPSG"),
            "{options:?}"
        );
        assert!(!has("ENABLE_MEMORY_MANAGEMENT"), "{options:?}");
    }

    #[tokio::test]
    async fn readers_come_back_to_who_reads_next() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let lent = [store.read().await.unwrap(), store.read().await.unwrap()];
        let third = store.read().await.unwrap();
        drop(lent);
        assert_eq!(store.readers.idle(), 2);
        // A quarter of the connections, and not one more.
        drop(third);
        assert_eq!(store.readers.idle(), 2);
        let _read = store.read().await.unwrap();
        assert_eq!(store.readers.idle(), 1);
    }

    #[tokio::test]
    async fn who_waits_for_a_connection_gets_the_next_that_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let mut lent = Vec::new();
        for _ in 0..8 {
            lent.push(store.read().await.unwrap());
        }
        let mut reads = std::pin::pin!(store.read());
        assert!(futures::poll!(&mut reads).is_pending());
        lent.pop();
        let read = reads.await.unwrap();
        let mut writes = std::pin::pin!(store.begin());
        assert!(futures::poll!(&mut writes).is_pending());
        lent.pop();
        writes.await.unwrap();
        // Where nobody waits they stay with who reads, and a writer who finds none in the pool takes one of them.
        drop(read);
        lent.truncate(5);
        assert_eq!(store.readers.idle(), 2);
        while store.pool.num_idle() > 0 {
            lent.push(Reader::new(
                store.pool.acquire().await.unwrap(),
                &store.readers,
            ));
        }
        store.begin().await.unwrap();
        assert_eq!(store.readers.idle(), 1);
    }

    #[tokio::test]
    async fn a_closed_store_has_no_readers() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let lent = store.read().await.unwrap();
        drop(store.read().await.unwrap());
        let closing = tokio::spawn({
            let store = store.clone();
            async move { store.close().await }
        });
        tokio::task::yield_now().await;
        drop(lent);
        closing.await.unwrap();
        assert!(matches!(
            store.read().await,
            Err(StoreError::Unavailable(_))
        ));
    }

    #[tokio::test]
    async fn one_that_is_left_in_a_transaction_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        let mut lent = store.read().await.unwrap();
        std::mem::forget(sqlx::Connection::begin(&mut *lent).await.unwrap());
        drop(lent);
        assert_eq!(store.readers.idle(), 0);
    }

    #[test]
    fn a_store_may_go_after_its_runtime() {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let store = runtime.block_on(async {
            let store = open(&folder).await;
            drop(store.read().await.unwrap());
            store
        });
        drop(runtime);
        drop(store);
    }
}
