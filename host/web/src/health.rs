//! For load balancers: does the process live, and can it work.

use crate::security::failures::ForMachines;
use crate::state::AppState;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use http::StatusCode;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
}

/// The process answers; says nothing about what it needs.
async fn alive() -> &'static str {
    "ok"
}

/// The database answers, files can be written, and the process is not about to end; else the word for what is missing.
async fn ready(State(state): State<AppState>) -> impl IntoResponse {
    let missing = if state.shutdown.is_cancelled() {
        "shutting down"
    } else if !state.store.is_ready().await {
        "database"
    } else if !state.uploads.is_ready().await {
        "disk"
    } else {
        return (StatusCode::OK, Extension(ForMachines), "ready");
    };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        Extension(ForMachines),
        missing,
    )
}
