//! The applicant's pages, and those that anybody may read.

mod account;
mod authority;
mod case;
mod cases;
pub(crate) mod certificates;
mod content;
pub(crate) mod door;
mod files;
mod from_certificate;
mod home;
mod log_in;
mod materials;
mod orders;
mod papers;
mod phone;
mod recovery;
mod register;
mod service;
mod step;
mod tasks;
mod transition;

use crate::live;
use crate::state::AppState;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

/// Bytes of a request with a file: the largest material of any manual (20 MB, manual row X-4) and its form around it.
const UPLOAD_LIMIT: usize = 22 * 1024 * 1024;

pub(crate) use case::common_name;
pub use case::load as load_case;
pub(crate) use files::{attached, attachment, download_of, framed, inline};
pub(crate) use orders::own as own_order;
pub(crate) use register::Next;
#[cfg(test)]
pub(crate) use tasks::AnswerRow;
pub(crate) use tasks::{Answers, answers, tone_name};

pub fn routes() -> Router<AppState> {
    Router::new()
        .merge(open())
        .merge(account_pages())
        .merge(certificate_pages())
        .merge(case_pages())
}

/// Pages for everybody.
fn open() -> Router<AppState> {
    Router::new()
        .route("/", get(home::show))
        .route("/services", get(home::services))
        .route(
            "/services/{plugin}/{service}",
            get(service::show).post(service::start),
        )
        .route("/help", get(content::help))
        .route("/pages/{slug}", get(content::page))
        .route("/notices", get(content::notices))
        .route("/notices/{id}", get(content::notice))
        .route("/downloads", get(content::downloads))
        .route("/downloads/{id}", get(content::download))
        .route("/crl", get(authority::revocation_list))
        .route("/issuers.pem", get(authority::issuers))
        .route("/p/{token}", get(phone::show).post(phone::start))
        .route("/p/{token}/events", get(live::identity))
}

fn account_pages() -> Router<AppState> {
    Router::new()
        .route("/register", get(register::show).post(register::submit))
        .route("/register/code", post(register::send_code))
        .route("/login", get(log_in::show).post(log_in::submit))
        .route("/login/code", post(log_in::send_code))
        .route("/logout", post(log_in::log_out))
        .route("/recover", get(recovery::show).post(recovery::submit))
        .route("/recover/code", post(recovery::send_code))
        .route("/picture-code", post(door::new_picture))
        .route("/profile", get(account::profile::show))
        .route(
            "/profile/edit",
            get(account::profile::edit).post(account::profile::save),
        )
        .route("/profile/edit/code", post(account::profile::send_code))
        .route(
            "/profile/password",
            get(account::password::show).post(account::password::change),
        )
        .route(
            "/profile/sessions",
            get(account::sessions::list).post(account::sessions::end),
        )
}

fn certificate_pages() -> Router<AppState> {
    Router::new()
        .route("/certificates", get(certificates::list))
        .route(
            "/certificates/bind",
            get(certificates::ask_bind).post(certificates::bind),
        )
        .route("/certificates/{serial}", get(certificates::show))
        .route("/certificates/{serial}/file", get(certificates::download))
        .route("/certificates/{serial}/unbind", post(certificates::unbind))
        .route(
            "/services/{plugin}/{service}/new",
            get(from_certificate::choose).post(from_certificate::start),
        )
        // More than a certificate has: a wrong file is read to its end, so that the page can say what is wrong with it.
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT))
}

fn case_pages() -> Router<AppState> {
    Router::new()
        .route("/cases", get(cases::list))
        .route("/cases/{id}", get(case::show))
        .route("/cases/{id}/events", get(live::case))
        .route("/cases/{id}/steps/{step}", get(step::show).post(step::save))
        .route(
            "/cases/{id}/materials/{material}/{place}",
            post(materials::upload),
        )
        .route(
            "/cases/{id}/materials/{material}/{place}/remove",
            post(materials::remove),
        )
        .route("/cases/{id}/files/{file}", get(files::view))
        .route("/cases/{id}/files/{file}/thumbnail", get(files::thumbnail))
        .route("/cases/{id}/certificates/{serial}", get(files::certificate))
        .route("/cases/{id}/papers/{document}", get(papers::page))
        .route("/cases/{id}/papers/{document}/pdf", get(papers::pdf))
        .route(
            "/cases/{id}/actions/{transition}",
            get(transition::show).post(transition::fire),
        )
        .route(
            "/cases/{id}/delete",
            get(case::ask_delete).post(case::delete),
        )
        .route("/cases/{id}/pay", get(orders::of_case))
        .merge(orders::routes())
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT))
}
