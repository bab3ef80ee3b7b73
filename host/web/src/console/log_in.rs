//! `/console/login`, `/console/logout` and `/console/password`: the clerks' own door.

use super::visit::ClerkVisit;
use crate::applicant::Next;
use crate::applicant::door::{self, PictureView};
use crate::cookies::Cookie;
use crate::error::WebError;
use crate::forms::{Posted, ProblemView};
use crate::page::Visit;
use crate::security::rate_limit::{self, AT_THE_DOOR};
use crate::session::local_path;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Serialize;
use yinxin_services::staff::ClerkLogIn;

#[derive(Default, Serialize)]
struct LogInPage {
    problems: Vec<ProblemView>,
    login: String,
    picture: Option<PictureView>,
    next: String,
}

#[derive(Serialize)]
struct PasswordPage {
    problems: Vec<ProblemView>,
}

pub async fn show(visit: Visit, Query(query): Query<Next>) -> Result<Response, WebError> {
    if visit.visitor.session.is_some() {
        return Ok(Redirect::to(&local_path(&query.next, "/console")).into_response());
    }
    let page = LogInPage {
        next: query.next,
        ..LogInPage::default()
    };
    visit.page("console/login.html", page)
}

pub async fn submit(visit: Visit, posted: Posted) -> Result<Response, WebError> {
    rate_limit::allow(&visit, "console", AT_THE_DOOR).await?;
    let as_question = door::wants_question(&posted);
    if posted.has("_renew") {
        return again(&visit, &posted, Vec::new(), StatusCode::OK, as_question).await;
    }
    let sent = ClerkLogIn {
        login: posted.get("login_id"),
        password: posted.get("password"),
        picture: door::picture_answer(&posted),
    };
    let (site, client) = (&visit.site.id, visit.client());
    match visit
        .state
        .staff
        .log_in(site, sent, client, visit.visitor.token())
        .await
    {
        Ok((begun, _)) => {
            let next = local_path(posted.get("_next"), "/console");
            let mut response = visit.go(&next, "");
            let https = visit.state.config().https;
            Cookie::Clerk.write(response.headers_mut(), https, begun.token.expose());
            Cookie::Visit.clear(response.headers_mut(), https);
            Ok(response)
        }
        Err(error) => {
            let problems = ProblemView::all(&door::refusal(error)?.problems);
            again(
                &visit,
                &posted,
                problems,
                StatusCode::UNPROCESSABLE_ENTITY,
                as_question,
            )
            .await
        }
    }
}

async fn again(
    visit: &Visit,
    posted: &Posted,
    problems: Vec<ProblemView>,
    status: StatusCode,
    as_question: bool,
) -> Result<Response, WebError> {
    let login = posted.get("login_id");
    let asked = visit
        .state
        .staff
        .needs_picture(&visit.site.id, login)
        .await?;
    let page = LogInPage {
        problems,
        login: login.to_owned(),
        picture: door::picture(visit, asked, as_question).await?,
        next: posted.get("_next").to_owned(),
    };
    visit.page_with(status, "console/login.html", page)
}

pub async fn log_out(visit: Visit) -> Result<Response, WebError> {
    if let Some(token) = visit.visitor.token() {
        visit.state.sessions.end(&visit.site.id, token).await?;
    }
    let mut response = visit.go("/console/login", "logged-out");
    Cookie::Clerk.clear(response.headers_mut(), visit.state.config().https);
    Ok(response)
}

pub async fn password(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.page(
        "console/password.html",
        PasswordPage {
            problems: Vec::new(),
        },
    )
}

pub async fn change_password(clerk: ClerkVisit, posted: Posted) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let changed = visit
        .state
        .staff
        .change_password(
            &visit.site.id,
            &clerk.session,
            posted.get("old_password"),
            posted.get("password"),
            posted.get("password_again"),
            visit.client(),
        )
        .await;
    match changed {
        Ok(()) => Ok(visit.go("/console", "password-changed")),
        Err(error) => {
            let problems = ProblemView::all(&door::refusal(error)?.problems);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            clerk.page_with(status, "console/password.html", PasswordPage { problems })
        }
    }
}
