//! What machines send: gateways' notifications and face check results, verified by their services over the raw bytes.
//! No visitor, no token; the signature is the sender's right to speak.

use crate::error::WebError;
use crate::state::AppState;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, OriginalUri, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use yinxin_core::ids::SiteId;
use yinxin_core::money::Method;
use yinxin_services::identity::{FaceError, IdentityError, Notification};
use yinxin_services::payments::{Acknowledgement, PaymentError};

/// Bytes of a notification: those of all providers are below 10 KiB.
const BODY_LIMIT: usize = 64 * 1024;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/notify/face/{site}", post(face))
        .route("/notify/{gateway}/{site}", post(payment))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

async fn payment(
    State(state): State<AppState>,
    Path((gateway, site)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let site = site_id(&state, &site)?;
    let method = match gateway.as_str() {
        "wechat" => Method::Wechat,
        "alipay" => Method::Alipay,
        "cpcn" => Method::Cpcn,
        _ => return Err(WebError::NotFound),
    };
    let answer = match state
        .payments
        .receive_notification(&site, method, &headers, &body)
        .await
    {
        Ok(acknowledgement) => acknowledgement,
        Err(PaymentError::Forged(_)) => Acknowledgement::forged(method),
        Err(PaymentError::NoMethod(_)) => return Err(WebError::NotFound),
        Err(error) => return Err(error.into()),
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok((status, [(CONTENT_TYPE, answer.content_type)], answer.body).into_response())
}

async fn face(
    State(state): State<AppState>,
    Path(site): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, WebError> {
    let site = site_id(&state, &site)?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let notification = Notification {
        path,
        headers: &headers,
        body: &body,
    };
    match state.identity.notified(&site, &notification).await {
        Ok(_) => Ok("success".into_response()),
        Err(IdentityError::Provider(FaceError::Forged)) => {
            Ok(StatusCode::UNAUTHORIZED.into_response())
        }
        Err(IdentityError::Unconfigured) => Err(WebError::NotFound),
        Err(error) => Err(error.into()),
    }
}

fn site_id(state: &AppState, name: &str) -> Result<SiteId, WebError> {
    let site = state.sites().get(name).ok_or(WebError::NotFound)?;
    Ok(site.id.clone())
}
