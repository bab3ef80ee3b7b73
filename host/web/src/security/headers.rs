//! Headers that tell the browser what a page of ours never does.

use crate::state::Config;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};

/// No inline script or style, nothing from elsewhere, no frames. `blob:` and `data:` show a picture before it is sent.
const POLICY: &str = "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=()";

/// Two years, as preload lists ask for.
const TRANSPORT: &str = "max-age=63072000; includeSubDomains";

/// As many as are set below, and a few of the answer's own.
const HEADERS: usize = 16;

pub fn set(config: &Config, headers: &mut HeaderMap) {
    headers.reserve(HEADERS);
    // A stored file comes with a stricter one of its own.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    // Only a PDF that a page of ours frames says otherwise.
    if !headers.contains_key(X_FRAME_OPTIONS) {
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    let mut always = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    always(X_CONTENT_TYPE_OPTIONS, "nosniff");
    always(REFERRER_POLICY, "same-origin");
    always(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    always(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    always(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    if config.https {
        always(STRICT_TRANSPORT_SECURITY, TRANSPORT);
    }
    // A page shows one person's affairs; only assets say otherwise.
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    }
}
