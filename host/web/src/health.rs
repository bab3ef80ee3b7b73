//! For load balancers: does the process live, and can it work.

use crate::state::AppState;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
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

/// The database answers and the process is not about to end.
async fn ready(State(state): State<AppState>) -> (StatusCode, &'static str) {
    if state.shutdown.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "shutting down");
    }
    match state.store.read().await {
        Ok(_) => (StatusCode::OK, "ready"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "database"),
    }
}
