//! A face check provider. The host opens a session for a name and an identity number, sends the person's phone to the
//! session's page, and is told the result; it may also ask. Requests, answers and notifications are signed as in
//! [`crate::signed`].
//!
//! | call | body | answer |
//! |---|---|---|
//! | `POST /face/v1/sessions` | `{name, id_number, reference, return_url, notify_url}` | `{session, page_url}` |
//! | `GET /face/v1/sessions/{session}` | | `{session, reference, result}` |
//! | `POST {notify_url}`, by the provider | `{session, reference, result}` | `success` |
//!
//! `result` is `open`, `passed`, `failed` or `closed`; only `passed` and `failed` are notified.

use crate::misbehave::{self, Misbehaviour, Mode};
use crate::pages;
use crate::secrets::{FACE_KEY_ID, Secrets, random_hex};
use crate::signed::{self, ANSWER, Nonces};
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Waits before the repeats of a notification that was not acknowledged, in seconds.
const REPEATS: [u64; 4] = [1, 2, 4, 8];

/// How long the phone waits for the host to take the notification before it goes back, as the real one does.
const PATIENCE: Duration = Duration::from_secs(2);

/// One face check.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    pub session: String,
    pub reference: String,
    pub name: String,
    #[serde(skip)]
    id_number: String,
    pub return_url: String,
    pub notify_url: String,
    pub result: Outcome,
    /// True when the host has acknowledged the notification.
    pub acknowledged: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Open,
    Passed,
    Failed,
    Closed,
}

pub struct Face {
    secrets: Secrets,
    nonces: Nonces,
    sessions: Mutex<BTreeMap<String, Session>>,
    client: reqwest::Client,
    pub misbehaviour: Arc<Misbehaviour>,
}

impl Face {
    pub fn new(secrets: Secrets) -> anyhow::Result<Self> {
        Ok(Self {
            secrets,
            nonces: Nonces::default(),
            sessions: Mutex::default(),
            client: crate::loopback::client().build()?,
            misbehaviour: Arc::default(),
        })
    }

    pub fn sessions(&self) -> Vec<Session> {
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    fn session(&self, id: &str) -> Option<Session> {
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// Sets the result of an open session; none when there is no such one.
    fn settle(&self, id: &str, result: Outcome) -> Option<Session> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions
            .get_mut(id)
            .filter(|session| session.result == Outcome::Open)?;
        session.result = result;
        Some(session.clone())
    }

    fn acknowledge(&self, id: &str) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get_mut(id) {
            session.acknowledged = true;
        }
    }

    fn signed_answer(
        &self,
        request: &HeaderMap,
        path: &str,
        value: &serde_json::Value,
    ) -> Response {
        let body = value.to_string();
        let nonce = request
            .get("x-nonce")
            .and_then(|nonce| nonce.to_str().ok())
            .unwrap_or_default();
        let headers = signed::headers(
            FACE_KEY_ID,
            &self.secrets.face,
            nonce,
            ANSWER,
            path,
            body.as_bytes(),
        );
        (headers, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }

    /// Presses a button of the phone's page, for tests without a browser: settles the session and tells the host.
    pub async fn press(self: &Arc<Self>, session: &str, result: Outcome) -> bool {
        let Some(session) = self.settle(session, result) else {
            return false;
        };
        if matches!(result, Outcome::Passed | Outcome::Failed) {
            let told = tokio::spawn(self.clone().tell(session));
            // The phone does not wait for ever; the telling goes on without it.
            let _late = tokio::time::timeout(PATIENCE, told).await;
        }
        true
    }

    /// Notifies the host, as the temper says.
    async fn tell(self: Arc<Self>, session: Session) {
        let turn = self.misbehaviour.turn();
        match turn.mode {
            Mode::Drop => return,
            Mode::Delay => tokio::time::sleep(turn.delay).await,
            Mode::Normal | Mode::Repeat | Mode::Forge | Mode::Error => {}
        }
        let forged = turn.mode == Mode::Forge;
        let rounds = if turn.mode == Mode::Repeat { 3 } else { 1 };
        for _ in 0..rounds {
            self.tell_until_heard(&session, forged).await;
        }
    }

    async fn tell_until_heard(&self, session: &Session, forged: bool) {
        for wait in std::iter::once(0).chain(REPEATS) {
            tokio::time::sleep(Duration::from_secs(wait)).await;
            match self.notify(session, forged).await {
                Ok(true) => return self.acknowledge(&session.session),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "the face check's notification did not arrive")
                }
            }
            if forged {
                return;
            }
        }
    }

    /// One notification; true when it was acknowledged. A forged one is signed with a key that nobody shares and says
    /// that the person passed.
    async fn notify(&self, session: &Session, forged: bool) -> anyhow::Result<bool> {
        let result = if forged {
            Outcome::Passed
        } else {
            session.result
        };
        let body =
            json!({ "session": session.session, "reference": session.reference, "result": result })
                .to_string();
        let url: url::Url = session.notify_url.parse()?;
        let secret = if forged {
            random_hex::<16>()?
        } else {
            self.secrets.face.clone()
        };
        let nonce = random_hex::<16>()?;
        let headers = signed::headers(
            FACE_KEY_ID,
            &secret,
            &nonce,
            "POST",
            url.path(),
            body.as_bytes(),
        );
        let request = self
            .client
            .post(url)
            .headers(headers)
            .header(header::CONTENT_TYPE, "application/json");
        let response = request
            .body(body)
            .timeout(Duration::from_secs(5))
            .send()
            .await?;
        Ok(response.status().is_success() && response.text().await?.trim() == "success")
    }
}

