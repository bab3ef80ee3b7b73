//! `/profile`: what pre-fills later applications (manual row C-2).

use crate::applicant::door::{self, Door, Sending};
use crate::error::WebError;
use crate::forms::{FormView, Posted, Showing};
use crate::page::Applicant;
use crate::security::rate_limit::{self, AT_THE_DOOR};
use crate::texts::fill;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use yinxin_core::field;
use yinxin_core::form::Values;
use yinxin_core::rules::Problem;
use yinxin_services::accounts::{Accounts, Editor, ProfileEdit};

#[derive(Serialize)]
struct ProfilePage {
    sections: Vec<Answers>,
}

#[derive(Serialize)]
struct Answers {
    title: String,
    rows: Vec<Row>,
    change: &'static str,
}

#[derive(Serialize)]
struct Row {
    label: String,
    text: String,
}

#[derive(Serialize)]
struct EditPage {
    form: FormView,
    version: i64,
    wait: i64,
    said: String,
    sms_error: String,
}

/// The masked view: nobody reads a number over the shoulder.
pub async fn show(applicant: Applicant) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let door = Door::of(visit)?;
    let profile = visit
        .state
        .accounts
        .profile(&visit.site.id, &applicant.account)
        .await?;
    let sections = door
        .profile
        .sections
        .iter()
        .map(|section| Answers {
            title: section.title.clone(),
            rows: section
                .fields
                .iter()
                .map(|field| Row {
                    label: field.label.to_string(),
                    text: field::masked(field, profile.values.get(&field.name)),
                })
                .collect(),
            change: "/profile/edit",
        })
        .collect();
    visit.page("applicant/account/profile.html", ProfilePage { sections })
}

pub async fn edit(applicant: Applicant) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let profile = visit
        .state
        .accounts
        .profile(&visit.site.id, &applicant.account)
        .await?;
    let shown = Shown {
        values: profile.values,
        version: profile.version,
        ..Shown::default()
    };
    render(&applicant, StatusCode::OK, shown).await
}

pub async fn save(applicant: Applicant, posted: Posted) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "profile", AT_THE_DOOR).await?;
    let door = Door::of(visit)?;
    let answers = posted.answers();
    let edit = ProfileEdit {
        form: &door.profile,
        raw: &answers,
        over: posted.version().unwrap_or(0),
    };
    let editor = Editor::Applicant {
        sms_code: posted.get("sms_code"),
    };
    let (site, account) = (&visit.site.id, &applicant.account);
    let accounts = &visit.state.accounts;
    match accounts
        .edit_profile(site, &door.policy, account, edit, editor, visit.client())
        .await
    {
        Ok(()) => Ok(visit.go("/profile", "profile-saved")),
        Err(error) => {
            let refusal = door::refusal(error)?;
            let shown = Shown {
                values: refusal.values,
                // Newer where somebody else saved meanwhile: the next saving is over what is shown now.
                version: accounts.profile(site, account).await?.version,
                problems: refusal.problems,
                ..Shown::default()
            };
            render(&applicant, StatusCode::UNPROCESSABLE_ENTITY, shown).await
        }
    }
}

/// `POST /profile/edit/code`: proves the mobile that the account changes to.
pub async fn send_code(
    applicant: Applicant,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "code", AT_THE_DOOR).await?;
    let door = Door::of(visit)?;
    let mobile = posted.get(&door.policy.mobile_field);
    let (site, account) = (&visit.site.id, &applicant.account);
    let accounts = &visit.state.accounts;
    let sent =
        accounts.send_mobile_change_code(site, &door.policy, account, mobile, visit.client());
    let sending = door::sending(sent.await)?;
    let mut shown = Shown {
        version: posted.version().unwrap_or(0),
        ..Shown::default()
    };
    let mut status = StatusCode::OK;
    match &sending {
        Sending::Done(sent) => {
            let minutes = sent.valid_minutes.to_string();
            shown.said = fill(visit.text("forms.code_sent"), &[("minutes", &minutes)]);
            shown.wait = sent.again_in_seconds;
        }
        Sending::Refused(refusal) => {
            shown.problems.clone_from(&refusal.problems);
            status = StatusCode::UNPROCESSABLE_ENTITY;
        }
    }
    if door::wants_json(&headers) {
        return Ok(door::sending_json(&sending, &shown.said, None));
    }
    let before = accounts.profile(site, account).await?.values;
    shown.values = yinxin_core::form::read_form(&door.profile, &posted.answers(), &before).values;
    render(&applicant, status, shown).await
}

#[derive(Default)]
struct Shown {
    values: Values,
    version: i64,
    problems: Vec<Problem>,
    wait: i64,
    said: String,
}

async fn render(
    applicant: &Applicant,
    status: StatusCode,
    shown: Shown,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let door = Door::of(visit)?;
    let stored = visit
        .state
        .accounts
        .profile(&visit.site.id, &applicant.account)
        .await?;
    let editor = Editor::Applicant { sms_code: "" };
    let fixed = Accounts::fixed_fields(&door.policy, &door.profile, &stored, editor);
    let own = door::own_names(&shown.problems);
    let showing = Showing {
        problems: &shown.problems,
        read_only: &fixed,
        own: &own,
        ..Showing::default()
    };
    let of_code = |problem: &&Problem| problem.item.as_deref() == Some("sms_code");
    let page = EditPage {
        form: visit.form(&door.profile, &shown.values, showing)?,
        version: shown.version,
        wait: shown.wait,
        said: shown.said,
        sms_error: shown
            .problems
            .iter()
            .find(of_code)
            .map(|p| p.message.clone())
            .unwrap_or_default(),
    };
    visit.page_with(status, "applicant/account/profile_edit.html", page)
}
