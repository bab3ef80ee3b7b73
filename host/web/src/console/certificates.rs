//! `/console/certificates`: the site's register of certificates. Every clerk looks things up in it; an administrator freezes,
//! restores and revokes, with a reason that stays in the case's history.

use super::visit::ClerkVisit;
use crate::applicant::certificates::{attributes, in_groups, reason, standings, tone, words};
use crate::applicant::{attachment, common_name, download_of};
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use yinxin_core::definition::Role;
use yinxin_core::rules::Problem;
use yinxin_engine::Because;
use yinxin_services::certificates::{Reading, Registered, Sought, Turn};

/// Lines of a page.
const LINES: usize = 30;
/// Days in which a certificate is asked to end.
const WITHIN: [&str; 3] = ["30", "60", "90"];
/// Names of RFC 5280's CRLReason for revoking by hand; the last is what the list leaves out.
const CODES: [&str; 6] = [
    "keyCompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "privilegeWithdrawn",
    "unspecified",
];
/// Characters of a reason.
const REASON: std::ops::RangeInclusive<usize> = 2..=120;

const TURNS: [(&str, Turn); 3] = [
    ("hold", Turn::Hold),
    ("release", Turn::Release),
    ("revoke", Turn::Revoke),
];

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    standing: String,
    within: String,
    after: String,
}