pub fn routes(face: Arc<Face>) -> Router {
    Router::new()
        .route("/face/v1/sessions", post(open))
        .route("/face/v1/sessions/{session}", get(result))
        .route("/face/s/{session}", get(phone).post(pressed))
        .route("/face", get(overview))
        .route("/control/face", get(list))
        .with_state(face.clone())
        .merge(misbehave::control(
            "face",
            "/face",
            face.misbehaviour.clone(),
        ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opening {
    name: String,
    id_number: String,
    reference: String,
    return_url: String,
    notify_url: String,
}

async fn open(
    State(face): State<Arc<Face>>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refused) = refusal(&face, &method, uri.path(), &headers, &body) {
        return refused;
    }
    let turn = face.misbehaviour.standing();
    if turn.0 == Mode::Error {
        face.misbehaviour.turn();
        return problem(StatusCode::SERVICE_UNAVAILABLE, "busy");
    }
    let Ok(opening) = serde_json::from_slice::<Opening>(&body) else {
        return problem(StatusCode::BAD_REQUEST, "malformed");
    };
    let urls = [&opening.return_url, &opening.notify_url];
    let known_urls = urls
        .iter()
        .all(|url| url.starts_with("http://") || url.starts_with("https://"));
    if opening.name.trim().is_empty() || !has_check_digit(&opening.id_number) || !known_urls {
        return problem(StatusCode::BAD_REQUEST, "invalid-person");
    }
    let Ok(id) = random_hex::<16>() else {
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "random");
    };
    let session = Session {
        session: id.clone(),
        reference: opening.reference,
        name: opening.name,
        id_number: opening.id_number,
        return_url: opening.return_url,
        notify_url: opening.notify_url,
        result: Outcome::Open,
        acknowledged: false,
    };
    face.sessions
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id.clone(), session);
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1");
    let answer = json!({ "session": id, "page_url": format!("http://{host}/face/s/{id}") });
    face.signed_answer(&headers, uri.path(), &answer)
}

async fn result(
    State(face): State<Arc<Face>>,
    Path(id): Path<String>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = refusal(&face, &method, uri.path(), &headers, b"") {
        return refused;
    }
    match face.session(&id) {
        None => problem(StatusCode::NOT_FOUND, "no-such-session"),
        Some(session) => {
            let answer = json!({
                "session": session.session, "reference": session.reference, "result": session.result,
            });
            face.signed_answer(&headers, uri.path(), &answer)
        }
    }
}

fn refusal(
    face: &Face,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<Response> {
    let key = (FACE_KEY_ID, face.secrets.face.as_str());
    let verified = signed::verify(key, &face.nonces, headers, (method.as_str(), path), body);
    let error = verified.err()?;
    tracing::warn!(%error, "face check: a request was refused");
    Some(problem(StatusCode::UNAUTHORIZED, "unauthorised"))
}

fn problem(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "error": code }))).into_response()
}

/// GB 11643: 18 characters, the last one checks the others.
fn has_check_digit(number: &str) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let mut characters = number.chars();
    let digits: Option<Vec<u32>> = characters
        .by_ref()
        .take(17)
        .map(|c| c.to_digit(10))
        .collect();
    let Some(digits) = digits.filter(|digits| digits.len() == 17) else {
        return false;
    };
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    let expected = "10X98765432".chars().nth((sum % 11) as usize);
    characters.next().map(|c| c.to_ascii_uppercase()) == expected && characters.next().is_none()
}

async fn list(State(face): State<Arc<Face>>) -> Json<Vec<Session>> {
    Json(face.sessions())
}

async fn overview(State(face): State<Arc<Face>>) -> Html<String> {
    let (mode, count) = face.misbehaviour.standing();
    let mut rows = face.sessions();
    rows.reverse();
    Html(pages::render(
        "face.html",
        json!({ "rows": rows, "mode": mode, "count": count }),
    ))
}

async fn phone(State(face): State<Arc<Face>>, Path(id): Path<String>) -> Response {
    let Some(session) = face.session(&id) else {
        return (
            StatusCode::NOT_FOUND,
            Html(pages::render("face-gone.html", ())),
        )
            .into_response();
    };
    let name = masked(&session.name, 1, 0);
    let number = masked(&session.id_number, 4, 2);
    let view = json!({ "id": id, "name": name, "number": number, "result": session.result, "back": session.return_url });
    Html(pages::render("face-phone.html", view)).into_response()
}

/// The text with only its first and last characters legible.
fn masked(text: &str, first: usize, last: usize) -> String {
    let length = text.chars().count();
    let shown = |at: usize| at < first || at + last >= length;
    text.chars()
        .enumerate()
        .map(|(at, c)| if shown(at) { c } else { '*' })
        .collect()
}

#[derive(Deserialize)]
struct Pressed {
    result: Outcome,
}

async fn pressed(
    State(face): State<Arc<Face>>,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Response {
    let Some(session) = face.session(&id) else {
        return (
            StatusCode::NOT_FOUND,
            Html(pages::render("face-gone.html", ())),
        )
            .into_response();
    };
    if pressed.result != Outcome::Open {
        face.press(&id, pressed.result).await;
    }
    Redirect::to(&session.return_url).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_check_digit_is_no_identity_number() {
        assert!(has_check_digit("11010519491231002X"));
        assert!(!has_check_digit("110105194912310021"));
        assert!(!has_check_digit("11010519491231002X9"));
        assert_eq!(masked("张三丰", 1, 0), "张**");
    }
}
