//! `/console/accounts`: applicants' accounts. What an applicant may not change alone, such as the unit's name, is changed
//! here (manual row J-1).

use super::staff::{EventLine, events};
use super::visit::ClerkVisit;
use crate::applicant::door::{self, Door};
use crate::applicant::{Answers, answers};
use crate::error::WebError;
use crate::forms::{FormView, Posted, Showing};
use axum::extract::{Path, Query};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use url::form_urlencoded::Serializer;
use yinxin_core::definition::Role;
use yinxin_core::form::Values;
use yinxin_core::ids::AccountId;
use yinxin_core::rules::Problem;
use yinxin_services::accounts::{Accounts, Editor, Profile, ProfileEdit};
use yinxin_store::accounts::{Account, AccountState};

/// Lines of a page.
const LINES: usize = 30;
/// Events of one account that are shown.
const EVENTS: i64 = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    text: String,
    after: String,
}

#[derive(Serialize)]
struct AccountsPage {
    text: String,
    accounts: Vec<AccountLine>,
    next: String,
    first: String,
}

#[derive(Serialize)]
struct AccountLine {
    path: String,
    name: String,
    mobile: String,
    state: &'static str,
    created: String,
}

#[derive(Serialize)]
struct AccountPage {
    account: AccountLine,
    sections: Vec<Answers>,
    events: Vec<EventLine>,
}

#[derive(Serialize)]
struct EditPage {
    account: AccountLine,
    form: FormView,
    version: i64,
}

pub async fn list(clerk: ClerkVisit, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (visit, site) = (&clerk.visit, &clerk.visit.site.id);
    let text = asked.text.trim();
    let after = (!asked.after.is_empty()).then_some(asked.after.as_str());
    let one_more = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let mut found = visit
        .state
        .accounts
        .list(site, text, after, one_more)
        .await?;
    let more = found.len() > LINES;
    found.truncate(LINES);
    let address = |after: &str| {
        let mut query = Serializer::new(String::new());
        query.append_pair("text", text);
        if !after.is_empty() {
            query.append_pair("after", after);
        }
        format!("/console/accounts?{}", query.finish())
    };
    let next = found
        .last()
        .filter(|_| more)
        .map(|last| address(last.id.as_str()));
    // A login id is looked for whole, and stands first.
    if !text.is_empty()
        && after.is_none()
        && let Some(account) = visit.state.accounts.find(site, text).await?
    {
        found.retain(|other| other.id != account.id);
        found.insert(0, account);
    }
    let page = AccountsPage {
        accounts: found.iter().map(line).collect(),
        next: next.unwrap_or_default(),
        first: after.map(|_| address("")).unwrap_or_default(),
        text: asked.text,
    };
    clerk.page("console/accounts.html", page)
}

fn line(account: &Account) -> AccountLine {
    AccountLine {
        path: format!("/console/accounts/{}", account.id),
        name: account.name.clone(),
        mobile: account.mobile_masked.clone(),
        state: state_name(account.state),
        created: account.created_at.minute(),
    }
}

fn state_name(state: AccountState) -> &'static str {
    match state {
        AccountState::Active => "active",
        AccountState::Locked => "locked",
        AccountState::Closed => "closed",
    }
}

pub async fn show(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (visit, site) = (&clerk.visit, &clerk.visit.site.id);
    let id = AccountId::from_stored(id);
    let accounts = &visit.state.accounts;
    let account = accounts.account(site, &id).await?;
    let profile = accounts.profile(site, &id).await?;
    let happened = accounts.events(site, &id, None, EVENTS).await?;
    let form = Door::of(visit)?.profile;
    let sections = form.sections.iter();
    let page = AccountPage {
        account: line(&account),
        sections: sections
            .map(|section| answers(section, &profile.values, String::new()))
            .collect(),
        events: events(&clerk, happened).await?,
    };
    clerk.page("console/account.html", page)
}

pub async fn edit(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let id = AccountId::from_stored(id);
    let profile = clerk
        .visit
        .state
        .accounts
        .profile(&clerk.visit.site.id, &id)
        .await?;
    let version = profile.version;
    render_edit(&clerk, &id, &profile, None, version, &[]).await
}

pub async fn save(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (visit, site) = (&clerk.visit, &clerk.visit.site.id);
    let account = AccountId::from_stored(id.as_str());
    let door = Door::of(visit)?;
    let over = posted.version().unwrap_or_default();
    let raw = posted.answers();
    let edit = ProfileEdit {
        form: &door.profile,
        raw: &raw,
        over,
    };
    let editor = Editor::Clerk(&clerk.clerk.id);
    let accounts = &visit.state.accounts;
    let saved = accounts
        .edit_profile(site, &door.policy, &account, edit, editor, visit.client())
        .await;
    match saved {
        Ok(()) => Ok(visit.go(&format!("/console/accounts/{id}"), "account-saved")),
        Err(error) => {
            let refusal = door::refusal(error)?;
            let profile = accounts.profile(site, &account).await?;
            let typed = Some(&refusal.values);
            render_edit(&clerk, &account, &profile, typed, over, &refusal.problems).await
        }
    }
}

/// Stops an account, or opens it again.
pub async fn set_state(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let (visit, site) = (&clerk.visit, &clerk.visit.site.id);
    let (state, flash) = match posted.get("state") {
        "locked" => (AccountState::Locked, "account-locked"),
        "active" => (AccountState::Active, "account-opened"),
        _ => return Err(WebError::BadRequest("an account's state")),
    };
    let account = AccountId::from_stored(id.as_str());
    let accounts = &visit.state.accounts;
    if accounts.account(site, &account).await?.state == AccountState::Closed {
        return Err(WebError::Stale);
    }
    accounts
        .set_state(site, &account, state, &clerk.clerk.id, visit.client())
        .await?;
    Ok(visit.go(&format!("/console/accounts/{id}"), flash))
}

async fn render_edit(
    clerk: &ClerkVisit,
    id: &AccountId,
    profile: &Profile,
    typed: Option<&Values>,
    version: i64,
    problems: &[Problem],
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let account = visit.state.accounts.account(&visit.site.id, id).await?;
    let door = Door::of(visit)?;
    let editor = Editor::Clerk(&clerk.clerk.id);
    let fixed = Accounts::fixed_fields(&door.policy, &door.profile, profile, editor);
    let showing = Showing {
        problems,
        read_only: &fixed,
        ..Showing::default()
    };
    let values = typed.unwrap_or(&profile.values);
    let page = EditPage {
        account: line(&account),
        form: visit.form(&door.profile, values, showing)?,
        version,
    };
    let status = if problems.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    clerk.page_with(status, "console/account_edit.html", page)
}
