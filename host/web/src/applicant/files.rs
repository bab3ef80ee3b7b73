//! Uploaded files and certificates of a case, to their applicant.

use crate::error::WebError;
use crate::page::{Applicant, Visit};
use axum::body::Body;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use yinxin_core::ids::CaseId;
use yinxin_engine::Actor;
use yinxin_engine::views::{Download, Rendition};
use yinxin_services::certificates::Reading;

/// What RFC 8187 lets stand as it is.
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A file that somebody else made is shown without any right of a page, whatever it holds.
const NO_RIGHTS: &str = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox";

/// The same for a PDF that a page of ours frames.
const FRAMED: &str =
    "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'";

#[derive(Deserialize)]
pub struct Chain {
    #[serde(default)]
    chain: bool,
}

pub async fn thumbnail(
    applicant: Applicant,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let download = load(&applicant, &id, &file, Rendition::Thumbnail).await?;
    // A file's content never changes: another upload is another id.
    let mut response = inline(download);
    let cache = HeaderValue::from_static("private, max-age=86400, immutable");
    response.headers_mut().insert(CACHE_CONTROL, cache);
    Ok(response)
}

/// The picture in full, or the file to be saved where a browser should not open it.
pub async fn view(
    applicant: Applicant,
    Path((id, file)): Path<(String, String)>,
) -> Result<Response, WebError> {
    let download = load(&applicant, &id, &file, Rendition::Original).await?;
    let shown = matches!(
        download.media_type.as_str(),
        "image/jpeg" | "image/png" | "image/bmp"
    );
    Ok(if shown {
        inline(download)
    } else {
        attachment(download)
    })
}

pub async fn certificate(
    applicant: Applicant,
    Path((id, serial)): Path<(String, String)>,
    Query(asked): Query<Chain>,
) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let viewer = Actor::Applicant(applicant.account.clone());
    let case = CaseId::from_stored(id);
    let engine = &visit.state.engine;
    let download = engine
        .certificate_pem(&visit.site.id, &viewer, &case, &serial, asked.chain)
        .await?;
    Ok(attachment(download))
}

async fn load(
    applicant: &Applicant,
    id: &str,
    file: &str,
    rendition: Rendition,
) -> Result<Download, WebError> {
    let visit = &applicant.visit;
    let viewer = Actor::Applicant(applicant.account.clone());
    let case = CaseId::from_stored(id);
    let engine = &visit.state.engine;
    Ok(engine
        .file(&visit.site.id, &viewer, &case, file, rendition)
        .await?)
}

/// A certificate to be saved: as PEM, in the binary form `der`, or as `chain` with those above it up to the root.
pub async fn download_of(
    visit: &Visit,
    serial: &str,
    pem: &str,
    form: &str,
) -> Result<Download, WebError> {
    let (name, media_type, bytes) = match form {
        "der" => {
            let read = Reading::of(pem.as_bytes()).map_err(WebError::internal)?;
            (format!("{serial}.cer"), "application/pkix-cert", read.der)
        }
        "chain" => {
            let chain = visit.state.certificates.chain(&visit.site.id).await;
            let chain = format!("{pem}{}", chain.map_err(WebError::internal)?);
            let name = format!("{serial}-chain.pem");
            (name, "application/x-pem-file", chain.into_bytes())
        }
        _ => {
            let name = format!("{serial}-pem.cer");
            (name, "application/x-pem-file", pem.as_bytes().to_vec())
        }
    };
    Ok(Download {
        name,
        media_type: media_type.to_owned(),
        bytes,
    })
}

/// To be shown by the browser.
pub fn inline(download: Download) -> Response {
    send(download, "inline")
}

/// To be saved under its name.
pub fn attachment(download: Download) -> Response {
    send(download, "attachment")
}

/// A PDF to be shown in a frame of a page of ours. It has no right of a page either; but a browser's own viewer does not
/// open in a sandbox.
pub fn framed(download: Download) -> Response {
    let mut response = inline(download);
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FRAMED));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    response
}

/// A table that is written while it is sent, to be saved under its name.
pub fn attached(name: &str, media_type: &str, body: Body) -> Response {
    let headers = headers(name, media_type, "attachment");
    (headers, body).into_response()
}

fn send(download: Download, disposition: &str) -> Response {
    let headers = headers(&download.name, &download.media_type, disposition);
    (headers, download.bytes).into_response()
}

fn headers(name: &str, media_type: &str, disposition: &str) -> HeaderMap {
    let name = utf8_percent_encode(name, ATTRIBUTE);
    let disposition = format!("{disposition}; filename*=UTF-8''{name}");
    let mut headers = HeaderMap::new();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(CONTENT_TYPE, media_type);
    set(CONTENT_DISPOSITION, &disposition);
    set(CONTENT_SECURITY_POLICY, NO_RIGHTS);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_its_header() {
        let response = attachment(Download {
            name: "表\"; x=\r\ny.pdf".into(),
            media_type: "application/pdf".into(),
            bytes: vec![],
        });
        assert_eq!(
            response.headers()[CONTENT_DISPOSITION],
            "attachment; filename*=UTF-8''%E8%A1%A8%22%3B%20x%3D%0D%0Ay.pdf"
        );
    }
}
