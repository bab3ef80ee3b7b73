//! `/console/staff`: who works here, with which roles.

use super::visit::{ClerkVisit, ROLES, role_name};
use crate::applicant::door;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use yinxin_core::definition::Role;
use yinxin_core::ids::ClerkId;
use yinxin_services::staff::Hiring;
use yinxin_store::account_events::AccountEvent;
use yinxin_store::clerks::Clerk;

/// Lines of a page: no site has more.
const LINES: usize = 100;
/// Events of one clerk that are shown.
const EVENTS: i64 = 30;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    after: String,
}

#[derive(Serialize)]
struct StaffPage {
    clerks: Vec<ClerkLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct ClerkLine {
    path: String,
    login: String,
    name: String,
    roles: Vec<String>,
    last: String,
    disabled: bool,
    must_change: bool,
}

#[derive(Serialize)]
struct ClerkPage {
    /// Empty for one who is to be made.
    path: String,
    login: String,
    name: String,
    mobile: String,
    disabled: bool,
    version: i64,
    roles: Vec<RoleChoice>,
    events: Vec<EventLine>,
    problems: Vec<ProblemView>,
    /// Problems of the other form on the page.
    password_problems: Vec<ProblemView>,
}

#[derive(Serialize)]
struct RoleChoice {
    name: &'static str,
    label: String,
    hint: String,
    chosen: bool,
}

/// One line of what happened to an account.
#[derive(Serialize)]
pub struct EventLine {
    pub at: String,
    pub what: String,
    pub by: String,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let one_more = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let mut found = visit
        .state
        .staff
        .list(&visit.site.id, after, one_more)
        .await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| format!("/console/staff?after={}", last.login));
    let clerks = found.into_iter().map(|found| ClerkLine {
        path: format!("/console/staff/{}", found.id),
        roles: found
            .roles
            .iter()
            .map(|role| {
                visit
                    .text(&format!("console.role_{}", role_name(*role)))
                    .to_owned()
            })
            .collect(),
        login: found.login,
        name: found.name,
        last: found
            .last_login_at
            .map(|at| at.minute())
            .unwrap_or_default(),
        disabled: found.disabled,
        must_change: found.must_change_password,
    });
    let page = StaffPage {
        clerks: clerks.collect(),
        next: next.unwrap_or_default(),
        first: after
            .map(|_| "/console/staff".to_owned())
            .unwrap_or_default(),
    };
    clerk.page("console/staff.html", page)
}

pub async fn new(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let page = blank(&clerk, &[], ["", "", ""], Vec::new());
    clerk.page("console/clerk.html", page)
}

pub async fn create(clerk: ClerkVisit, posted: Posted) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let roles = chosen(&posted);
    let typed @ [login, name, mobile] =
        ["login_id", "name", "mobile"].map(|field| posted.get(field));
    let hiring = Hiring {
        login,
        name,
        mobile,
        roles: &roles,
        password: posted.get("password"),
    };
    match visit
        .state
        .staff
        .create(&visit.site.id, hiring, Some(&clerk.clerk.id))
        .await
    {
        Ok(id) => Ok(visit.go(&format!("/console/staff/{id}"), "clerk-created")),
        Err(error) => {
            let problems = ProblemView::all(&door::refusal(error)?.problems);
            let page = blank(&clerk, &roles, typed, problems);
            clerk.page_with(StatusCode::UNPROCESSABLE_ENTITY, "console/clerk.html", page)
        }
    }
}

pub async fn show(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (staff, site) = (&clerk.visit.state.staff, &clerk.visit.site.id);
    let found = staff.get(site, &ClerkId::from_stored(id)).await?;
    let mobile = own_number(&clerk, &found.id).await?;
    let (status, none) = (StatusCode::OK, Vec::new());
    render(&clerk, (&found, &mobile), status, none, Vec::new()).await
}

pub async fn update(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (visit, site) = (&clerk.visit, &clerk.visit.site.id);
    let known = visit
        .state
        .staff
        .get(site, &ClerkId::from_stored(id.as_str()))
        .await?;
    let changed = Clerk {
        name: posted.get("name").trim().to_owned(),
        roles: chosen(&posted),
        disabled: posted.has("disabled"),
        version: posted.version().unwrap_or_default(),
        ..known
    };
    match visit
        .state
        .staff
        .update(site, &changed, posted.get("mobile"), Some(&clerk.clerk.id))
        .await
    {
        Ok(()) => Ok(visit.go(&format!("/console/staff/{id}"), "clerk-saved")),
        Err(error) => {
            let problems = ProblemView::all(&door::refusal(error)?.problems);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let shown = (&changed, posted.get("mobile"));
            render(&clerk, shown, status, problems, Vec::new()).await
        }
    }
}

