//! `/profile/password`: the old one and a new one.

use crate::applicant::door::{self, Door};
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::page::Applicant;
use crate::security::rate_limit::{self, AT_THE_DOOR};
use crate::texts::fill;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use yinxin_services::accounts::NewPassword;

#[derive(Serialize)]
struct PasswordPage {
    problems: Vec<ProblemView>,
    password_hint: String,
}

pub async fn show(applicant: Applicant) -> Result<Response, WebError> {
    render(&applicant, StatusCode::OK, Vec::new())
}

pub async fn change(applicant: Applicant, posted: Posted) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "password", AT_THE_DOOR).await?;
    let door = Door::of(visit)?;
    let Some((_, session)) = &visit.visitor.session else {
        return Err(WebError::Forbidden);
    };
    let sent = NewPassword {
        old: posted.get("old_password"),
        password: posted.get("password"),
        password_again: posted.get("password_again"),
    };
    let accounts = &visit.state.accounts;
    match accounts
        .change_password(&visit.site.id, &door.policy, session, sent, visit.client())
        .await
    {
        Ok(()) => Ok(visit.go("/profile", "password-changed")),
        Err(error) => {
            let problems = ProblemView::all(&door::refusal(error)?.problems);
            render(&applicant, StatusCode::UNPROCESSABLE_ENTITY, problems)
        }
    }
}

fn render(
    applicant: &Applicant,
    status: StatusCode,
    problems: Vec<ProblemView>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let length = Door::of(visit)?.policy.password_length.to_string();
    let page = PasswordPage {
        problems,
        password_hint: fill(visit.text("account.password_hint"), &[("length", &length)]),
    };
    visit.page_with(status, "applicant/account/password.html", page)
}
