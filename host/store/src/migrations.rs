//! The steps that bring a database's schema up to date; sqlx remembers which it has taken. They are listed here because
//! sqlx's macro, which reads the folder, has the drivers of both databases compiled a second time.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// The files of `migrations`, in their order: what a step is about and its statements.
const STEPS: [(&str, &str); 12] = [
    ("base", include_str!("../migrations/0001_base.sql")),
    ("accounts", include_str!("../migrations/0002_accounts.sql")),
    ("payments", include_str!("../migrations/0003_payments.sql")),
    ("messages", include_str!("../migrations/0004_messages.sql")),
    ("files", include_str!("../migrations/0005_files.sql")),
    (
        "statements",
        include_str!("../migrations/0006_statements.sql"),
    ),
    ("invoices", include_str!("../migrations/0007_invoices.sql")),
    (
        "bound_certificates",
        include_str!("../migrations/0008_bound_certificates.sql"),
    ),
    ("books", include_str!("../migrations/0009_books.sql")),
    (
        "waiting_jobs",
        include_str!("../migrations/0010_waiting_jobs.sql"),
    ),
    (
        "narrowed_lists",
        include_str!("../migrations/0011_narrowed_lists.sql"),
    ),
    (
        "name_signatures",
        include_str!("../migrations/0012_name_signatures.sql"),
    ),
];

/// Every step under its number, which begins with one.
pub(crate) fn migrator() -> Migrator {
    let steps = (1..).zip(STEPS);
    let migrations = steps.map(|(number, (name, statements))| {
        Migration::new(
            number,
            name.into(),
            MigrationType::Simple,
            statements.into_sql_str(),
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
        let steps = (1..).zip(STEPS);
        let expected: Vec<_> = steps
            .map(|(number, (name, _))| format!("{number:04}_{name}.sql"))
            .collect();
        assert_eq!(names, expected);
    }
}