pub async fn reset_password(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (visit, site) = (&clerk.visit, &clerk.visit.site.id);
    let staff = &visit.state.staff;
    let wanted = ClerkId::from_stored(id.as_str());
    let by = Some(&clerk.clerk.id);
    match staff
        .reset_password(site, &wanted, posted.get("password"), by)
        .await
    {
        Ok(()) => Ok(visit.go(&format!("/console/staff/{id}"), "password-reset")),
        Err(error) => {
            let problems = ProblemView::all(&door::refusal(error)?.problems);
            let known = staff.get(site, &wanted).await?;
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            let mobile = own_number(&clerk, &wanted).await?;
            render(&clerk, (&known, &mobile), status, Vec::new(), problems).await
        }
    }
}

/// The roles that were ticked.
fn chosen(posted: &Posted) -> Vec<Role> {
    ROLES
        .into_iter()
        .filter(|role| posted.has(&format!("role:{}", role_name(*role))))
        .collect()
}

fn choices(clerk: &ClerkVisit, roles: &[Role]) -> Vec<RoleChoice> {
    let choices = ROLES.map(|role| {
        let name = role_name(role);
        RoleChoice {
            name,
            label: clerk.visit.text(&format!("console.role_{name}")).to_owned(),
            hint: clerk
                .visit
                .text(&format!("console.role_{name}_hint"))
                .to_owned(),
            chosen: roles.contains(&role),
        }
    });
    choices.into()
}

fn blank(
    clerk: &ClerkVisit,
    roles: &[Role],
    [login, name, mobile]: [&str; 3],
    problems: Vec<ProblemView>,
) -> ClerkPage {
    ClerkPage {
        path: String::new(),
        login: login.to_owned(),
        name: name.to_owned(),
        mobile: mobile.to_owned(),
        disabled: false,
        version: 0,
        roles: choices(clerk, roles),
        events: Vec::new(),
        problems,
        password_problems: Vec::new(),
    }
}

/// The clerk's own mobile number, or empty.
async fn own_number(clerk: &ClerkVisit, id: &ClerkId) -> Result<String, WebError> {
    let (staff, site) = (&clerk.visit.state.staff, &clerk.visit.site.id);
    let mobile = staff.mobile(site, id).await?;
    Ok(mobile.map(|mobile| mobile.to_string()).unwrap_or_default())
}

async fn render(
    clerk: &ClerkVisit,
    (shown, mobile): (&Clerk, &str),
    status: StatusCode,
    problems: Vec<ProblemView>,
    password_problems: Vec<ProblemView>,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let happened = visit
        .state
        .staff
        .events(&visit.site.id, &shown.id, None, EVENTS)
        .await?;
    let page = ClerkPage {
        path: format!("/console/staff/{}", shown.id),
        login: shown.login.clone(),
        name: shown.name.clone(),
        mobile: mobile.to_owned(),
        disabled: shown.disabled,
        version: shown.version,
        roles: choices(clerk, &shown.roles),
        events: events(clerk, happened).await?,
        problems,
        password_problems,
    };
    clerk.page_with(status, "console/clerk.html", page)
}

/// Events in words, with the names of the clerks who did it.
pub async fn events(
    clerk: &ClerkVisit,
    happened: Vec<AccountEvent>,
) -> Result<Vec<EventLine>, WebError> {
    let visit = &clerk.visit;
    let mut lines = Vec::with_capacity(happened.len());
    for event in happened {
        let by = if event.actor.is_empty() {
            String::new()
        } else {
            let by = ClerkId::from_stored(event.actor.as_str());
            visit
                .state
                .staff
                .get(&visit.site.id, &by)
                .await
                .map(|by| by.name)
                .unwrap_or_default()
        };
        let what = visit
            .state
            .texts()
            .find(&format!("console.event_{}", event.kind));
        lines.push(EventLine {
            at: event.at.minute(),
            what: what.unwrap_or(&event.kind).to_owned(),
            by,
        });
    }
    Ok(lines)
}
