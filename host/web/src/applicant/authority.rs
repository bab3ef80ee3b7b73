//! What verifiers of our certificates fetch: the revocation list, whose address stands in each certificate, and the issuers'
//! certificates (manual row C-7). Programs ask for both, so neither is a page.

use crate::error::WebError;
use crate::page::Visit;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use yinxin_services::certificates::{CertificateError, IssuerError};

/// A list is signed anew when a standing changed; a verifier may keep one for ten minutes.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=600");

/// `/crl`: the list in DER (RFC 2585, 4.2).
pub async fn revocation_list(visit: Visit) -> Result<Response, WebError> {
    let list = visit.state.certificates.crl(&visit.site.id).await;
    Ok(send("application/pkix-crl", list.map_err(refused)?))
}

/// `/issuers.pem`: the issuing certificate first, the root last.
pub async fn issuers(visit: Visit) -> Result<Response, WebError> {
    let chain = visit.state.certificates.chain(&visit.site.id).await;
    let chain = chain.map_err(refused)?.into_bytes();
    Ok(send("application/x-pem-file", chain))
}

/// Whether the site has the two to offer.
pub async fn issues(visit: &Visit) -> Result<bool, WebError> {
    match visit.state.certificates.chain(&visit.site.id).await {
        Ok(_) => Ok(true),
        Err(CertificateError::Issuer(IssuerError::NotEstablished(_))) => Ok(false),
        Err(error) => Err(WebError::internal(error)),
    }
}

fn send(media_type: &'static str, bytes: Vec<u8>) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, FRESH),
    ];
    (headers, bytes).into_response()
}

/// A site that does not issue has neither.
fn refused(error: CertificateError) -> WebError {
    match error {
        CertificateError::Issuer(IssuerError::NotEstablished(_)) => WebError::NotFound,
        other => WebError::internal(other),
    }
}
