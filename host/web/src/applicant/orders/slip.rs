//! `/orders/{id}/slip`: the proof of a bank transfer, uploaded now or later, and again when it was sent back
//! (manual row F-9).

use super::history::refusal;
use super::{Possible, own, pay};
use crate::applicant::{attachment, inline};
use crate::error::WebError;
use crate::forms::{Picked, Upload};
use crate::page::{Applicant, Visit};
use crate::security::rate_limit::{self, UPLOADS};
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use yinxin_core::ids::FileId;
use yinxin_engine::views::Download;
use yinxin_services::payments::{By, OrderEvent, OrderView, PaymentError};
use yinxin_services::uploads::{self, ORDER_FILE_BYTES, SLIP_FORMATS, UploadError};
use yinxin_store::StoreError;
use yinxin_store::files::Owner;

/// Header by which our script asks for the item alone, and by which the answer says that it is one.
const PART: &str = "x-part";
/// As SLIP_FORMATS, for browsers.
const ENDINGS: &str = "jpg jpeg png bmp pdf";
const ACCEPT: &str = ".jpg,.jpeg,.png,.bmp,.pdf";
const MEBIBYTE: u64 = 1 << 20;

/// The item on the payment's page; the template `applicant/orders/slip.html` shows it alone too.
#[derive(Clone, Debug, Serialize)]
pub struct SlipView {
    pub path: String,
    pub open: bool,
    pub file: Option<SlipFile>,
    /// Why the last one was sent back, or empty.
    pub refused: String,
    pub error: String,
    /// It was just uploaded: said to a screen reader.
    pub fresh: bool,
    pub accept: &'static str,
    pub endings: &'static str,
    pub max_bytes: u64,
    /// Limit in MB.
    pub limit: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct SlipFile {
    pub name: String,
    pub size: u64,
    pub is_picture: bool,
    pub at: String,
    /// Tells one upload's picture from the next one's.
    pub version: String,
}

#[derive(Serialize)]
struct Part {
    item: SlipView,
}

/// What the last upload came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct News<'a> {
    pub refused: &'a str,
    pub kept: bool,
}

pub async fn item(
    visit: &Visit,
    order: &OrderView,
    events: &[OrderEvent],
    news: News<'_>,
) -> Result<SlipView, WebError> {
    let file = match order.slip.as_str() {
        "" => None,
        id => {
            let id = FileId::from_stored(id);
            visit.state.uploads.find(&visit.site.id, &id).await?
        }
    };
    Ok(SlipView {
        path: format!("/orders/{}/slip", order.id),
        open: Possible::of(visit, order, false).slip,
        refused: if file.is_none() {
            refusal(events)
        } else {
            String::new()
        },
        file: file.map(|file| SlipFile {
            version: file.id.to_string(),
            name: file.name,
            size: file.size,
            is_picture: file.is_picture,
            at: file.created_at.minute(),
        }),
        error: news.refused.to_owned(),
        fresh: news.kept,
        accept: ACCEPT,
        endings: ENDINGS,
        max_bytes: ORDER_FILE_BYTES,
        limit: ORDER_FILE_BYTES / MEBIBYTE,
    })
}

pub async fn upload(
    applicant: Applicant,
    Path(id): Path<String>,
    headers: HeaderMap,
    upload: Upload,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    rate_limit::allow(visit, "upload", UPLOADS).await?;
    let order = own(&applicant, &id).await?;
    // Read first, so that the browser listens to the answer.
    let picked = upload.file(ORDER_FILE_BYTES).await?;
    if !Possible::of(visit, &order, false).slip {
        return Err(WebError::Stale);
    }
    let limit = format!("{} MB", ORDER_FILE_BYTES / MEBIBYTE);
    let refused = match picked {
        Picked::Nothing => visit.text("materials.nothing").to_owned(),
        Picked::TooLarge => crate::texts::fill(visit.text("materials.over"), &[("size", &limit)]),
        Picked::File { name, bytes } => {
            let upload = uploads::Upload {
                name,
                bytes: bytes.into(),
                by: applicant.account.to_string(),
            };
            keep(&applicant, &order, upload).await?
        }
    };
    answer(&applicant, &id, &headers, &refused).await
}

