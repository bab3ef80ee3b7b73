//! A courier in the manner of SF Express: the host registers a tracking number with an address for news, and is told when
//! the parcel moves. Requests and news are signed as in [`crate::signed`].
//!
//! | call | body | answer |
//! |---|---|---|
//! | `POST /courier/v1/tracks` | `{tracking_number, notify_url}` | `{tracking_number, state}` |
//! | `GET /courier/v1/tracks/{tracking_number}` | | `{tracking_number, state}` |
//! | `POST {notify_url}`, by the courier | `{tracking_number, state, at}` | `success` |
//!
//! `state` is `registered`, `collected`, `moving` or `delivered`.

use crate::misbehave::{self, Misbehaviour, Mode};
use crate::pages;
use crate::secrets::{COURIER_KEY_ID, Secrets, random_hex};
use crate::signed::{self, ANSWER, Nonces};
use axum::body::Bytes;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, RequestExt, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Waits before the repeats of news that was not acknowledged, in seconds.
const REPEATS: [u64; 4] = [1, 2, 4, 8];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Movement {
    Registered,
    Collected,
    Moving,
    Delivered,
}

/// One parcel.
#[derive(Clone, Debug, Serialize)]
pub struct Track {
    pub tracking_number: String,
    pub notify_url: String,
    pub state: Movement,
    /// True when the host has acknowledged the newest state.
    pub acknowledged: bool,
}

pub struct Courier {
    secrets: Secrets,
    nonces: Nonces,
    tracks: Mutex<BTreeMap<String, Track>>,
    client: reqwest::Client,
    pub misbehaviour: Arc<Misbehaviour>,
}

impl Courier {
    pub fn new(secrets: Secrets) -> anyhow::Result<Self> {
        Ok(Self {
            secrets,
            nonces: Nonces::default(),
            tracks: Mutex::default(),
            client: crate::loopback::client().build()?,
            misbehaviour: Arc::default(),
        })
    }

    pub fn tracks(&self) -> Vec<Track> {
        self.tracks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// Moves a parcel on and tells the host, in the background; false when there is no such one or it moves backwards.
    pub fn advance(self: &Arc<Self>, tracking_number: &str, state: Movement) -> bool {
        let track = {
            let mut tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(track) = tracks
                .get_mut(tracking_number)
                .filter(|track| track.state <= state)
            else {
                return false;
            };
            track.state = state;
            track.acknowledged = false;
            track.clone()
        };
        tokio::spawn(self.clone().tell(track));
        true
    }

    async fn tell(self: Arc<Self>, track: Track) {
        let turn = self.misbehaviour.turn();
        match turn.mode {
            Mode::Drop => return,
            Mode::Delay => tokio::time::sleep(turn.delay).await,
            Mode::Normal | Mode::Repeat | Mode::Forge | Mode::Error => {}
        }
        let forged = turn.mode == Mode::Forge;
        for _ in 0..if turn.mode == Mode::Repeat { 3 } else { 1 } {
            for wait in std::iter::once(0).chain(REPEATS) {
                tokio::time::sleep(Duration::from_secs(wait)).await;
                match self.notify(&track, forged).await {
                    Ok(true) => {
                        self.acknowledge(&track);
                        break;
                    }
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "the courier's news did not arrive"),
                }
                if forged {
                    return;
                }
            }
        }
    }

    fn acknowledge(&self, told: &Track) {
        let mut tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        let same = tracks
            .get_mut(&told.tracking_number)
            .filter(|track| track.state == told.state);
        if let Some(track) = same {
            track.acknowledged = true;
        }
    }

