//! Style sheet, script, and what a site brings of its own. An address carries the content's hash, so that a browser may
//! keep the file for ever and a new version is a new address.

use crate::error::WebError;
use crate::site::{ChosenSite, Site};
use axum::Extension;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ring::digest::{SHA256, digest};
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::path::{Component, PathBuf};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/assets"]
struct Embedded;

/// Hexadecimal characters of a content hash in an address: 48 bits tell versions of one file apart.
const HASH_LENGTH: usize = 12;

/// A year, the longest that RFC 9111 caches honour in practice.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// `yinxin.css` as `/assets/yinxin.<hash>.css`; none where there is no such file.
pub fn embedded_address(name: &str) -> Option<String> {
    let file = Embedded::get(name)?;
    Some(format!("/assets/{}", hashed(name, &file.data)))
}

/// `logo.svg` of the site's folder as `/brand/logo.<hash>.svg`; none where the site has no such file.
pub fn site_address(site: &Site, name: &str) -> Option<String> {
    let bytes = std::fs::read(site_file(site, name)?).ok()?;
    Some(format!("/brand/{}", hashed(name, &bytes)))
}

pub async fn embedded(Path(address): Path<String>) -> Result<Response, WebError> {
    let (name, hash) = unhashed(&address).ok_or(WebError::NotFound)?;
    let file = Embedded::get(&name).ok_or(WebError::NotFound)?;
    serve(&name, &hash, file.data)
}

pub async fn of_site(
    chosen: Option<Extension<ChosenSite>>,
    Path(address): Path<String>,
) -> Result<Response, WebError> {
    let Extension(chosen) = chosen.ok_or(WebError::NotFound)?;
    let (name, hash) = unhashed(&address).ok_or(WebError::NotFound)?;
    let path = site_file(&chosen.site, &name).ok_or(WebError::NotFound)?;
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|_| WebError::NotFound)?;
    serve(&name, &hash, Cow::Owned(bytes))
}

/// Only what is meant for browsers leaves a site's folder: style, pictures, fonts.
fn site_file(site: &Site, name: &str) -> Option<PathBuf> {
    media_type(name)?;
    let path = PathBuf::from(name);
    let plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| site.folder.join(path))
}

fn serve(name: &str, hash: &str, bytes: Cow<'static, [u8]>) -> Result<Response, WebError> {
    let media_type = media_type(name).ok_or(WebError::NotFound)?;
    // An old address after an update: the new content, but not for keeps.
    let cache = if short_hash(&bytes) == hash {
        FOREVER
    } else {
        "no-cache"
    };
    let mut response = bytes.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}

fn media_type(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

fn short_hash(bytes: &[u8]) -> String {
    let mut text = hex::encode(digest(&SHA256, bytes));
    text.truncate(HASH_LENGTH);
    text
}

/// `a.css` → `a.<hash>.css`
fn hashed(name: &str, bytes: &[u8]) -> String {
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{stem}.{}.{ending}", short_hash(bytes))
}

/// `a.<hash>.css` → `a.css` and the hash
fn unhashed(address: &str) -> Option<(String, String)> {
    let (rest, ending) = address.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    let is_hash = hash.len() == HASH_LENGTH && hash.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| (format!("{stem}.{ending}"), hash.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Brand;
    use yinxin_core::ids::SiteId;

    #[test]
    fn an_address_carries_the_hash_and_gives_the_name_back() {
        let address = embedded_address("yinxin.css").unwrap();
        let file = address.strip_prefix("/assets/").unwrap();
        assert_eq!(unhashed(file).unwrap().0, "yinxin.css");
        assert!(embedded_address("gone.css").is_none());
        assert!(unhashed("yinxin.css").is_none());
    }

    #[test]
    fn nothing_but_browser_files_leaves_a_sites_folder() {
        let site = Site {
            id: SiteId::parse("jiangxi").unwrap(),
            brand: Brand::default(),
            transfer: None,
            domains: vec![],
            folder: "/sites/jiangxi".into(),
            closed: false,
        };
        assert!(site_file(&site, "theme.css").is_some());
        for name in [
            "site.toml",
            "../other/theme.css",
            "/etc/x.css",
            "a/../../x.css",
            "pages/help.md",
        ] {
            assert!(site_file(&site, name).is_none(), "{name}");
        }
    }
}