#[derive(Serialize)]
struct ListPage {
    text: String,
    standing: String,
    standings: Vec<(&'static str, String)>,
    within: String,
    withins: Vec<(&'static str, String)>,
    filtered: bool,
    lines: Vec<Line>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct Line {
    path: String,
    groups: String,
    name: String,
    from: String,
    to: String,
    words: String,
    tone: &'static str,
    case: String,
}

#[derive(Serialize)]
struct CertificatePage {
    line: Line,
    subject: Vec<(String, String)>,
    issuer: String,
    key: String,
    fingerprint: String,
    reason: String,
    since: String,
    successor: Option<(String, String)>,
    case: CaseLink,
    /// Name and title of what an administrator can do with it.
    turns: Vec<(&'static str, String)>,
    turned: Vec<TurnLine>,
}

#[derive(Serialize)]
struct CaseLink {
    path: String,
    number: String,
    subject: String,
    service: String,
    state: String,
}

#[derive(Serialize)]
struct TurnLine {
    at: String,
    label: String,
    who: String,
    why: String,
}

#[derive(Serialize)]
struct TurnPage {
    path: String,
    name: String,
    groups: String,
    turn: &'static str,
    title: String,
    sure: String,
    danger: bool,
    /// Code and words, for a revocation.
    codes: Vec<(&'static str, String)>,
    code: String,
    why: String,
    problems: Vec<ProblemView>,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let within = WITHIN.into_iter().find(|days| *days == asked.within);
    let sought = Sought {
        text: asked.text.trim().to_owned(),
        standing: asked.standing.clone(),
        within_days: within.and_then(|days| days.parse().ok()),
    };
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let mut conn = visit.state.store.read().await?;
    let certificates = &visit.state.certificates;
    let found = certificates
        .register(&mut conn, &visit.site.id, &sought, after, LINES)
        .await?;
    drop(conn);
    let withins = WITHIN.map(|days| {
        let text = visit.text(&format!("register.within_{days}"));
        (days, text.to_owned())
    });
    let narrowed = [&asked.text, &asked.standing, &asked.within];
    let page = ListPage {
        next: found
            .next
            .as_deref()
            .map(|next| address(&asked, next))
            .unwrap_or_default(),
        first: after.map(|_| address(&asked, "")).unwrap_or_default(),
        filtered: narrowed.iter().any(|text| !text.is_empty()),
        lines: found.lines.iter().map(|row| line(&clerk, row)).collect(),
        standings: standings(visit),
        withins: withins.to_vec(),
        text: asked.text,
        standing: asked.standing,
        within: asked.within,
    };
    clerk.page("console/certificates/list.html", page)
}

pub async fn show(clerk: ClerkVisit, Path(serial): Path<String>) -> Result<Response, WebError> {
    let (visit, site) = (&clerk.visit, &clerk.visit.site.id);
    let row = registered(&clerk, &serial).await?;
    let read = Reading::of(row.pem.as_bytes()).map_err(WebError::internal)?;
    let engine = &visit.state.engine;
    let case = engine.page(site, &clerk.actor(), &row.case).await?;
    let turned = engine.turns(site, &row.case, &row.serial).await?;
    let may_turn = clerk.is_administrator();
    let turns = TURNS
        .iter()
        .filter(|(_, turn)| may_turn && turn.is_possible(row.state))
        .map(|(name, _)| {
            (
                *name,
                visit.text(&format!("register.turn_{name}")).to_owned(),
            )
        });
    let page = CertificatePage {
        line: line(&clerk, &row),
        subject: attributes(visit, &read),
        issuer: read.issuer_text(),
        key: read.key,
        fingerprint: in_groups(&read.fingerprint),
        reason: reason(visit, &row.reason),
        since: row.changed_at.minute(),
        successor: (!row.successor.is_empty())
            .then(|| (path_of(&row.successor), in_groups(&row.successor))),
        case: CaseLink {
            path: format!("/console/cases/{}", row.case),
            number: case.number,
            subject: case.subject,
            service: case.service.title.clone(),
            state: case.state.clerk_label.clone(),
        },
        turns: turns.collect(),
        turned: turned
            .into_iter()
            .map(|turned| TurnLine {
                at: turned.at.minute(),
                label: turned.label,
                who: turned.who,
                why: turned.why,
            })
            .collect(),
    };
    clerk.page("console/certificates/certificate.html", page)
}

#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    form: String,
}

pub async fn download(
    clerk: ClerkVisit,
    Path(serial): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, WebError> {
    let row = registered(&clerk, &serial).await?;
    let found = download_of(&clerk.visit, &row.serial, &row.pem, &wanted.form).await?;
    Ok(attachment(found))
}

pub async fn ask_turn(
    clerk: ClerkVisit,
    Path((serial, turn)): Path<(String, String)>,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (name, turn) = turn_named(&turn)?;
    let row = registered(&clerk, &serial).await?;
    if !turn.is_possible(row.state) {
        return Ok(clerk.visit.go(&path_of(&row.serial), "nothing-to-do"));
    }
    let page = turn_page(&clerk, &row, name, &Posted::default(), &[]);
    clerk.page("console/certificates/turn.html", page)
}

pub async fn turn(
    clerk: ClerkVisit,
    Path((serial, turn)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let (name, turn) = turn_named(&turn)?;
    let row = registered(&clerk, &serial).await?;
    let words = posted.get("why").trim();
    let code = CODES.into_iter().find(|code| *code == posted.get("code"));
    let problem = |item: &str, text: &str| Problem {
        item: Some(item.to_owned()),
        message: visit.text(text).to_owned(),
        offer: None,
    };
    let mut problems = Vec::new();
    if turn == Turn::Revoke && code.is_none() {
        problems.push(problem("code", "register.code_missing"));
    }
    if !REASON.contains(&words.chars().count()) || words.chars().any(char::is_control) {
        problems.push(problem("why", "register.why_missing"));
    }
    if !problems.is_empty() {
        let page = turn_page(&clerk, &row, name, &posted, &problems);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return clerk.page_with(status, "console/certificates/turn.html", page);
    }
    let because = Because {
        code: code.filter(|_| turn == Turn::Revoke).unwrap_or_default(),
        words,
    };
    let engine = &visit.state.engine;
    engine
        .turn_certificate(&visit.site.id, &clerk.clerk, &row.serial, turn, because)
        .await?;
    Ok(visit.go(&path_of(&row.serial), "certificate-turned"))
}

fn turn_named(wanted: &str) -> Result<(&'static str, Turn), WebError> {
    let found = TURNS.into_iter().find(|(name, _)| *name == wanted);
    found.ok_or(WebError::NotFound)
}

fn turn_page(
    clerk: &ClerkVisit,
    row: &Registered,
    turn: &'static str,
    posted: &Posted,
    problems: &[Problem],
) -> TurnPage {
    let visit = &clerk.visit;
    let codes: &[&'static str] = if turn == "revoke" { &CODES } else { &[] };
    TurnPage {
        path: path_of(&row.serial),
        name: common_name(&row.subject),
        groups: in_groups(&row.serial),
        title: visit.text(&format!("register.turn_{turn}")).to_owned(),
        sure: visit.text(&format!("register.sure_{turn}")).to_owned(),
        danger: turn != "release",
        codes: codes
            .iter()
            .map(|code| (*code, reason(visit, code)))
            .collect(),
        code: posted.get("code").to_owned(),
        why: posted.get("why").to_owned(),
        problems: ProblemView::all(problems),
        turn,
    }
}

async fn registered(clerk: &ClerkVisit, serial: &str) -> Result<Registered, WebError> {
    let visit = &clerk.visit;
    let mut conn = visit.state.store.read().await?;
    let certificates = &visit.state.certificates;
    let found = certificates
        .registered(&mut conn, &visit.site.id, serial)
        .await?;
    found.ok_or(WebError::NotFound)
}

fn line(clerk: &ClerkVisit, row: &Registered) -> Line {
    Line {
        path: path_of(&row.serial),
        groups: in_groups(&row.serial),
        name: common_name(&row.subject),
        from: row.not_before.day().to_string(),
        to: row.not_after.day().to_string(),
        words: words(&clerk.visit, row.outlook),
        tone: tone(row.outlook),
        case: format!("/console/cases/{}", row.case),
    }
}

fn path_of(serial: &str) -> String {
    format!("/console/certificates/{serial}")
}

/// The address of this list from another key on.
fn address(asked: &Asked, after: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in [
        ("text", asked.text.as_str()),
        ("standing", &asked.standing),
        ("within", &asked.within),
        ("after", after),
    ] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    format!("/console/certificates?{}", query.finish())
}
