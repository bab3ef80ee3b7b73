//! `/console/reconciliation`: what gateways and the bank say beside what we say, day by day.

use super::money::{self, Choice, Paged, by, method_text, one_more, problem, typed};
use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::session::local_path;
use crate::texts::fill;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::money::Fen;
use yinxin_core::rules::Problem;
use yinxin_services::payments::PaymentError;
use yinxin_services::reconciliation::{
    Difference, DifferenceState, ReconciliationError, Report, ReportState, report_id,
};
use yinxin_store::orders;
use yinxin_store::payments::{gateway, gateway_word};

const REPORTS: &str = "reports";
/// Characters of a note.
const NOTE: usize = 300;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    show: String,
    after: String,
}

#[derive(Serialize)]
struct ReconciliationPage {
    show: String,
    parts: Vec<Choice>,
    reports: Vec<ReportLine>,
    differences: Vec<DifferenceLine>,
    gateways: Vec<(&'static str, String)>,
    yesterday: String,
    next: String,
    first: String,
    problems: Vec<ProblemView>,
}

#[derive(Serialize)]
struct ReportLine {
    path: String,
    day: String,
    gateway: String,
    ours: i64,
    theirs: i64,
    difference: i64,
    state: String,
    tone: &'static str,
    at: String,
}

#[derive(Serialize)]
struct DifferenceLine {
    id: String,
    report: String,
    day: String,
    gateway: String,
    kind: String,
    words: String,
    ours: String,
    theirs: String,
    order: String,
    order_number: String,
    trade: String,
    open: bool,
    note: String,
    by: String,
    /// A clerk settled it, and may have been wrong.
    by_hand: bool,
    at: String,
    typed: String,
}

#[derive(Serialize)]
struct ReportPage {
    title: String,
    path: String,
    day: String,
    gateway: &'static str,
    state: String,
    tone: &'static str,
    at: String,
    problem: String,
    sums: Vec<SumLine>,
    differences: Vec<DifferenceLine>,
    show: &'static str,
    problems: Vec<ProblemView>,
}

#[derive(Serialize)]
struct SumLine {
    label: String,
    ours: String,
    theirs: String,
    difference: String,
    /// The sides do not agree.
    off: bool,
}

/// A note that was typed and not taken: the difference, and the words.
#[derive(Default)]
struct Kept {
    id: String,
    note: String,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    render(&clerk, &asked, StatusCode::OK, &[], &Kept::default()).await
}

async fn render(
    clerk: &ClerkVisit,
    asked: &Asked,
    status: StatusCode,
    problems: &[Problem],
    kept: &Kept,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.reconciliation, &visit.site.id);
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let state = if asked.show == DifferenceState::Settled.as_str() {
        DifferenceState::Settled
    } else {
        DifferenceState::Open
    };
    let show = match asked.show.as_str() {
        REPORTS => REPORTS,
        _ => state.as_str(),
    };
    let (mut reports, mut differences) = (Vec::new(), Vec::new());
    let next = if show == REPORTS {
        let found = service.reports(site, after, one_more()).await;
        let page = Paged::new(found.map_err(failed)?, |report| report.id.clone());
        reports = page
            .lines
            .into_iter()
            .map(|report| report_line(clerk, report))
            .collect();
        page.next
    } else {
        let found = service.differences(site, state, after, one_more()).await;
        let page = Paged::new(found.map_err(failed)?, |difference| difference.id.clone());
        for difference in page.lines {
            differences.push(difference_line(clerk, difference, kept).await?);
        }
        page.next
    };
    let base = format!("/console/reconciliation?show={show}");
    let methods = visit.state.payments.methods(site).into_iter();
    let page = ReconciliationPage {
        show: show.to_owned(),
        parts: parts(clerk),
        reports,
        differences,
        gateways: methods
            .map(|method| (gateway_word(method), method_text(clerk, method)))
            .collect(),
        yesterday: visit.state.clock.now().plus(-money::DAY).day().to_string(),
        next: next
            .map(|next| format!("{base}&after={next}"))
            .unwrap_or_default(),
        first: after.map(|_| base).unwrap_or_default(),
        problems: ProblemView::all(problems),
    };
    clerk.page_with(status, "console/reconciliation.html", page)
}

fn parts(clerk: &ClerkVisit) -> Vec<Choice> {
    [
        (DifferenceState::Open.as_str(), "reconciliation.open"),
        (REPORTS, "reconciliation.reports"),
        (DifferenceState::Settled.as_str(), "reconciliation.settled"),
    ]
    .into_iter()
    .map(|(value, text)| Choice::new(value, clerk.visit.text(text)))
    .collect()
}

