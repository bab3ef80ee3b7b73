//! One imported file: its lines, what each may be for, and the clerk's yes.

use super::failed;
use crate::console::money::{self, Choice, LINES, by, problem, state_text};
use crate::console::sure::Sure;
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::texts::fill;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::ids::OrderId;
use yinxin_core::money::Fen;
use yinxin_core::rules::Problem;
use yinxin_services::payments::{PaymentError, Settled};
use yinxin_services::statements::{
    LineOutcome, LineState, LineView, StatementError, Suggestion, SuggestionKind,
};

const STATES: [LineState; 3] = [LineState::Open, LineState::Confirmed, LineState::Ignored];

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    state: String,
    after: String,
}

#[derive(Serialize)]
struct StatementPage {
    path: String,
    name: String,
    at: String,
    by: String,
    facts: Vec<String>,
    /// Lines that can be confirmed at once.
    exact: usize,
    results: Vec<ResultLine>,
    state: String,
    states: Vec<Choice>,
    lines: Vec<Line>,
    problems: Vec<ProblemView>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct ResultLine {
    line: String,
    order: String,
    order_path: String,
    text: String,
    tone: &'static str,
}

#[derive(Serialize)]
struct Line {
    id: String,
    day: String,
    amount: i64,
    payer: String,
    serial: String,
    memo: String,
    state: String,
    is_open: bool,
    is_ignored: bool,
    /// The order that it may be for, or was booked on.
    order: String,
    order_id: String,
    order_path: String,
    about: String,
    /// What the clerk says yes to.
    seen: &'static str,
    difference_text: String,
    tone: &'static str,
    done_by: String,
    note: String,
}

pub async fn show(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    money::may(&clerk)?;
    render(&clerk, &id, &asked, StatusCode::OK, &[], Vec::new()).await
}

async fn render(
    clerk: &ClerkVisit,
    id: &str,
    asked: &Asked,
    status: StatusCode,
    problems: &[Problem],
    results: Vec<ResultLine>,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.statements, &visit.site.id);
    let state = match asked.state.as_str() {
        "all" => None,
        word => STATES
            .into_iter()
            .find(|state| state.as_str() == word)
            .or(Some(LineState::Open)),
    };
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let limit = i64::try_from(LINES).unwrap_or(i64::MAX);
    let found = service
        .get(site, id, state, after, limit)
        .await
        .map_err(failed)?;
    let word = state.map_or("all", LineState::as_str);
    let exact = service.count_exact(site, id).await.map_err(failed)?;
    let path = format!("/console/statements/{id}");
    let base = format!("{path}?state={word}");
    let statement = found.statement;
    let facts = [
        ("statements.new_lines", statement.added),
        ("statements.known_lines", statement.known),
        ("statements.skipped_lines", statement.debits),
    ];
    let page = StatementPage {
        exact: exact.0,
        name: statement.file_name,
        at: statement.imported_at.minute(),
        by: statement.imported_name,
        facts: facts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(text, count)| fill(visit.text(text), &[("n", &count.to_string())]))
            .collect(),
        results,
        states: states(clerk, statement.open),
        state: word.to_owned(),
        lines: found
            .lines
            .into_iter()
            .map(|view| line(clerk, view))
            .collect(),
        problems: ProblemView::all(problems),
        next: found
            .next
            .map(|next| format!("{base}&after={next}"))
            .unwrap_or_default(),
        first: after.map(|_| base).unwrap_or_default(),
        path,
    };
    clerk.page_with(status, "console/statement.html", page)
}

fn states(clerk: &ClerkVisit, open: i64) -> Vec<Choice> {
    let visit = &clerk.visit;
    let known = STATES.map(|state| Choice {
        count: match state {
            LineState::Open => money::told(usize::try_from(open).unwrap_or_default()),
            _ => String::new(),
        },
        ..Choice::new(
            state.as_str(),
            visit.text(&format!("statements.line_{}", state.as_str())),
        )
    });
    let all = Choice::new("all", visit.text("statements.all"));
    known.into_iter().chain([all]).collect()
}

