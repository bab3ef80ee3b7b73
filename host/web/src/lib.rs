//! Every page and every answer over HTTP: applicants' pages, what gateways and machines send, and what stands around them.
//!
//! A handler is thin: it asks the engine or a service, makes a view struct that stands beside it, and renders a template.
//! A page is found by its address: `/orders/{id}/pay` is `applicant::orders::pay`. No rule is called to show a page.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod applicant;
pub mod assets;
pub mod console;
pub mod cookies;
pub mod error;
pub mod forms;
pub mod frame;
pub mod health;
pub mod kept;
pub mod live;
pub mod markdown;
pub mod notify;
pub mod page;
pub mod security;
pub mod session;
pub mod site;
pub mod state;
pub mod templates;
pub mod texts;

pub use site::{Brand, Domain, Site, Sites, TransferAccount};
pub use state::{AppState, Config, Parts};
pub use texts::Texts;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower_http::compression::CompressionLayer;

/// All routes. The server binds it with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(state: AppState) -> Router {
    let visitors = applicant::routes()
        .merge(console::routes())
        .layer(from_fn_with_state(state.clone(), session::recognise));
    Router::new()
        .merge(visitors)
        .merge(notify::routes())
        .merge(health::routes())
        .route("/assets/{file}", get(assets::embedded))
        .route("/brand/{file}", get(assets::of_site))
        .fallback(security::failures::unknown_path)
        .layer((
            CompressionLayer::new(),
            from_fn_with_state(state.clone(), frame::around),
        ))
        .with_state(state)
}