fn report_line(clerk: &ClerkVisit, report: Report) -> ReportLine {
    let (state, tone) = standing(clerk, &report);
    let (ours, theirs) = (net(&report, true), net(&report, false));
    let is_compared = report.state == ReportState::Done;
    ReportLine {
        path: format!("/console/reconciliation/{}", report.id),
        gateway: method_text(clerk, report.method),
        day: report.day,
        ours: ours.0,
        theirs: theirs.0,
        difference: if is_compared { ours.0 - theirs.0 } else { 0 },
        state,
        tone,
        at: report.run_at.minute(),
    }
}

/// What one side kept in the end.
fn net(report: &Report, ours: bool) -> Fen {
    let side = if ours { report.ours } else { report.theirs };
    Fen(side.received.0 - side.refunded.0)
}

fn standing(clerk: &ClerkVisit, report: &Report) -> (String, &'static str) {
    let visit = &clerk.visit;
    match report.state {
        ReportState::Done if report.open > 0 => {
            let open = report.open.to_string();
            (
                fill(visit.text("reconciliation.found"), &[("n", &open)]),
                "action",
            )
        }
        ReportState::Done => (visit.text("reconciliation.clean").to_owned(), "done"),
        other => {
            let text = format!("reconciliation.report_{}", other.as_str());
            let tone = match other {
                ReportState::Failed => "refused",
                _ => "waiting",
            };
            (visit.text(&text).to_owned(), tone)
        }
    }
}

async fn difference_line(
    clerk: &ClerkVisit,
    difference: Difference,
    kept: &Kept,
) -> Result<DifferenceLine, WebError> {
    let visit = &clerk.visit;
    let order_number = match &difference.order {
        Some(order) => {
            let mut conn = visit.state.store.read().await?;
            orders::get(&mut conn, &visit.site.id, order).await?.number
        }
        None => String::new(),
    };
    let text = |path: String| visit.text(&path).to_owned();
    let amount = |side: Option<Fen>| side.map(|amount| amount.to_string());
    let open = difference.state == DifferenceState::Open;
    Ok(DifferenceLine {
        report: format!("/console/reconciliation/{}", difference.report),
        // A report's id begins with its day.
        day: difference.report.chars().take(10).collect(),
        gateway: method_text(clerk, difference.method),
        kind: text(format!("reconciliation.kind_{}", difference.kind.as_str())),
        words: text(format!("reconciliation.words_{}", difference.kind.as_str())),
        ours: amount(difference.ours).unwrap_or_default(),
        theirs: amount(difference.theirs).unwrap_or_default(),
        order: difference
            .order
            .map(|order| order.to_string())
            .unwrap_or_default(),
        order_number,
        trade: if difference.provider_no.is_empty() {
            difference.number
        } else {
            difference.provider_no
        },
        open,
        by_hand: !open && difference.settled_by != "host",
        note: difference.note,
        by: match difference.settled_by.as_str() {
            "host" => visit.text("reconciliation.by_itself").to_owned(),
            _ => difference.settled_name,
        },
        at: difference
            .settled_at
            .map(|at| at.minute())
            .unwrap_or_default(),
        typed: if difference.id == kept.id {
            kept.note.clone()
        } else {
            String::new()
        },
        id: difference.id,
    })
}

pub async fn show(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    report_page(&clerk, &id, StatusCode::OK, &[], &Kept::default()).await
}

async fn report_page(
    clerk: &ClerkVisit,
    id: &str,
    status: StatusCode,
    problems: &[Problem],
    kept: &Kept,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let service = &visit.state.reconciliation;
    let found = service.report(&visit.site.id, id).await.map_err(failed)?;
    let mut differences = Vec::new();
    for difference in found.open.into_iter().chain(found.settled) {
        differences.push(difference_line(clerk, difference, kept).await?);
    }
    let report = found.report;
    let (state, tone) = standing(clerk, &report);
    let gateway_name = method_text(clerk, report.method);
    let page = ReportPage {
        title: fill(
            visit.text("reconciliation.report"),
            &[("gateway", &gateway_name), ("day", &report.day)],
        ),
        path: format!("/console/reconciliation/{id}"),
        gateway: gateway_word(report.method),
        state,
        tone,
        at: report.run_at.minute(),
        sums: sums(clerk, &report),
        day: report.day,
        problem: report.problem,
        differences,
        show: "report",
        problems: ProblemView::all(problems),
    };
    clerk.page_with(status, "console/reconciliation_report.html", page)
}