fn line(clerk: &ClerkVisit, view: LineView) -> Line {
    let (visit, line) = (&clerk.visit, view.line);
    let (order, about, difference, tone, seen) = match &view.suggestion {
        Some(suggestion) => suggested(clerk, suggestion),
        None => Default::default(),
    };
    let order_id = line
        .order
        .as_ref()
        .map(OrderId::to_string)
        .or(order.as_ref().map(|(id, _)| id.clone()))
        .unwrap_or_default();
    let name_at = line.settled_at.map(|at| {
        fill(
            visit.text("statements.done_by"),
            &[("name", &line.settled_name), ("at", &at.minute())],
        )
    });
    Line {
        order: if view.order_number.is_empty() {
            order.map(|(_, number)| number).unwrap_or_default()
        } else {
            view.order_number
        },
        order_path: format!("/console/orders/{order_id}"),
        order_id,
        about,
        seen,
        difference_text: difference,
        tone,
        state: visit
            .text(&format!("statements.line_{}", line.state.as_str()))
            .to_owned(),
        is_open: line.state == LineState::Open,
        is_ignored: line.state == LineState::Ignored,
        done_by: name_at.unwrap_or_default(),
        note: line.reason,
        id: line.id,
        day: line.day,
        amount: line.amount.0,
        payer: line.details.payer,
        memo: line.details.memo,
        serial: line.serial,
    }
}

/// Id and number of the order, how it was found, how the amount fits with its tone, and the kind's word.
type Suggested = (
    Option<(String, String)>,
    String,
    String,
    &'static str,
    &'static str,
);

fn suggested(clerk: &ClerkVisit, suggestion: &Suggestion) -> Suggested {
    let visit = &clerk.visit;
    let seen = word(suggestion.kind);
    let Some(order) = &suggestion.order else {
        return (None, String::new(), String::new(), "", seen);
    };
    let about = match suggestion.kind {
        SuggestionKind::Paid => state_text(clerk, order.state),
        _ => visit.text(&format!("statements.by_{seen}")).to_owned(),
    };
    let (difference, tone) = match suggestion.kind {
        SuggestionKind::Paid => (visit.text("statements.all_back").to_owned(), "refused"),
        _ => fits(clerk, suggestion.difference),
    };
    let order = Some((order.id.to_string(), order.number.clone()));
    (order, about, difference, tone, seen)
}

/// How an amount fits what is missing.
pub fn fits(clerk: &ClerkVisit, difference: Fen) -> (String, &'static str) {
    let visit = &clerk.visit;
    let told = |text: &str, amount: Fen| fill(visit.text(text), &[("n", &amount.to_string())]);
    match difference.0 {
        0 => (visit.text("statements.exact").to_owned(), "done"),
        1.. => (told("statements.over", difference), "action"),
        less => (told("statements.short", Fen(-less)), "action"),
    }
}

fn word(kind: SuggestionKind) -> &'static str {
    match kind {
        SuggestionKind::Exact => "exact",
        SuggestionKind::Reference => "reference",
        SuggestionKind::Amount => "amount",
        SuggestionKind::Paid => "paid",
        SuggestionKind::Known => "known",
        SuggestionKind::None => "none",
    }
}

fn kind(word_sent: &str) -> Option<SuggestionKind> {
    [
        SuggestionKind::Exact,
        SuggestionKind::Reference,
        SuggestionKind::Amount,
        SuggestionKind::Paid,
        SuggestionKind::Known,
    ]
    .into_iter()
    .find(|kind| word(*kind) == word_sent)
}

/// The clerk says that a line is for this order.
pub async fn confirm(
    clerk: ClerkVisit,
    Path((id, line)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.statements, &visit.site.id);
    let order = OrderId::from_stored(posted.get("order"));
    let seen = kind(posted.get("_seen"));
    let confirmed = service
        .confirm(site, &line, &order, seen, &by(&clerk))
        .await;
    let path = format!("/console/statements/{id}");
    match confirmed {
        Ok(Settled::Paid) => Ok(visit.go(&path, "line-confirmed")),
        Ok(Settled::Partial) => Ok(visit.go(&path, "transfer-part")),
        Ok(Settled::Already) => Ok(visit.go(&path, "line-tied")),
        Ok(_) => Ok(visit.go(&path, "transfer-surplus")),
        Err(error) => {
            let sentence = match error {
                StatementError::NotOpen => settled_by(&clerk, &line).await?,
                error => refusal(&clerk, error)?,
            };
            let told = problem("", sentence);
            let asked = Asked::default();
            render(
                &clerk,
                &id,
                &asked,
                StatusCode::CONFLICT,
                &[told],
                Vec::new(),
            )
            .await
        }
    }
}

