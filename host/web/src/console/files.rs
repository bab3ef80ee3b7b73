//! Scans, papers and certificates of a case, to a clerk.

use super::visit::ClerkVisit;
use crate::applicant::{attachment, inline};
use crate::error::WebError;
use axum::extract::{Path, Query};
use axum::response::Response;
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use serde::Deserialize;
use yinxin_core::ids::CaseId;
use yinxin_engine::views::{Download, Rendition};

#[derive(Deserialize)]
pub struct Chain {
    #[serde(default)]
    chain: bool,
}

/// Re-encoded and upright: never the bytes that somebody sent us.
pub async fn view(
    clerk: ClerkVisit,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, WebError> {
    load(&clerk, &id, &file, Rendition::View)
        .await
        .map(inline)
        .map(private)
}

pub async fn thumbnail(
    clerk: ClerkVisit,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, WebError> {
    load(&clerk, &id, &file, Rendition::Thumbnail)
        .await
        .map(inline)
        .map(private)
}

/// As it was uploaded, to be saved and not shown.
pub async fn original(
    clerk: ClerkVisit,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, WebError> {
    load(&clerk, &id, &file, Rendition::Original)
        .await
        .map(attachment)
}

pub async fn paper(
    clerk: ClerkVisit,
    Path((id, document)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let case = CaseId::from_stored(id);
    let engine = &visit.state.engine;
    Ok(inline(
        engine
            .paper_pdf(&visit.site.id, &clerk.actor(), &case, &document)
            .await?,
    ))
}

pub async fn certificate(
    clerk: ClerkVisit,
    Path((id, serial)): Path<(String, String)>,
    Query(asked): Query<Chain>,
) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let case = CaseId::from_stored(id);
    let engine = &visit.state.engine;
    let download = engine
        .certificate_pem(&visit.site.id, &clerk.actor(), &case, &serial, asked.chain)
        .await?;
    Ok(attachment(download))
}

async fn load(
    clerk: &ClerkVisit,
    id: &str,
    file: &str,
    rendition: Rendition,
) -> Result<Download, WebError> {
    let visit = &clerk.visit;
    let case = CaseId::from_stored(id);
    let engine = &visit.state.engine;
    Ok(engine
        .file(&visit.site.id, &clerk.actor(), &case, file, rendition)
        .await?)
}

/// A file's content never changes; other people at the same computer are none of its business.
fn private(mut response: Response) -> Response {
    let cache = HeaderValue::from_static("private, max-age=3600, immutable");
    response.headers_mut().insert(CACHE_CONTROL, cache);
    response
}
