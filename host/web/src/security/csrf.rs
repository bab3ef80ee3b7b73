//! A request that changes something comes from a page of ours: the browser says where it comes from, and the form
//! carries its visitor's token.

use crate::cookies::Cookie;
use crate::error::WebError;
use crate::session::{Visitor, page_behind};
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, Method};
use std::sync::Arc;

/// Name of the form's hidden input.
pub const FIELD: &str = "_csrf";
/// Header for requests of our script.
pub const HEADER: &str = "x-csrf-token";

/// Bytes of a form without files. The longest field is 16 KiB (a certificate request), a form has at most some dozens.
pub const FORM_LIMIT: usize = 256 * 1024;

/// Bytes of a form that is too large which are still listened to; nobody types as much.
const PATIENCE: usize = 4 * 1024 * 1024;

/// Routes whose handler takes a `forms::Upload`. Any other one would act on a body of several parts without a look at
/// the token in it.
const WITH_FILE: &[&str] = &[
    "/cases/{id}/materials/{material}/{place}",
    "/certificates/bind",
    "/console/cases/{id}/actions/{transition}",
    "/console/content/downloads/{id}",
    "/console/content/new-download",
    "/console/orders/{id}/invoice",
    "/console/statements",
    "/orders/{id}/slip",
    "/services/{plugin}/{service}/new",
];

/// The request, or the answer to one that is not from a page of ours.
pub async fn check(https: bool, request: Request) -> Result<Request, Response> {
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        return Ok(request);
    }
    // A form of a session that is over meanwhile is no forgery; its person logs in and goes on from there.
    let expired = visitor(&request).is_some_and(|visitor| visitor.expired);
    let behind = expired.then(|| page_behind(request.headers(), request.uri().path()));
    match (checked(https, request).await, behind) {
        (Ok(request), _) => Ok(request),
        (Err(WebError::Forged), Some(behind)) => {
            let mut response = WebError::LogIn(behind).into_response();
            Cookie::Flash.write(response.headers_mut(), https, "session-over");
            Err(response)
        }
        (Err(error), _) => Err(error.into_response()),
    }
}

fn visitor(request: &Request) -> Option<&Arc<Visitor>> {
    request.extensions().get()
}

async fn checked(https: bool, request: Request) -> Result<Request, WebError> {
    if !is_from_here(request.headers(), https) {
        return Err(WebError::Forged);
    }
    let visitor = visitor(&request).cloned().ok_or(WebError::Forged)?;
    let token = visitor.token.text().ok_or(WebError::Forged)?;
    if let Some(header) = request.headers().get(HEADER) {
        return if same(header.as_bytes(), token.as_bytes()) {
            Ok(request)
        } else {
            Err(WebError::Forged)
        };
    }
    let media_type = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|media_type| media_type.to_str().ok())
        .unwrap_or_default();
    let route = request.extensions().get::<MatchedPath>();
    let with_file = route.is_some_and(|route| WITH_FILE.contains(&route.as_str()));
    if with_file && media_type.starts_with("multipart/form-data") {
        // Too large to be held here: `forms::Upload`, the only reader of such bodies, looks at the token first.
        return Ok(request);
    }
    if !media_type.starts_with("application/x-www-form-urlencoded") {
        return Err(WebError::Forged);
    }
    let (parts, body) = request.into_parts();
    let bytes = whole(body).await?;
    let given = url::form_urlencoded::parse(&bytes)
        .find(|(name, _)| name == FIELD)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    if !same(given.as_bytes(), token.as_bytes()) {
        return Err(WebError::Forged);
    }
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

/// A form's body. Of one that is too large the rest is read and thrown away: a browser that is still sending when it is
/// answered says "connection reset" in place of the page.
pub async fn whole(body: Body) -> Result<Vec<u8>, WebError> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut thrown_away) = (Vec::new(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| WebError::BadRequest("a body that broke off"))?;
        if thrown_away == 0 && bytes.len() + chunk.len() <= FORM_LIMIT {
            bytes.extend_from_slice(&chunk);
            continue;
        }
        bytes.clear();
        thrown_away += chunk.len();
        if thrown_away > PATIENCE {
            break;
        }
    }
    if thrown_away == 0 {
        Ok(bytes)
    } else {
        Err(WebError::TooLarge)
    }
}

