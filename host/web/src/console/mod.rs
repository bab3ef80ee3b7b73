//! The clerks' console (manual row C-6): queues, one case on one page, and what the platform could not do by itself; for
//! the finance clerk orders and refunds, for administrators accounts, staff and content.
//!
//! Every handler asks for its role; what one may not do is not shown either.

mod accounts;
mod action;
mod case;
mod certificates;
mod content;
mod desk;
mod due;
mod files;
mod history;
mod invoices;
mod ledger;
mod letters;
mod log_in;
mod money;
mod orders;
mod payments;
mod plugins;
mod queue;
mod reasons;
mod reconciliation;
mod refunds;
mod staff;
mod statements;
mod sure;
mod visit;

pub use case::load as load_case;
pub use visit::ClerkVisit;

use crate::live;
use crate::state::AppState;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

/// Bytes of a form with an attached PDF of at most 5 MiB, and what stands around it.
const FORM_LIMIT: usize = 6 * 1024 * 1024;
/// Bytes of a form with a file for the site's downloads, and what stands around it.
const CONTENT_LIMIT: usize = 65 * 1024 * 1024;

pub fn routes() -> Router<AppState> {
    Router::new()
        .merge(cases())
        .merge(money_pages())
        .merge(system())
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
        .merge(content_pages().layer(DefaultBodyLimit::max(CONTENT_LIMIT)))
}

fn cases() -> Router<AppState> {
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
        .route("/console/cases/{id}/events", get(live::clerks_case))
        .route("/console/cases/{id}/claim", post(case::claim))
        .route("/console/cases/{id}/release", post(case::release))
        .route(
            "/console/cases/{id}/actions/{transition}",
            get(action::show).post(action::fire),
        )
        .route("/console/cases/{id}/judge", post(action::judge))
        .route("/console/cases/{id}/history", get(history::show))
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
        .route("/console/certificates", get(certificates::list))
        .route("/console/certificates/{serial}", get(certificates::show))
        .route(
            "/console/certificates/{serial}/file",
            get(certificates::download),
        )
        .route(
            "/console/certificates/{serial}/{turn}",
            get(certificates::ask_turn).post(certificates::turn),
        )
        .route("/console/letters", get(letters::messages))
        .route("/console/letters/{id}/resend", post(letters::resend))
}

/// For the finance clerk.
fn money_pages() -> Router<AppState> {
    Router::new()
        .route("/console/orders", get(orders::list))
        .route("/console/orders/{id}", get(orders::show))
        .route(
            "/console/orders/{id}/transfer",
            post(orders::transfer::verify),
        )
        .route(
            "/console/orders/{id}/refuse-slip",
            post(orders::transfer::refuse_slip),
        )
        .route(
            "/console/orders/{id}/cancel",
            get(orders::cancel::ask).post(orders::cancel::cancel),
        )
        .route("/console/orders/{id}/slips/{file}", get(orders::slip::view))
        .route(
            "/console/orders/{id}/slips/{file}/original",
            get(orders::slip::original),
        )
        .route(
            "/console/orders/{id}/invoice",
            get(invoices::ask_upload).post(invoices::upload),
        )
        .route("/console/payments", get(payments::odd))
        .route(
            "/console/payments/{id}/give-back",
            get(payments::ask_give_back).post(payments::give_back),
        )
        .route(
            "/console/payments/{id}/assign",
            get(payments::ask_assign).post(payments::assign),
        )
        .route("/console/refunds", get(refunds::list))
        .route("/console/refunds/{id}/retry", post(refunds::retry))
        .route("/console/refunds/{id}/finish", post(refunds::finish))
        .route("/console/invoices", get(invoices::list))
        .route("/console/invoices/{id}/file", get(invoices::file))
        .route("/console/invoices/{id}/retry", post(invoices::retry))
        .route(
            "/console/invoices/{id}/void",
            get(invoices::ask_void).post(invoices::void),
        )
        .merge(book_pages())
}

/// For the finance clerk: what the bank and the gateways say, and the books.
fn book_pages() -> Router<AppState> {
    Router::new()
        .route(
            "/console/statements",
            get(statements::list).post(statements::import),
        )
        .route("/console/statements/sample.csv", get(statements::sample))
        .route("/console/statements/{id}", get(statements::show))
        .route(
            "/console/statements/{id}/confirm-all",
            get(statements::ask_all).post(statements::confirm_all),
        )
        .route(
            "/console/statements/{id}/lines/{line}/confirm",
            post(statements::confirm),
        )
        .route(
            "/console/statements/{id}/lines/{line}/order",
            get(statements::choose),
        )
        .route(
            "/console/statements/{id}/lines/{line}/ignore",
            get(statements::ask_ignore).post(statements::ignore),
        )
        .route(
            "/console/statements/{id}/lines/{line}/restore",
            post(statements::restore),
        )
        .route(
            "/console/reconciliation",
            get(reconciliation::list).post(reconciliation::run),
        )
        .route("/console/reconciliation/{id}", get(reconciliation::show))
        .route(
            "/console/reconciliation/differences/{id}/settle",
            post(reconciliation::settle),
        )
        .route(
            "/console/reconciliation/differences/{id}/reopen",
            post(reconciliation::reopen),
        )
        .route("/console/ledger", get(ledger::show))
        .route("/console/ledger/postings.csv", get(ledger::export))
}

/// For administrators.
fn system() -> Router<AppState> {
    Router::new()
        .route("/console/accounts", get(accounts::list))
        .route("/console/accounts/{id}", get(accounts::show))
        .route(
            "/console/accounts/{id}/edit",
            get(accounts::edit).post(accounts::save),
        )
        .route("/console/accounts/{id}/state", post(accounts::set_state))
        .route("/console/staff", get(staff::list))
        .route("/console/staff/new", get(staff::new).post(staff::create))
        .route("/console/staff/{id}", get(staff::show).post(staff::update))
        .route("/console/staff/{id}/password", post(staff::reset_password))
        .route("/console/plugins", get(plugins::list))
        .route("/console/jobs", get(letters::jobs))
        .route("/console/jobs/{id}/revive", post(letters::revive))
}

/// For administrators. A page that is to be made has an address beside the pages', not among their names.
fn content_pages() -> Router<AppState> {
    use content::{downloads, notices, pages};
    Router::new()
        .route("/console/content", get(content::home))
        .route("/console/content/pages", get(pages::list))
        .route(
            "/console/content/new-page",
            get(pages::new).post(pages::create),
        )
        .route(
            "/console/content/pages/{slug}",
            get(pages::show).post(pages::save),
        )
        .route(
            "/console/content/pages/{slug}/versions",
            get(pages::versions),
        )
        .route(
            "/console/content/pages/{slug}/restore",
            post(pages::restore),
        )
        .route("/console/content/notices", get(notices::list))
        .route(
            "/console/content/new-notice",
            get(notices::new).post(notices::create),
        )
        .route(
            "/console/content/notices/{id}",
            get(notices::show).post(notices::save),
        )
        .route(
            "/console/content/notices/{id}/delete",
            post(notices::remove),
        )
        .route("/console/content/downloads", get(downloads::list))
        .route(
            "/console/content/new-download",
            get(downloads::new).post(downloads::create),
        )
        .route(
            "/console/content/downloads/{id}",
            get(downloads::show).post(downloads::save),
        )
        .route(
            "/console/content/downloads/{id}/delete",
            post(downloads::remove),
        )
}
