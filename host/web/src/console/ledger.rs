//! `/console/ledger`: what each account holds, whether the books are whole, and the postings for a bookkeeper.

use super::money::{self, DAY, method_text, problem, start_of};
use super::statements::BYTE_ORDER_MARK;
use super::visit::ClerkVisit;
use crate::applicant::attached;
use crate::error::WebError;
use crate::forms::ProblemView;
use crate::texts::fill;
use axum::body::Body;
use axum::extract::Query;
use axum::response::Response;
use futures::stream;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::SiteId;
use yinxin_core::rules::Problem;
use yinxin_core::time::Millis;
use yinxin_services::payments::{LedgerFault, check_ledger};
use yinxin_store::books::{self, AccountSums, BookLine, Place};
use yinxin_store::payments::gateway;
use yinxin_store::{Store, StoreError};

/// Postings that are read at once.
const CHUNK: i64 = 500;
/// Faults that are told one by one; where there are more, one cause made them all.
const FAULTS: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    from: String,
    to: String,
}

#[derive(Serialize)]
struct LedgerPage {
    from: String,
    to: String,
    accounts: Vec<AccountLine>,
    before: i64,
    debit: i64,
    credit: i64,
    after: i64,
    faults: Vec<String>,
    more_faults: usize,
    problems: Vec<ProblemView>,
}

#[derive(Serialize)]
struct AccountLine {
    label: String,
    /// As it stands in the export.
    word: String,
    before: i64,
    debit: i64,
    credit: i64,
    after: i64,
}

/// Days that were asked for, both whole.
struct Span {
    from: String,
    to: String,
    begin: Millis,
    end: Millis,
}

/// This month until today, where nothing was asked; the sentence says what is wrong with what was.
fn span(clerk: &ClerkVisit, asked: &Asked) -> Result<Span, (Span, &'static str)> {
    let today = clerk.visit.state.clock.now().day();
    let default = || {
        let (from, to) = (today.first_of_month(), today);
        Span {
            from: from.to_string(),
            to: to.to_string(),
            begin: Millis::start_of(from),
            end: Millis::start_of(to).plus(DAY),
        }
    };
    if asked.from.is_empty() && asked.to.is_empty() {
        return Ok(default());
    }
    let (Some(begin), Some(last)) = (start_of(&asked.from), start_of(&asked.to)) else {
        return Err((default(), "finance.bad_day"));
    };
    if last < begin {
        return Err((default(), "bookkeeping.backwards"));
    }
    Ok(Span {
        from: asked.from.trim().to_owned(),
        to: asked.to.trim().to_owned(),
        begin,
        end: last.plus(DAY),
    })
}

pub async fn show(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    match span(&clerk, &asked) {
        Ok(span) => render(&clerk, span, &[]).await,
        Err((span, text)) => {
            let wrong = problem("", clerk.visit.text(text));
            render(&clerk, span, &[wrong]).await
        }
    }
}

async fn render(
    clerk: &ClerkVisit,
    span: Span,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let site = &visit.site.id;
    let mut conn = visit.state.store.read().await?;
    let sums = books::sums(&mut conn, site, span.begin, span.end).await?;
    drop(conn);
    let faults = check_ledger(&visit.state.store, site).await?;
    let accounts: Vec<_> = sums.into_iter().map(|sum| account(clerk, sum)).collect();
    let total = |of: fn(&AccountLine) -> i64| accounts.iter().map(of).sum();
    let page = LedgerPage {
        from: span.from,
        to: span.to,
        before: total(|line| line.before),
        debit: total(|line| line.debit),
        credit: total(|line| line.credit),
        after: total(|line| line.after),
        accounts,
        more_faults: faults.len().saturating_sub(FAULTS),
        faults: faults
            .iter()
            .take(FAULTS)
            .map(|fault| in_words(clerk, fault))
            .collect(),
        problems: ProblemView::all(problems),
    };
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    clerk.page_with(status, "console/ledger.html", page)
}

fn account(clerk: &ClerkVisit, sum: AccountSums) -> AccountLine {
    AccountLine {
        label: account_text(clerk, &sum.account),
        word: sum.account,
        before: sum.opening.0,
        debit: sum.debit.0,
        credit: sum.credit.0,
        after: sum.opening.0 + sum.debit.0 - sum.credit.0,
    }
}

/// The account in the bookkeeper's words.
fn account_text(clerk: &ClerkVisit, word: &str) -> String {
    let visit = &clerk.visit;
    match word.strip_prefix("gateway:").and_then(gateway) {
        Some(yinxin_core::money::Method::BankTransfer) => {
            visit.text("bookkeeping.account_bank").to_owned()
        }
        Some(method) => {
            let method = method_text(clerk, method);
            fill(
                visit.text("bookkeeping.account_gateway"),
                &[("method", &method)],
            )
        }
        None => {
            let known = visit
                .state
                .texts()
                .find(&format!("bookkeeping.account_{word}"));
            known.unwrap_or(word).to_owned()
        }
    }
}