/// Which colleague said something about the line before.
async fn settled_by(clerk: &ClerkVisit, line: &str) -> Result<String, WebError> {
    let visit = &clerk.visit;
    let service = &visit.state.statements;
    let line = service.line(&visit.site.id, line).await.map_err(failed)?;
    let line = line.line;
    let at = line.settled_at.map(|at| at.minute()).unwrap_or_default();
    Ok(fill(
        visit.text("statements.settled_by"),
        &[("name", &line.settled_name), ("at", &at)],
    ))
}

/// Why a line was not booked, as a sentence; what is nobody's fault is an error.
fn refusal(clerk: &ClerkVisit, error: StatementError) -> Result<String, WebError> {
    let text = match &error {
        StatementError::NotOpen => "statements.result_not_open",
        StatementError::Changed(_)
        | StatementError::Payment(
            PaymentError::NotNow
            | PaymentError::NotPayable(_)
            | PaymentError::Store(yinxin_store::StoreError::Conflict),
        )
        | StatementError::Store(yinxin_store::StoreError::Conflict) => "statements.result_changed",
        StatementError::BookedBefore(_) | StatementError::Payment(PaymentError::AlreadyBooked) => {
            "statements.result_known"
        }
        StatementError::Payment(PaymentError::OwnPayment) => "statements.result_own",
        _ => return Err(failed(error)),
    };
    Ok(clerk.visit.text(text).to_owned())
}

/// How many lines would be booked at once, before they are.
pub async fn ask_all(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.statements, &visit.site.id);
    let path = format!("/console/statements/{id}");
    let (count, sum) = service.count_exact(site, &id).await.map_err(failed)?;
    if count == 0 {
        return Ok(visit.go(&path, "nothing-to-do"));
    }
    let statement = service
        .get(site, &id, None, None, 1)
        .await
        .map_err(failed)?
        .statement;
    let (count, sum) = (count.to_string(), sum.to_string());
    let told = |text: &str| fill(visit.text(text), &[("n", &count), ("amount", &sum)]);
    Sure {
        title: told("statements.sure_all"),
        about: statement.file_name,
        action: format!("{path}/confirm-all"),
        back: path,
        sentences: vec![told("statements.sure_all_text")],
        label: told("statements.sure_all"),
        ..Sure::default()
    }
    .page(&clerk)
}

pub async fn confirm_all(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.statements, &visit.site.id);
    let outcomes = service
        .confirm_all_exact(site, &id, &by(&clerk))
        .await
        .map_err(failed)?;
    if outcomes.is_empty() {
        return Ok(visit.go(&format!("/console/statements/{id}"), "nothing-to-do"));
    }
    let mut results = Vec::new();
    for outcome in outcomes {
        results.push(result(&clerk, outcome)?);
    }
    let asked = Asked::default();
    render(&clerk, &id, &asked, StatusCode::OK, &[], results).await
}

fn result(clerk: &ClerkVisit, outcome: LineOutcome) -> Result<ResultLine, WebError> {
    let visit = &clerk.visit;
    let (text, tone) = match outcome.result {
        Ok(settled) => {
            let text = match settled {
                Settled::Paid => "statements.result_paid",
                Settled::Partial => "statements.result_partial",
                Settled::Excess => "statements.result_excess",
                Settled::Surplus | Settled::Mismatch => "statements.result_surplus",
                Settled::Already => "statements.result_tied",
            };
            (visit.text(text).to_owned(), "done")
        }
        Err(error) => (refusal(clerk, error)?, "refused"),
    };
    let position = outcome.position.to_string();
    Ok(ResultLine {
        line: fill(visit.text("statements.line_at"), &[("n", &position)]),
        order: outcome.order_number,
        order_path: format!("/console/orders/{}", outcome.order),
        text,
        tone,
    })
}

pub async fn restore(
    clerk: ClerkVisit,
    Path((id, line)): Path<(String, String)>,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.statements, &visit.site.id);
    let path = format!("/console/statements/{id}?state=ignored");
    match service.reopen(site, &line, &by(&clerk)).await {
        Ok(()) => Ok(visit.go(&path, "line-restored")),
        Err(StatementError::NotOpen) => Ok(visit.go(&path, "nothing-to-do")),
        Err(error) => Err(failed(error)),
    }
}
