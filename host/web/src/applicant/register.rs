//! `/register`: the form of the account policy, a password, the proofs, the terms.

use super::door::{self, Door, PictureView, Sending};
use crate::error::WebError;
use crate::forms::{FormView, Posted, Showing};
use crate::page::Visit;
use crate::security::rate_limit::{self, AT_THE_DOOR};
use crate::session::local_path;
use crate::texts::fill;
use axum::extract::Query;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use yinxin_core::form::Values;
use yinxin_core::rules::Problem;
use yinxin_services::accounts::{AskedProofs, Registration};

#[derive(Deserialize)]
pub struct Next {
    #[serde(default)]
    pub next: String,
}

#[derive(Serialize)]
struct RegisterPage {
    form: FormView,
    picture: Option<PictureView>,
    /// The picture code stands beside the SMS code's button, which it guards.
    asks_sms: bool,
    /// Seconds until another SMS code may be asked for.
    wait: i64,
    said: String,
    password_hint: String,
    terms: bool,
    next: String,
}

/// What the page is shown with.
#[derive(Default)]
struct Shown<'a> {
    values: Values,
    problems: &'a [Problem],
    as_question: bool,
    wait: i64,
    said: String,
    terms: bool,
    next: &'a str,
}

pub async fn show(visit: Visit, Query(query): Query<Next>) -> Result<Response, WebError> {
    let door = Door::of(&visit)?;
    let shown = Shown {
        next: &query.next,
        ..Shown::default()
    };
    render(&visit, &door, StatusCode::OK, shown).await
}

pub async fn submit(visit: Visit, posted: Posted) -> Result<Response, WebError> {
    rate_limit::allow(&visit, "register", AT_THE_DOOR).await?;
    let door = Door::of(&visit)?;
    let answers = posted.answers();
    if posted.has("_renew") {
        return again(&visit, &door, &posted, Shown::default(), StatusCode::OK).await;
    }
    let registration = Registration {
        form: &door.registration,
        raw: &answers,
        password: posted.get("password"),
        password_again: posted.get("password_again"),
        terms_accepted: posted.has("terms"),
        picture: door::picture_answer(&posted),
        sms_code: posted.get("sms_code"),
    };
    let (site, client) = (&visit.site.id, visit.client());
    let accounts = &visit.state.accounts;
    let token = visit.visitor.token();
    match accounts
        .register(site, &door.policy, registration, client, token)
        .await
    {
        Ok(begun) => {
            let next = local_path(posted.get("_next"), "/services");
            Ok(door::let_in(&visit, &begun, &next, "registered"))
        }
        Err(error) => {
            let refusal = door::refusal(error)?;
            let shown = Shown {
                problems: &refusal.problems,
                ..Shown::default()
            };
            again(
                &visit,
                &door,
                &posted,
                shown,
                StatusCode::UNPROCESSABLE_ENTITY,
            )
            .await
        }
    }
}

/// `POST /register/code`: from the button beside the code, with or without a script.
pub async fn send_code(
    visit: Visit,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, WebError> {
    rate_limit::allow(&visit, "code", AT_THE_DOOR).await?;
    let door = Door::of(&visit)?;
    let picture = door::picture_answer(&posted);
    let mobile = posted.get(&door.policy.mobile_field);
    let (site, client) = (&visit.site.id, visit.client());
    let accounts = &visit.state.accounts;
    let sent =
        accounts.send_registration_code(site, &door.policy, mobile, picture.as_ref(), client);
    let sending = door::sending(sent.await)?;
    let (said, wait, problems) = match &sending {
        Sending::Done(sent) => {
            let minutes = sent.valid_minutes.to_string();
            let said = fill(visit.text("forms.code_sent"), &[("minutes", &minutes)]);
            (said, sent.again_in_seconds, Vec::new())
        }
        Sending::Refused(refusal) => (String::new(), 0, refusal.problems.clone()),
    };
    if door::wants_json(&headers) {
        let asked = AskedProofs::of(&door.policy.registration_proofs).picture_with_sms;
        let picture = door::picture(&visit, asked, door::wants_question(&posted)).await?;
        return Ok(door::sending_json(&sending, &said, picture));
    }
    let status = match sending {
        Sending::Done(_) => StatusCode::OK,
        Sending::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let shown = Shown {
        problems: &problems,
        wait,
        said,
        ..Shown::default()
    };
    again(&visit, &door, &posted, shown, status).await
}

/// The page again with what was typed. Passwords do not go back over the wire.
async fn again(
    visit: &Visit,
    door: &Door,
    posted: &Posted,
    shown: Shown<'_>,
    status: StatusCode,
) -> Result<Response, WebError> {
    let answers = posted.answers();
    let shown = Shown {
        values: yinxin_core::form::read_form(&door.registration, &answers, &Values::default())
            .values,
        as_question: door::wants_question(posted),
        terms: posted.has("terms"),
        next: posted.get("_next"),
        ..shown
    };
    render(visit, door, status, shown).await
}

async fn render(
    visit: &Visit,
    door: &Door,
    status: StatusCode,
    shown: Shown<'_>,
) -> Result<Response, WebError> {
    let asked = AskedProofs::of(&door.policy.registration_proofs);
    let wanted = asked.picture_with_form || asked.picture_with_sms;
    let length = door.policy.password_length.to_string();
    let own = door::own_names(shown.problems);
    let showing = Showing {
        problems: shown.problems,
        own: &own,
        ..Showing::default()
    };
    let page = RegisterPage {
        form: visit.form(&door.registration, &shown.values, showing)?,
        picture: door::picture(visit, wanted, shown.as_question).await?,
        asks_sms: asked.sms_code,
        wait: shown.wait,
        said: shown.said,
        password_hint: fill(visit.text("account.password_hint"), &[("length", &length)]),
        terms: shown.terms,
        next: shown.next.to_owned(),
    };
    visit.page_with(status, "applicant/account/register.html", page)
}