fn in_words(clerk: &ClerkVisit, fault: &LedgerFault) -> String {
    let visit = &clerk.visit;
    let told = |text: &str, values: &[(&str, &str)]| {
        fill(visit.text(&format!("bookkeeping.fault_{text}")), values)
    };
    match fault {
        LedgerFault::Unbalanced(entry) => told("unbalanced", &[("entry", entry)]),
        LedgerFault::Orphan(entry) => told("orphan", &[("entry", entry)]),
        LedgerFault::Differs {
            of,
            what,
            expected,
            found,
        } => told(
            "differs",
            &[
                ("of", of),
                ("what", what),
                ("expected", &expected.to_string()),
                ("found", &found.to_string()),
            ],
        ),
        LedgerFault::State { order, state, why } => {
            let state = money::state_text(clerk, *state);
            told(
                "state",
                &[("order", order), ("state", &state), ("why", why)],
            )
        }
        LedgerFault::Gateway {
            method,
            expected,
            found,
        } => {
            let method = method_text(clerk, *method);
            told(
                "gateway",
                &[
                    ("method", &method),
                    ("expected", &expected.to_string()),
                    ("found", &found.to_string()),
                ],
            )
        }
    }
}

/// Postings of the days as a table. It is written while it is sent: a year of a busy site is a large file.
pub async fn export(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let span = match span(&clerk, &asked) {
        Ok(span) => span,
        Err((span, text)) => {
            let wrong = problem("", visit.text(text));
            return render(&clerk, span, &[wrong]).await;
        }
    };
    tracing::info!(site = %visit.site.id, clerk = %clerk.clerk.id, from = span.from, to = span.to, "the ledger is taken out");
    let heads = [
        "at", "entry", "account", "postings", "order", "payment", "refund",
    ]
    .map(|column| cell(visit.text(&format!("bookkeeping.{column}"))));
    let name = format!(
        "{}-{}-{}.csv",
        visit.text("bookkeeping.tab"),
        span.from,
        span.to
    );
    let head = format!("{BYTE_ORDER_MARK}{}\r\n", heads.join(","));
    let pages = Pages {
        clerk: clerk.clone(),
        store: visit.state.store.clone(),
        site: visit.site.id.clone(),
        begin: span.begin,
        end: span.end,
        head: Some(head),
        after: None,
        over: false,
    };
    let body = Body::from_stream(stream::try_unfold(pages, Pages::next));
    Ok(attached(&name, "text/csv; charset=utf-8", body))
}

/// What is left to send.
struct Pages {
    clerk: ClerkVisit,
    store: Store,
    site: SiteId,
    begin: Millis,
    end: Millis,
    head: Option<String>,
    after: Option<Place>,
    over: bool,
}

impl Pages {
    /// The next piece of the file. An error breaks the download off, so that nobody takes a part for the whole.
    async fn next(mut self) -> Result<Option<(String, Self)>, StoreError> {
        if let Some(head) = self.head.take() {
            return Ok(Some((head, self)));
        }
        if self.over {
            return Ok(None);
        }
        let mut conn = self.store.read().await?;
        let lines = books::lines(
            &mut conn,
            &self.site,
            self.begin,
            self.end,
            self.after.as_ref(),
            CHUNK,
        )
        .await?;
        drop(conn);
        self.over = i64::try_from(lines.len()).is_ok_and(|count| count < CHUNK);
        self.after = lines.last().map(BookLine::place).or(self.after.take());
        let rows: String = lines
            .into_iter()
            .map(|line| row(&self.clerk, line))
            .collect();
        Ok(Some((rows, self)))
    }
}

fn row(clerk: &ClerkVisit, line: BookLine) -> String {
    let cells = [
        cell(&line.at.minute()),
        cell(&line.entry),
        cell(&account_text(clerk, &line.account)),
        // A number of our own making, which may begin with a minus.
        line.amount.to_string(),
        cell(&line.order_number),
        cell(&line.payment),
        cell(&line.refund),
    ];
    format!("{}\r\n", cells.join(","))
}

/// A cell that a spreadsheet takes for text: no formula, whatever it begins with, and no number that loses its end.
fn cell(text: &str) -> String {
    /// Digits that a spreadsheet keeps of a number.
    const KEPT: usize = 15;
    let is_formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let is_long = text.len() > KEPT && text.bytes().all(|b| b.is_ascii_digit());
    let guard = match (is_formula, is_long) {
        (true, _) => "'",
        (_, true) => "\t",
        _ => "",
    };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_cell_is_no_formula() {
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        for text in ["+1", "-1", "@SUM(A1)", "\tx", "＝1"] {
            assert!(cell(text).starts_with("\"'"), "{text}");
        }
        assert_eq!(cell("甲, 乙"), "\"甲, 乙\"");
    }

    #[test]
    fn a_long_number_keeps_its_digits() {
        assert_eq!(cell("202611200123456789"), "\"\t202611200123456789\"");
        assert_eq!(cell("220"), "\"220\"");
    }
}
