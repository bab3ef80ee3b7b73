//! Forms with a file, `multipart/form-data`, in whatever pieces they come.

use crate::feed::Feed;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use futures::executor::block_on;
use futures::stream;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use yinxin_services::accounts::Client;
use yinxin_web::error::WebError;
use yinxin_web::forms::{Picked, Upload};
use yinxin_web::security::csrf;
use yinxin_web::security::token::FormToken;
use yinxin_web::session::Visitor;

const TOKEN: &str = "token";
const CONTENT_TYPE: &str = "multipart/form-data; boundary=edge";

/// What a handler is given.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    texts: Vec<(String, String)>,
    /// Name and content; none when nothing was chosen.
    file: Option<(String, Vec<u8>)>,
    too_large: bool,
}

/// How many bytes come at a time, the largest file that is wanted in steps of 256 bytes, then the body.
pub fn multipart(bytes: &[u8]) {
    let mut feed = Feed::new(bytes);
    let piece = usize::from(feed.byte()).max(1);
    let limit = u64::from(feed.byte()) * 256;
    let body = feed.rest();

    let read = block_on(read(body, body.len().max(1), limit));
    if let Ok(form) = &read {
        let texts: usize = form
            .texts
            .iter()
            .map(|(name, text)| name.len() + text.len())
            .sum();
        assert!(texts <= csrf::FORM_LIMIT, "{texts} bytes of texts");
        assert!(
            form.texts
                .iter()
                .any(|(name, text)| name == csrf::FIELD && text == TOKEN),
            "read without the page's token: {form:?}"
        );
        assert!(
            form.texts.iter().all(|(_, text)| !text.contains('\0')),
            "{form:?}"
        );
        let kept = form.file.as_ref().map_or(0, |(_, content)| content.len());
        assert!(
            kept as u64 <= limit,
            "{kept} bytes where {limit} are wanted"
        );
    }
    let in_pieces = block_on(self::read(body, piece, limit));
    assert_eq!(read, in_pieces, "in pieces of {piece} bytes");
}

/// The form, or how it is refused.
async fn read(body: &[u8], piece: usize, limit: u64) -> Result<Form, String> {
    let pieces: Vec<Result<Bytes, Infallible>> = body
        .chunks(piece)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let mut request = Request::new(Body::from_stream(stream::iter(pieces)));
    request.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static(CONTENT_TYPE),
    );
    request.extensions_mut().insert(Arc::new(Visitor {
        session: None,
        name: None,
        token: Arc::new(FormToken::of_session(TOKEN.to_owned())),
        client: Client::new(IpAddr::V4(Ipv4Addr::LOCALHOST), "fuzz"),
        flash: None,
        expired: false,
    }));
    let told = |error: WebError| error.to_string();
    let upload = Upload::from_request(request, &()).await.map_err(told)?;
    let (posted, picked) = upload.form(limit).await.map_err(told)?;
    Ok(Form {
        texts: posted
            .iter()
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect(),
        too_large: matches!(picked, Picked::TooLarge),
        file: match picked {
            Picked::File { name, bytes } => Some((name, bytes)),
            Picked::Nothing | Picked::TooLarge => None,
        },
    })
}