    /// One piece of news; forged, it is signed with a key that nobody shares.
    async fn notify(&self, track: &Track, forged: bool) -> anyhow::Result<bool> {
        let body = json!({
            "tracking_number": track.tracking_number, "state": track.state,
            "at": jiff::Timestamp::now().as_second(),
        })
        .to_string();
        let url: url::Url = track.notify_url.parse()?;
        let secret = if forged {
            random_hex::<16>()?
        } else {
            self.secrets.courier.clone()
        };
        let nonce = random_hex::<16>()?;
        let headers = signed::headers(
            COURIER_KEY_ID,
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

    fn refusal(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Response> {
        let key = (COURIER_KEY_ID, self.secrets.courier.as_str());
        let error =
            signed::verify(key, &self.nonces, headers, (method.as_str(), path), body).err()?;
        tracing::warn!(%error, "courier: a request was refused");
        Some(
            (
                StatusCode::UNAUTHORIZED,
                Json(json!({ "error": "unauthorised" })),
            )
                .into_response(),
        )
    }

    fn answer(&self, request: &HeaderMap, path: &str, track: &Track) -> Response {
        let body =
            json!({ "tracking_number": track.tracking_number, "state": track.state }).to_string();
        let nonce = request
            .get("x-nonce")
            .and_then(|nonce| nonce.to_str().ok())
            .unwrap_or_default();
        let headers = signed::headers(
            COURIER_KEY_ID,
            &self.secrets.courier,
            nonce,
            ANSWER,
            path,
            body.as_bytes(),
        );
        (headers, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

pub fn routes(courier: Arc<Courier>) -> Router {
    Router::new()
        .route("/courier/v1/tracks", post(register))
        .route("/courier/v1/tracks/{number}", get(track))
        .route("/courier", get(overview))
        .route("/control/courier", get(list))
        .route("/control/courier/move", post(moved))
        .with_state(courier.clone())
        .merge(misbehave::control(
            "courier",
            "/courier",
            courier.misbehaviour.clone(),
        ))
}

#[derive(Deserialize)]
struct Registration {
    tracking_number: String,
    notify_url: String,
}

async fn register(
    State(courier): State<Arc<Courier>>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(refused) = courier.refusal(&method, uri.path(), &headers, &body) {
        return refused;
    }
    if courier.misbehaviour.standing().0 == Mode::Error {
        courier.misbehaviour.turn();
        return (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(json!({ "error": "busy" })),
        )
            .into_response();
    }
    let registration = serde_json::from_slice::<Registration>(&body)
        .ok()
        .filter(|registration| {
            let number = &registration.tracking_number;
            // 8 to 32 letters and digits, as printed on a waybill.
            (8..=32).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && registration.notify_url.starts_with("http")
        });
    let Some(registration) = registration else {
        return (
            StatusCode::BAD_REQUEST,
            Json(json!({ "error": "malformed" })),
        )
            .into_response();
    };
    let track = {
        let mut tracks = courier
            .tracks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let new = Track {
            tracking_number: registration.tracking_number.clone(),
            notify_url: registration.notify_url,
            state: Movement::Registered,
            acknowledged: false,
        };
        tracks
            .entry(registration.tracking_number)
            .or_insert(new)
            .clone()
    };
    courier.answer(&headers, uri.path(), &track)
}

async fn track(
    State(courier): State<Arc<Courier>>,
    Path(number): Path<String>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    if let Some(refused) = courier.refusal(&method, uri.path(), &headers, b"") {
        return refused;
    }
    let track = courier
        .tracks
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&number)
        .cloned();
    match track {
        Some(track) => courier.answer(&headers, uri.path(), &track),
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": "unknown" }))).into_response(),
    }
}

async fn list(State(courier): State<Arc<Courier>>) -> Json<Vec<Track>> {
    Json(courier.tracks())
}

async fn overview(State(courier): State<Arc<Courier>>) -> Html<String> {
    let (mode, count) = courier.misbehaviour.standing();
    Html(pages::render(
        "courier.html",
        json!({ "rows": courier.tracks(), "mode": mode, "count": count }),
    ))
}

#[derive(Deserialize)]
struct Move {
    tracking_number: String,
    state: Movement,
}

/// `POST /control/courier/move` with `{tracking_number, state}`, JSON or form.
async fn moved(State(courier): State<Arc<Courier>>, request: Request) -> Response {
    let json = misbehave::is_json(&request);
    let order = if json {
        request
            .extract::<Json<Move>, _>()
            .await
            .map(|Json(order)| order)
            .ok()
    } else {
        request
            .extract::<Form<Move>, _>()
            .await
            .map(|Form(order)| order)
            .ok()
    };
    let moved = order.is_some_and(|order| courier.advance(&order.tracking_number, order.state));
    match (moved, json) {
        (true, true) => StatusCode::NO_CONTENT.into_response(),
        (true, false) => Redirect::to("/courier").into_response(),
        (false, _) => StatusCode::NOT_FOUND.into_response(),
    }
}