fn sums(clerk: &ClerkVisit, report: &Report) -> Vec<SumLine> {
    let text = |path: &str| clerk.visit.text(path).to_owned();
    let (ours, theirs) = (report.ours, report.theirs);
    let counted = |label: &str, ours: i64, theirs: i64| SumLine {
        label: fill(
            clerk.visit.text("reconciliation.number_of"),
            &[("what", &text(label))],
        ),
        ours: ours.to_string(),
        theirs: theirs.to_string(),
        difference: (ours - theirs).to_string(),
        off: ours != theirs,
    };
    let summed = |label: &str, ours: Fen, theirs: Fen| SumLine {
        label: text(label),
        ours: ours.to_string(),
        theirs: theirs.to_string(),
        difference: Fen(ours.0 - theirs.0).to_string(),
        off: ours != theirs,
    };
    let fee = SumLine {
        label: text("reconciliation.fees"),
        ours: String::new(),
        theirs: report.fee.to_string(),
        difference: String::new(),
        off: false,
    };
    vec![
        counted("reconciliation.received", ours.payments, theirs.payments),
        summed("reconciliation.received", ours.received, theirs.received),
        counted("reconciliation.refunded", ours.refunds, theirs.refunds),
        summed("reconciliation.refunded", ours.refunded, theirs.refunded),
        fee,
    ]
}

/// Compares a day now, perhaps again.
pub async fn run(clerk: ClerkVisit, posted: Posted) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.reconciliation, &visit.site.id);
    let Some(method) = gateway(posted.get("gateway")) else {
        return Err(WebError::BadRequest("gateway"));
    };
    let asked = Asked::default();
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let Ok(day) = posted.get("day").trim().parse() else {
        let wrong = problem("", visit.text("finance.bad_day"));
        return render(&clerk, &asked, status, &[wrong], &Kept::default()).await;
    };
    let text = match service.run_again(site, method, day, &by(&clerk)).await {
        Ok(report) => {
            tracing::info!(%site, report = %report.id, clerk = %clerk.clerk.id, "a day was compared");
            let path = format!("/console/reconciliation/{}", report.id);
            return Ok(visit.go(&path, "reconciled"));
        }
        Err(ReconciliationError::NotOver) => "reconciliation.not_over",
        Err(ReconciliationError::NoBill(_)) => "reconciliation.bill_missing",
        Err(error) => return Err(failed(error)),
    };
    let told = problem("", visit.text(text));
    let id = report_id(method, posted.get("day").trim());
    match report_page(
        &clerk,
        &id,
        status,
        std::slice::from_ref(&told),
        &Kept::default(),
    )
    .await
    {
        Err(WebError::NotFound) => render(&clerk, &asked, status, &[told], &Kept::default()).await,
        page => page,
    }
}

/// The clerk has seen to a difference, and says how.
pub async fn settle(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.reconciliation, &visit.site.id);
    let note = typed(&posted, "note", NOTE);
    let back = local_path(posted.get("_back"), "/console/reconciliation");
    match service.settle(site, &id, &note, &by(&clerk)).await {
        Ok(()) => Ok(visit.go(&back, "difference-settled")),
        Err(ReconciliationError::NoNote) => {
            let missing = problem(&id, visit.text("reconciliation.note_missing"));
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let kept = Kept { id, note };
            let report = back.strip_prefix("/console/reconciliation/");
            match report {
                Some(report) => report_page(&clerk, report, status, &[missing], &kept).await,
                None => render(&clerk, &Asked::default(), status, &[missing], &kept).await,
            }
        }
        Err(ReconciliationError::NotNow) => {
            let known = service.difference(site, &id).await.map_err(failed)?;
            let at = known.settled_at.map(|at| at.minute()).unwrap_or_default();
            let told = fill(
                visit.text("reconciliation.settled_by"),
                &[("name", &known.settled_name), ("at", &at)],
            );
            let status = StatusCode::CONFLICT;
            let told = problem("", told);
            render(&clerk, &Asked::default(), status, &[told], &Kept::default()).await
        }
        Err(error) => Err(failed(error)),
    }
}

/// A settled difference has to be looked at again after all.
pub async fn reopen(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (service, site) = (&visit.state.reconciliation, &visit.site.id);
    let back = local_path(posted.get("_back"), "/console/reconciliation");
    match service.reopen(site, &id, &by(&clerk)).await {
        Ok(()) => Ok(visit.go(&back, "difference-reopened")),
        Err(ReconciliationError::NotNow) => Ok(visit.go(&back, "nothing-to-do")),
        Err(error) => Err(failed(error)),
    }
}

fn failed(error: ReconciliationError) -> WebError {
    match error {
        ReconciliationError::NotNow => WebError::Stale,
        ReconciliationError::Payment(PaymentError::NoMethod(_)) => WebError::BadRequest("gateway"),
        ReconciliationError::Payment(error) => error.into(),
        ReconciliationError::Store(error) => error.into(),
        other => WebError::internal(other),
    }
}
