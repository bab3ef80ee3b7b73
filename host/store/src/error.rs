use thiserror::Error;

/// What we store in is down, starts, has no room or is held by somebody else. Nothing happened; later it may.
#[derive(Debug, Error)]
pub enum Outage {
    #[error("the database cannot work now: {0}")]
    Database(sqlx::Error),
    #[error("the blob store cannot work now: {0}")]
    Objects(object_store::Error),
    /// Another process keeps the database to itself for longer than we wait.
    #[error("another process holds the database")]
    Held,
}

impl Outage {
    /// True where an outage is the cause of this error, however far down.
    pub fn is_behind(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut below = Some(error);
        while let Some(error) = below {
            if error.is::<Self>() {
                return true;
            }
            below = error.source();
        }
        false
    }
}

/// Why the database did not do as asked. Never shown to a person; its text may hold SQL but no values.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The row changed since it was read, or another transaction won; repeat from the beginning.
    #[error("another transaction won")]
    Conflict,
    /// A row that the caller named is not there.
    #[error("no such row")]
    NotFound,
    /// A stored value cannot be read: wrong key, damaged, or of a newer version.
    #[error("stored value of {0} cannot be read")]
    Damaged(&'static str),
    /// Database or blob store cannot work now.
    #[error("{0}")]
    Unavailable(#[from] Outage),
    /// Anything else of the database.
    #[error("database: {0}")]
    Database(sqlx::Error),
}

/// PostgreSQL's classes of conditions that are about its server and not about the statement: connection, resources,
/// operator's intervention, system; and a server that takes no writes.
const POSTGRES_SERVER: [&str; 5] = ["08", "53", "57P", "58", "25006"];
/// SQLite's results of the same kind, without their upper bytes: no memory, read-only, input or output, full, cannot open.
const SQLITE_SERVER: [i32; 5] = [7, 8, 10, 13, 14];

/// True where the statement is not at fault.
fn is_of_the_server(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // PostgreSQL's codes have five characters, SQLite's are numbers of at most four digits.
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            if code.len() == 5 {
                POSTGRES_SERVER.iter().any(|class| code.starts_with(class))
            } else {
                let number = code.parse::<i32>();
                number.is_ok_and(|number| SQLITE_SERVER.contains(&(number & 0xff)))
            }
        }),
        _ => false,
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            // 40001 serialisation failure and 40P01 deadlock of PostgreSQL; 517 SQLite's, of a reader that wants to write.
            sqlx::Error::Database(database)
                if matches!(database.code().as_deref(), Some("40001" | "40P01" | "517")) =>
            {
                Self::Conflict
            }
            // SQLITE_BUSY: whoever writes takes the lock first, and waits for it for longer than any transaction takes.
            sqlx::Error::Database(database) if database.code().as_deref() == Some("5") => {
                Outage::Held.into()
            }
            _ if is_of_the_server(&error) => Outage::Database(error).into(),
            _ => Self::Database(error),
        }
    }
}

impl From<object_store::Error> for StoreError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            other => Outage::Objects(other).into(),
        }
    }
}

impl StoreError {
    /// True where repeating the whole may help.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }

    /// True when a row with the same unique key was already there.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(database)) if database.is_unique_violation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the services wrap it.
    #[derive(Debug, Error)]
    enum Wrapped {
        #[error(transparent)]
        Store(#[from] StoreError),
    }

    #[test]
    fn an_outage_is_found_behind_what_wraps_it() {
        let outage = || StoreError::from(sqlx::Error::PoolTimedOut);
        assert!(Outage::is_behind(&outage()));
        assert!(Outage::is_behind(&Wrapped::from(outage())));
        assert!(!Outage::is_behind(&Wrapped::from(StoreError::Conflict)));
        assert!(!Outage::is_behind(&StoreError::from(
            sqlx::Error::ColumnNotFound("a".to_owned())
        )));
    }
}
