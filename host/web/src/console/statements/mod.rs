//! `/console/statements`: the bank's own list of what came, imported as a file.

mod choice;
mod lines;

pub use choice::{ask_ignore, choose, ignore};
pub use lines::{ask_all, confirm, confirm_all, restore, show};

use super::money::{self, Paged, by, one_more, problem};
use super::visit::ClerkVisit;
use crate::applicant::attachment;
use crate::error::WebError;
use crate::forms::{Picked, ProblemView, Upload};
use axum::extract::Query;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::rules::Problem;
use yinxin_engine::views::Download;
use yinxin_services::payments::PaymentError;
use yinxin_services::statements::{self, FILE_LIMIT, Fault, Statement, StatementError};

/// A file as banks make them, with a line of each kind.
const SAMPLE: &str = include_str!("sample.csv");
/// A spreadsheet takes a CSV file for GBK unless it begins so.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    after: String,
}

#[derive(Serialize)]
struct StatementsPage {
    imports: Vec<Import>,
    columns: Vec<Column>,
    /// Why the file was refused, line by line.
    faults: Vec<String>,
    problems: Vec<ProblemView>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct Import {
    path: String,
    name: String,
    period: String,
    lines: i64,
    open: i64,
    at: String,
    by: String,
}

#[derive(Serialize)]
struct Column {
    label: String,
    needed: bool,
    names: String,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    render(&clerk, &asked, &[], Vec::new()).await
}

/// The bank's file, taken whole or not at all.
pub async fn import(clerk: ClerkVisit, upload: Upload) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let first = Asked::default();
    let refuse = |text: &str| problem("file", visit.text(text));
    let (name, bytes) = match upload.file(FILE_LIMIT as u64).await? {
        Picked::File { name, bytes } => (name, bytes),
        Picked::Nothing => {
            let missing = refuse("statements.file_missing");
            return render(&clerk, &first, &[missing], Vec::new()).await;
        }
        Picked::TooLarge => {
            let large = refuse("statements.file_too_large");
            return render(&clerk, &first, &[large], Vec::new()).await;
        }
    };
    let (service, site) = (&visit.state.statements, &visit.site.id);
    match service.import(site, &name, &bytes, &by(&clerk)).await {
        Ok(statement) => Ok(visit.go(
            &format!("/console/statements/{}", statement.id),
            "statement-imported",
        )),
        Err(StatementError::Refused(faults)) => {
            let whole = refuse("statements.file_refused");
            render(&clerk, &first, &[whole], faults).await
        }
        Err(error) => Err(failed(error)),
    }
}

pub async fn sample(clerk: ClerkVisit) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let name = clerk.visit.text("statements.sample_name").to_owned();
    Ok(csv(name, format!("{BYTE_ORDER_MARK}{SAMPLE}")))
}

/// A table to be saved and opened as a spreadsheet.
fn csv(name: String, text: String) -> Response {
    attachment(Download {
        name,
        media_type: "text/csv; charset=utf-8".to_owned(),
        bytes: text.into_bytes(),
    })
}

async fn render(
    clerk: &ClerkVisit,
    asked: &Asked,
    problems: &[Problem],
    faults: Vec<Fault>,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let found = visit
        .state
        .statements
        .list(&visit.site.id, after, one_more())
        .await
        .map_err(failed)?;
    let page = Paged::new(found, |statement| statement.id.clone());
    let view = StatementsPage {
        imports: page.lines.into_iter().map(line).collect(),
        columns: columns(clerk),
        faults: faults.into_iter().map(|fault| fault.message).collect(),
        problems: ProblemView::all(problems),
        next: page
            .next
            .map(|next| format!("/console/statements?after={next}"))
            .unwrap_or_default(),
        first: after
            .map(|_| "/console/statements".to_owned())
            .unwrap_or_default(),
    };
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    clerk.page_with(status, "console/statements.html", view)
}

fn line(statement: Statement) -> Import {
    Import {
        path: format!("/console/statements/{}", statement.id),
        name: statement.file_name,
        period: period(&statement.first_day, &statement.last_day),
        lines: statement.added,
        open: statement.open,
        at: statement.imported_at.minute(),
        by: statement.imported_name,
    }
}

/// `2026-11-01 – 2026-11-20`, or one day.
fn period(first: &str, last: &str) -> String {
    if first == last {
        first.to_owned()
    } else {
        format!("{first} – {last}")
    }
}

fn columns(clerk: &ClerkVisit) -> Vec<Column> {
    statements::accepted_columns()
        .map(|column| Column {
            label: clerk
                .visit
                .text(&format!("statements.column_{}", column.word))
                .to_owned(),
            needed: column.needed,
            names: column.names.join("、"),
        })
        .collect()
}

fn failed(error: StatementError) -> WebError {
    match error {
        StatementError::Payment(error) => error.into(),
        StatementError::Store(error) => error.into(),
        StatementError::NotOpen | StatementError::Changed(_) | StatementError::BookedBefore(_) => {
            PaymentError::NotNow.into()
        }
        other => WebError::internal(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_day_is_not_told_twice() {
        assert_eq!(period("2026-11-20", "2026-11-20"), "2026-11-20");
        assert_eq!(
            period("2026-11-01", "2026-11-20"),
            "2026-11-01 – 2026-11-20"
        );
    }
}
