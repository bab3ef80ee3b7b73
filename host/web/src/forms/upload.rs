//! A form with one file, the only kind of body that is not read before its token is looked at.

use super::Posted;
use crate::error::WebError;
use crate::security::csrf;
use crate::session::Visitor;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use std::sync::Arc;

/// A form with a file, not read yet.
pub struct Upload {
    parts: Multipart,
    token: String,
    /// The script's header has been checked already.
    trusted: bool,
}

/// What came of the file input.
#[derive(Debug)]
pub enum Picked {
    Nothing,
    /// More bytes than are wanted; the rest was read and thrown away, so that the browser listens to the answer.
    TooLarge,
    File {
        name: String,
        bytes: Vec<u8>,
    },
}

impl Upload {
    /// Reads the file of at most `limit` bytes, and nothing that stands after it.
    pub async fn file(self, limit: u64) -> Result<Picked, WebError> {
        Ok(self.form(limit).await?.1)
    }

    /// Reads the form's texts and its file of at most `limit` bytes, in the input `file`. The hidden token stands before
    /// the file.
    pub async fn form(mut self, limit: u64) -> Result<(Posted, Picked), WebError> {
        let mut trusted = self.trusted;
        let mut picked = Picked::Nothing;
        let mut texts = Vec::new();
        let mut left = Some(csrf::FORM_LIMIT);
        while let Some(mut part) = self
            .parts
            .next_field()
            .await
            .map_err(|error| refused(&error))?
        {
            let name = part.name().unwrap_or_default().to_owned();
            if name == "file" {
                if !trusted {
                    return Err(WebError::Forged);
                }
                picked = read_file(&mut part, limit).await?;
                continue;
            }
            let text = part.text().await.map_err(|error| refused(&error))?;
            // What is too much is read to its end, as a file is.
            left = left.and_then(|left| left.checked_sub(text.len() + name.len()));
            if left.is_none() {
                texts.clear();
                continue;
            }
            if name == csrf::FIELD {
                trusted |= csrf::same(text.as_bytes(), self.token.as_bytes());
            }
            texts.push((name, text));
        }
        if left.is_none() {
            return Err(WebError::TooLarge);
        }
        if trusted {
            Ok((texts.into_iter().collect(), picked))
        } else {
            Err(WebError::Forged)
        }
    }
}

async fn read_file(part: &mut Field<'_>, limit: u64) -> Result<Picked, WebError> {
    let name = part.file_name().unwrap_or_default().to_owned();
    let (mut bytes, mut too_large) = (Vec::new(), false);
    while let Some(chunk) = part.chunk().await.map_err(|error| refused(&error))? {
        too_large |= (bytes.len() + chunk.len()) as u64 > limit;
        if too_large {
            bytes.clear();
        } else {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(match (too_large, bytes.is_empty() && name.is_empty()) {
        (true, _) => Picked::TooLarge,
        (false, true) => Picked::Nothing,
        (false, false) => Picked::File { name, bytes },
    })
}

fn refused(error: &axum::extract::multipart::MultipartError) -> WebError {
    if error.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        WebError::TooLarge
    } else {
        WebError::BadRequest("multipart")
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        let visitor = request.extensions().get::<Arc<Visitor>>();
        let token = visitor
            .and_then(|visitor| visitor.token.text())
            .ok_or(WebError::Forged)?
            .to_owned();
        // `security::csrf` lets a request with a wrong header go no further.
        let trusted = request.headers().contains_key(csrf::HEADER);
        let parts = Multipart::from_request(request, state)
            .await
            .map_err(|_| WebError::BadRequest("multipart"))?;
        Ok(Self {
            parts,
            token,
            trusted,
        })
    }
}
