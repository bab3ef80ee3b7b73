//! `/login` and `/logout`.

use super::door::{self, Door, PictureView, Sending};
use super::register::Next;
use crate::cookies::Cookie;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::page::Visit;
use crate::security::rate_limit::{self, AT_THE_DOOR};
use crate::session::local_path;
use crate::texts::fill;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use yinxin_services::accounts::{AskedProofs, LogIn, login_id};

#[derive(Default, Serialize)]
struct LogInPage {
    problems: Vec<ProblemView>,
    login_id: String,
    login_id_hint: String,
    picture: Option<PictureView>,
    asks_sms: bool,
    wait: i64,
    said: String,
    next: String,
}

pub async fn show(visit: Visit, Query(query): Query<Next>) -> Result<Response, WebError> {
    if visit.visitor.session.is_some() {
        return Ok(Redirect::to(&local_path(&query.next, "/cases")).into_response());
    }
    let door = Door::of(&visit)?;
    let page = LogInPage {
        next: query.next,
        ..LogInPage::default()
    };
    render(&visit, &door, StatusCode::OK, page, false).await
}

pub async fn submit(visit: Visit, posted: Posted) -> Result<Response, WebError> {
    rate_limit::allow(&visit, "login", AT_THE_DOOR).await?;
    let door = Door::of(&visit)?;
    let as_question = door::wants_question(&posted);
    if posted.has("_renew") {
        return render(&visit, &door, StatusCode::OK, typed(&posted), as_question).await;
    }
    let sent = LogIn {
        login_id: posted.get("login_id"),
        password: posted.get("password"),
        picture: door::picture_answer(&posted),
        sms_code: posted.get("sms_code"),
    };
    let (site, client) = (&visit.site.id, visit.client());
    let token = visit.visitor.token();
    match visit
        .state
        .accounts
        .log_in(site, &door.policy, sent, client, token)
        .await
    {
        Ok(begun) => {
            let next = local_path(posted.get("_next"), "/cases");
            Ok(door::let_in(&visit, &begun, &next, ""))
        }
        Err(error) => {
            let refusal = door::refusal(error)?;
            let page = LogInPage {
                problems: ProblemView::all(&refusal.problems),
                ..typed(&posted)
            };
            render(
                &visit,
                &door,
                StatusCode::UNPROCESSABLE_ENTITY,
                page,
                as_question,
            )
            .await
        }
    }
}

/// `POST /login/code`: where the policy wants an SMS code for logging in.
pub async fn send_code(
    visit: Visit,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, WebError> {
    rate_limit::allow(&visit, "code", AT_THE_DOOR).await?;
    let door = Door::of(&visit)?;
    let picture = door::picture_answer(&posted);
    let (site, client) = (&visit.site.id, visit.client());
    let login_id = posted.get("login_id");
    let accounts = &visit.state.accounts;
    let sent = accounts.send_login_code(site, &door.policy, login_id, picture.as_ref(), client);
    let sending = door::sending(sent.await)?;
    let mut page = typed(&posted);
    let mut status = StatusCode::OK;
    match &sending {
        Sending::Done(sent) => {
            let minutes = sent.valid_minutes.to_string();
            page.said = fill(
                visit.text("forms.code_sent_account"),
                &[("minutes", &minutes)],
            );
            page.wait = sent.again_in_seconds;
        }
        Sending::Refused(refusal) => {
            page.problems = ProblemView::all(&refusal.problems);
            status = StatusCode::UNPROCESSABLE_ENTITY;
        }
    }
    if door::wants_json(&headers) {
        let asked = AskedProofs::of(&door.policy.login_proofs).picture_with_sms;
        let picture = door::picture(&visit, asked, door::wants_question(&posted)).await?;
        return Ok(door::sending_json(&sending, &page.said, picture));
    }
    render(&visit, &door, status, page, door::wants_question(&posted)).await
}

pub async fn log_out(visit: Visit) -> Result<Response, WebError> {
    if let Some(token) = visit.visitor.token() {
        visit.state.sessions.end(&visit.site.id, token).await?;
    }
    let mut response = visit.go("/", "logged-out");
    Cookie::Applicant.clear(response.headers_mut(), visit.state.config().https);
    Ok(response)
}

fn typed(posted: &Posted) -> LogInPage {
    LogInPage {
        login_id: posted.get("login_id").to_owned(),
        next: posted.get("_next").to_owned(),
        ..LogInPage::default()
    }
}

async fn render(
    visit: &Visit,
    door: &Door,
    status: StatusCode,
    page: LogInPage,
    as_question: bool,
) -> Result<Response, WebError> {
    let asked = AskedProofs::of(&door.policy.login_proofs);
    let wanted = asked.picture_with_form || asked.picture_with_sms;
    let ids = login_id::in_words(&door.policy);
    let page = LogInPage {
        login_id_hint: fill(visit.text("account.login_id_hint"), &[("ids", &ids)]),
        picture: door::picture(visit, wanted, as_question).await?,
        asks_sms: asked.sms_code,
        ..page
    };
    visit.page_with(status, "applicant/account/log_in.html", page)
}
