//! What the pages for registering, logging in and recovering share: the policy, picture codes, answers to the script.

use crate::cookies::Cookie;
use crate::error::WebError;
use crate::page::Visit;
use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use yinxin_core::definition::{AccountPolicy, Form};
use yinxin_core::rules::Problem;
use yinxin_core::shared::Shared;
use yinxin_services::accounts::{AccountError, Begun, PictureAnswer, Refusal, Sent};

use crate::forms::Posted;

/// Who may come in, and what they are asked.
pub struct Door {
    pub policy: AccountPolicy,
    pub registration: Shared<Form>,
    pub profile: Shared<Form>,
}

impl Door {
    pub fn of(visit: &Visit) -> Result<Self, WebError> {
        let (policy, registration, profile) = visit
            .state
            .engine
            .account_policy(&visit.site.id)
            .ok_or_else(|| WebError::Unavailable("no account policy is active".to_owned()))?;
        Ok(Self {
            policy,
            registration,
            profile,
        })
    }
}

/// A picture code on a page: a picture, or a sum in words.
#[derive(Clone, Debug, Serialize)]
pub struct PictureView {
    pub id: String,
    /// The picture as a data address, or empty.
    pub src: String,
    /// The sum, or empty.
    pub question: String,
}

/// A new picture code where one is asked for; one answer, one code.
pub async fn picture(
    visit: &Visit,
    asked: bool,
    as_question: bool,
) -> Result<Option<PictureView>, WebError> {
    if !asked {
        return Ok(None);
    }
    let (pictures, site, client) = (
        visit.state.accounts.pictures(),
        &visit.site.id,
        visit.client(),
    );
    if as_question {
        match pictures.question(site, client).await {
            Ok(question) => {
                return Ok(Some(PictureView {
                    id: question.id,
                    src: String::new(),
                    question: question.text,
                }));
            }
            // Sums are few for one address; what was typed is not lost over it, there is a picture instead.
            Err(AccountError::Refused(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let picture = pictures.picture(site, client).await?;
    Ok(Some(PictureView {
        id: picture.id,
        src: format!("data:image/png;base64,{}", STANDARD.encode(picture.png)),
        question: String::new(),
    }))
}

/// `POST /picture-code`: another picture, for the script.
pub async fn new_picture(visit: Visit) -> Result<Response, WebError> {
    Ok(Json(picture(&visit, true, false).await?).into_response())
}

/// What was answered to the page's picture code.
pub fn picture_answer(posted: &Posted) -> Option<PictureAnswer> {
    posted.has("_picture").then(|| PictureAnswer {
        id: posted.get("_picture").to_owned(),
        answer: posted.get("picture_code").to_owned(),
    })
}

/// True for a page that showed a sum instead of a picture, or that is asked for one.
pub fn wants_question(posted: &Posted) -> bool {
    match posted.get("_renew") {
        "" => posted.has("_as_question"),
        wanted => wanted == "question",
    }
}

pub fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.starts_with("application/json"))
}

/// What came of asking for an SMS code.
pub enum Sending {
    Done(Sent),
    Refused(Refusal),
}

/// Separates what the person has to mend from what is our own failure.
pub fn sending(result: Result<Sent, AccountError>) -> Result<Sending, WebError> {
    match result {
        Ok(sent) => Ok(Sending::Done(sent)),
        Err(AccountError::Refused(refusal)) => Ok(Sending::Refused(refusal)),
        Err(error) => Err(error.into()),
    }
}

#[derive(Serialize)]
struct SendingAnswer<'a> {
    sentence: &'a str,
    /// Seconds until another code may be asked for.
    wait: i64,
    /// Id of the element that has to be mended, or empty.
    field: String,
    /// The old one has been answered.
    picture: Option<PictureView>,
}

/// The answer to the script that asked for an SMS code.
pub fn sending_json(sending: &Sending, said: &str, picture: Option<PictureView>) -> Response {
    let (status, answer) = match sending {
        Sending::Done(sent) => {
            let answer = SendingAnswer {
                sentence: said,
                wait: sent.again_in_seconds,
                field: String::new(),
                picture,
            };
            (StatusCode::OK, answer)
        }
        Sending::Refused(refusal) => {
            let first = refusal.problems.first();
            let field = first.and_then(|problem| problem.item.as_deref());
            let answer = SendingAnswer {
                sentence: first.map_or("", |problem| &problem.message),
                wait: 0,
                field: field.map(crate::forms::element_id).unwrap_or_default(),
                picture,
            };
            (StatusCode::UNPROCESSABLE_ENTITY, answer)
        }
    };
    (status, Json(answer)).into_response()
}

/// Logged in: on to where the person wanted to go, with the new session's cookie.
pub fn let_in(visit: &Visit, begun: &Begun, next: &str, flash: &str) -> Response {
    let mut response = visit.go(next, flash);
    let https = visit.state.config().https;
    Cookie::Applicant.write(response.headers_mut(), https, begun.token.expose());
    Cookie::Visit.clear(response.headers_mut(), https);
    response
}

/// The refusal's problems, or our own failure.
pub fn refusal(error: AccountError) -> Result<Refusal, WebError> {
    match error {
        AccountError::Refused(refusal) => Ok(refusal),
        other => Err(other.into()),
    }
}

/// Names of the host's own inputs among the problems.
pub fn own_names(problems: &[Problem]) -> Vec<&str> {
    problems
        .iter()
        .filter_map(|problem| problem.item.as_deref())
        .collect()
}