/// Keeps the file as the order's slip; a sentence when it is none.
async fn keep(
    applicant: &Applicant,
    order: &OrderView,
    upload: uploads::Upload,
) -> Result<String, WebError> {
    let visit = &applicant.visit;
    let (site, state) = (&visit.site.id, &visit.state);
    let title = visit.text("transfer.slip");
    let taken = state
        .uploads
        .take_of_order(site, &order.id, title, &SLIP_FORMATS, upload)
        .await;
    let taken = match taken {
        Ok(taken) => taken,
        Err(UploadError::Refused(problem)) => return Ok(problem.to_string()),
        Err(UploadError::Store(error)) => return Err(error.into()),
        Err(error @ UploadError::Stopped) => return Err(WebError::Unavailable(error.to_string())),
    };
    let by = By::applicant(&applicant.account);
    let mut tx = state.store.begin().await?;
    state.uploads.keep_of_order(&mut tx, site, &taken).await?;
    let payments = &state.payments;
    let uploaded = payments.upload_slip(&mut tx, site, &order.id, taken.id(), &by);
    match uploaded.await {
        Err(error @ PaymentError::TooManySlips) => return Ok(error.to_string()),
        other => other?,
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(String::new())
}

/// The item alone for the script; else the page, or on to it.
async fn answer(
    applicant: &Applicant,
    id: &str,
    headers: &HeaderMap,
    refused: &str,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let status = if refused.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let news = News {
        refused,
        kept: refused.is_empty(),
    };
    if !headers.contains_key(PART) {
        if refused.is_empty() {
            return Ok(visit.go(&format!("/orders/{id}/pay"), "slip-uploaded"));
        }
        let order = own(applicant, id).await?;
        return pay::render(
            applicant,
            &order,
            status,
            pay::Said {
                slip: news,
                ..Default::default()
            },
        )
        .await;
    }
    let order = own(applicant, id).await?;
    let events = visit
        .state
        .payments
        .history(&visit.site.id, &order.id)
        .await?;
    let part = Part {
        item: item(visit, &order, &events, news).await?,
    };
    let html = visit.render("applicant/orders/slip_part.html", part)?;
    let mut response = (status, Html(html)).into_response();
    response
        .headers_mut()
        .insert(PART, HeaderValue::from_static("item"));
    Ok(response)
}

/// What was uploaded, to look at again.
pub async fn view(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let file = file_of(&applicant, &id).await?;
    let file = visit
        .state
        .uploads
        .read_original(&visit.site.id, &file)
        .await?;
    let shown = file.media_type.starts_with("image/");
    let download = Download {
        name: file.name,
        media_type: file.media_type,
        bytes: file.bytes,
    };
    Ok(if shown {
        inline(download)
    } else {
        attachment(download)
    })
}

pub async fn thumbnail(applicant: Applicant, Path(id): Path<String>) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let file = file_of(&applicant, &id).await?;
    let file = visit.state.uploads.thumbnail(&visit.site.id, &file).await?;
    let mut response = inline(Download {
        name: file.name,
        media_type: file.media_type,
        bytes: file.bytes,
    });
    // The address carries the upload's id: another upload is another address.
    let cache = HeaderValue::from_static("private, max-age=86400, immutable");
    response.headers_mut().insert(CACHE_CONTROL, cache);
    Ok(response)
}

async fn file_of(applicant: &Applicant, id: &str) -> Result<FileId, WebError> {
    let visit = &applicant.visit;
    let order = own(applicant, id).await?;
    if order.slip.is_empty() {
        return Err(WebError::NotFound);
    }
    let id = FileId::from_stored(order.slip.as_str());
    let found = visit.state.uploads.find(&visit.site.id, &id).await?;
    match found {
        Some(file) if file.owner == Owner::Order(order.id) => Ok(id),
        _ => Err(WebError::NotFound),
    }
}