/// In constant time for texts of one length.
pub fn same(given: &[u8], expected: &[u8]) -> bool {
    given.len() == expected.len()
        && given
            .iter()
            .zip(expected)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}

/// What the browser says of the page that the request comes from. A browser that says nothing is left to the token.
fn is_from_here(headers: &HeaderMap, https: bool) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let fetch_site_fits =
        text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin_fits = text(ORIGIN.as_str()).is_none_or(|origin| {
        let scheme = if https { "https" } else { "http" };
        text(HOST.as_str())
            .is_some_and(|host| origin.eq_ignore_ascii_case(&format!("{scheme}://{host}")))
    });
    fetch_site_fits && origin_fits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::token::FormToken;
    use axum::middleware::{Next, from_fn};
    use axum::routing::post;
    use axum::{Extension, Router};
    use http::{HeaderValue, StatusCode};
    use std::net::Ipv4Addr;
    use tower::ServiceExt;
    use yinxin_services::accounts::Client;

    fn headers(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        entries
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_request_from_another_site_is_seen() {
        let host = ("host", "jiangxi.localhost:8080");
        let here = ("origin", "http://jiangxi.localhost:8080");
        assert!(is_from_here(&headers(&[host]), false));
        assert!(is_from_here(
            &headers(&[host, here, ("sec-fetch-site", "same-origin")]),
            false
        ));
        assert!(!is_from_here(
            &headers(&[host, ("sec-fetch-site", "cross-site")]),
            false
        ));
        assert!(!is_from_here(
            &headers(&[host, ("sec-fetch-site", "same-site")]),
            false
        ));
        assert!(!is_from_here(
            &headers(&[host, ("origin", "http://evil.example")]),
            false
        ));
        assert!(!is_from_here(&headers(&[host, ("origin", "null")]), false));
        assert!(!is_from_here(&headers(&[host, here]), true));
    }

    /// What becomes of a request with this body, on a page and on a route for files.
    async fn answers(media_type: &str, body: &'static str) -> [StatusCode; 2] {
        let visitor = Visitor {
            session: None,
            name: None,
            token: Arc::new(FormToken::of_session("abc".to_owned())),
            client: Client::new(Ipv4Addr::LOCALHOST.into(), ""),
            flash: None,
            expired: false,
        };
        let look = |request: Request, next: Next| async move {
            match checked(false, request).await {
                Ok(request) => next.run(request).await,
                Err(error) => error.into_response(),
            }
        };
        let router = Router::new()
            .route("/logout", post(|| async {}))
            .route(
                "/cases/{id}/materials/{material}/{place}",
                post(|| async {}),
            )
            .layer(from_fn(look))
            .layer(Extension(Arc::new(visitor)));
        let mut statuses = [StatusCode::OK; 2];
        for (status, path) in statuses
            .iter_mut()
            .zip(["/logout", "/cases/1/materials/2/3"])
        {
            let request = Request::post(path).header(CONTENT_TYPE, media_type);
            let request = request.body(Body::from(body)).unwrap();
            *status = router.clone().oneshot(request).await.unwrap().status();
        }
        statuses
    }

    #[tokio::test]
    async fn only_a_route_for_files_sees_a_body_that_was_not_looked_at() {
        let (ok, refused) = (StatusCode::OK, StatusCode::FORBIDDEN);
        let urlencoded = "application/x-www-form-urlencoded";
        assert_eq!(answers(urlencoded, "a=1&_csrf=abc").await, [ok, ok]);
        assert_eq!(answers(urlencoded, "a=1").await, [refused, refused]);
        assert_eq!(
            answers("multipart/form-data; boundary=x", "").await,
            [refused, ok]
        );
        assert_eq!(answers("text/plain", "_csrf=abc").await, [refused, refused]);
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(same(b"abc", b"abc"));
        for other in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert!(!same(other, b"abc"));
        }
    }
}
