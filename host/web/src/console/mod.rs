//! The clerks' console (manual row C-6): queues, one case on one page, and what the platform could not do by itself.

mod action;
mod case;
mod desk;
mod files;
mod letters;
mod log_in;
mod queue;
mod reasons;
mod visit;

pub use visit::ClerkVisit;

use crate::state::AppState;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

/// Bytes of a form with an attached PDF of at most 5 MiB, and what stands around it.
const FORM_LIMIT: usize = 6 * 1024 * 1024;

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/console", get(desk::show))
        .route("/console/login", get(log_in::show).post(log_in::submit))
        .route("/console/logout", post(log_in::log_out))
        .route(
            "/console/password",
            get(log_in::password).post(log_in::change_password),
        )
        .route("/console/queues/{role}", get(queue::show))
        .route("/console/queues/{role}/next", post(queue::next))
        .route("/console/search", get(queue::search))
        .route("/console/cases/{id}", get(case::show))
        .route("/console/cases/{id}/claim", post(case::claim))
        .route("/console/cases/{id}/release", post(case::release))
        .route(
            "/console/cases/{id}/actions/{transition}",
            get(action::show).post(action::fire),
        )
        .route("/console/cases/{id}/judge", post(action::judge))
        .route("/console/cases/{id}/files/{file}", get(files::view))
        .route(
            "/console/cases/{id}/files/{file}/thumbnail",
            get(files::thumbnail),
        )
        .route(
            "/console/cases/{id}/files/{file}/original",
            get(files::original),
        )
        .route(
            "/console/cases/{id}/papers/{document}/pdf",
            get(files::paper),
        )
        .route(
            "/console/cases/{id}/certificates/{serial}",
            get(files::certificate),
        )
        .route("/console/letters", get(letters::messages))
        .route("/console/letters/{id}/resend", post(letters::resend))
        .route("/console/jobs", get(letters::jobs))
        .route("/console/jobs/{id}/revive", post(letters::revive))
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
}
