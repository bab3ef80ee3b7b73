//! The steps that bring a database's schema up to date; sqlx remembers which it has taken. They are listed here because
//! sqlx's macro, which reads the folder, has the drivers of both databases compiled a second time.

use crate::Dialect;
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// A file of `migrations`.
struct Step {
    name: &'static str,
    statements: &'static str,
    /// The database that alone takes it.
    only: Option<Dialect>,
}

const fn both(name: &'static str, statements: &'static str) -> Step {
    Step {
        name,
        statements,
        only: None,
    }
}

/// In their order.
const STEPS: [Step; 13] = [
    both("base", include_str!("../migrations/0001_base.sql")),
    both("accounts", include_str!("../migrations/0002_accounts.sql")),
    both("payments", include_str!("../migrations/0003_payments.sql")),
    both("messages", include_str!("../migrations/0004_messages.sql")),
    both("files", include_str!("../migrations/0005_files.sql")),
    both(
        "statements",
        include_str!("../migrations/0006_statements.sql"),
    ),
    both("invoices", include_str!("../migrations/0007_invoices.sql")),
    both(
        "bound_certificates",
        include_str!("../migrations/0008_bound_certificates.sql"),
    ),
    both("books", include_str!("../migrations/0009_books.sql")),
    both(
        "waiting_jobs",
        include_str!("../migrations/0010_waiting_jobs.sql"),
    ),
    both(
        "narrowed_lists",
        include_str!("../migrations/0011_narrowed_lists.sql"),
    ),
    both(
        "name_signatures",
        include_str!("../migrations/0012_name_signatures.sql"),
    ),
    Step {
        name: "plugin_keys",
        statements: include_str!("../migrations/0013_plugin_keys.sql"),
        only: Some(Dialect::Postgres),
    },
];

/// Every step of a database under its number, which begins with one.
pub(crate) fn migrator(dialect: Dialect) -> Migrator {
    let steps = (1..).zip(&STEPS);
    let taken = steps.filter(|(_, step)| step.only.is_none_or(|only| only == dialect));
    let migrations = taken.map(|(number, step)| {
        Migration::new(
            number,
            step.name.into(),
            MigrationType::Simple,
            step.statements.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_step() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let steps = (1..).zip(&STEPS);
        let expected: Vec<_> = steps
            .map(|(number, step)| format!("{number:04}_{}.sql", step.name))
            .collect();
        assert_eq!(names, expected);
    }
}
