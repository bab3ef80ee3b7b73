//! `/recover`: a new password for who has the account's mobile.

use super::door::{self, Door, PictureView, Sending};
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::page::Visit;
use crate::security::rate_limit::{self, AT_THE_DOOR};
use crate::texts::fill;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use yinxin_services::accounts::{AskedProofs, Recovery, login_id};

#[derive(Default, Serialize)]
struct RecoveryPage {
    problems: Vec<ProblemView>,
    login_id: String,
    login_id_hint: String,
    picture: Option<PictureView>,
    wait: i64,
    said: String,
    password_hint: String,
}

pub async fn show(visit: Visit) -> Result<Response, WebError> {
    let door = Door::of(&visit)?;
    render(
        &visit,
        &door,
        StatusCode::OK,
        RecoveryPage::default(),
        false,
    )
    .await
}

pub async fn submit(visit: Visit, posted: Posted) -> Result<Response, WebError> {
    rate_limit::allow(&visit, "recover", AT_THE_DOOR).await?;
    let door = Door::of(&visit)?;
    let as_question = door::wants_question(&posted);
    if posted.has("_renew") {
        return render(&visit, &door, StatusCode::OK, typed(&posted), as_question).await;
    }
    let sent = Recovery {
        login_id: posted.get("login_id"),
        sms_code: posted.get("sms_code"),
        password: posted.get("password"),
        password_again: posted.get("password_again"),
    };
    let (site, client) = (&visit.site.id, visit.client());
    match visit
        .state
        .accounts
        .recover(site, &door.policy, sent, client)
        .await
    {
        Ok(()) => Ok(visit.go("/login", "recovered")),
        Err(error) => {
            let refusal = door::refusal(error)?;
            let page = RecoveryPage {
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

/// `POST /recover/code`
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
    let sent = accounts.send_recovery_code(site, &door.policy, login_id, picture.as_ref(), client);
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
        let asked = AskedProofs::of_recovery(&door.policy).picture_with_sms;
        let picture = door::picture(&visit, asked, door::wants_question(&posted)).await?;
        return Ok(door::sending_json(&sending, &page.said, picture));
    }
    render(&visit, &door, status, page, door::wants_question(&posted)).await
}

fn typed(posted: &Posted) -> RecoveryPage {
    RecoveryPage {
        login_id: posted.get("login_id").to_owned(),
        ..RecoveryPage::default()
    }
}

async fn render(
    visit: &Visit,
    door: &Door,
    status: StatusCode,
    page: RecoveryPage,
    as_question: bool,
) -> Result<Response, WebError> {
    let asked = AskedProofs::of_recovery(&door.policy);
    let ids = login_id::in_words(&door.policy);
    let length = door.policy.password_length.to_string();
    let page = RecoveryPage {
        login_id_hint: fill(visit.text("account.login_id_hint"), &[("ids", &ids)]),
        picture: door::picture(visit, asked.picture_with_sms, as_question).await?,
        password_hint: fill(visit.text("account.password_hint"), &[("length", &length)]),
        ..page
    };
    visit.page_with(status, "applicant/account/recovery.html", page)
}
