use thiserror::Error;

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
    /// The blob store failed.
    #[error("blob store: {0}")]
    Blob(#[from] object_store::Error),
    /// Anything else of the database.
    #[error("database: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            // 40001 serialisation failure and 40P01 deadlock of PostgreSQL; 5 and 517 SQLITE_BUSY and its snapshot form.
            sqlx::Error::Database(database)
                if matches!(
                    database.code().as_deref(),
                    Some("40001" | "40P01" | "5" | "517")
                ) =>
            {
                Self::Conflict
            }
            _ => Self::Database(error),
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
