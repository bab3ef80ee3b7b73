//! Who is at the browser: recognised once a request, before any form is looked at.

use crate::cookies::Cookie;
use crate::error::WebError;
use crate::security::client;
use crate::site::ChosenSite;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, HOST, REFERER, USER_AGENT};
use http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use ring::hmac;
use yinxin_core::ids::SiteId;
use yinxin_services::accounts::{Client, SessionToken};
use yinxin_store::sessions::{Session, SessionKind};

/// Everything below this path is a clerk's.
pub const CONSOLE: &str = "/console";

/// Characters of a path that somebody is led back to: a page of an order names each of its cases.
const PATH_LIMIT: usize = 2048;

/// A visit without a session ties its forms to a random name of this many bytes.
const VISIT_BYTES: usize = 18;

/// Who asks, as the request's cookies say; in the request's extensions.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// With the token that the browser showed, which a log-in replaces.
    pub session: Option<(SessionToken, Session)>,
    /// Name of the applicant's account, for the masthead.
    pub name: Option<String>,
    /// What every form of this visitor carries.
    pub csrf: String,
    pub client: Client,
    /// Name of the text `flash.<name>` to show once.
    pub flash: Option<String>,
    /// The browser showed a session that is over.
    pub expired: bool,
}

impl Visitor {
    /// The session, where it is of this kind.
    pub fn session_of(&self, kind: SessionKind) -> Option<&(SessionToken, Session)> {
        self.session
            .as_ref()
            .filter(|(_, session)| session.kind == kind)
    }

    pub fn token(&self) -> Option<&SessionToken> {
        self.session.as_ref().map(|(token, _)| token)
    }
}

/// Puts the [`Visitor`] into the request's extensions, and gives a browser without a session its visit cookie.
pub async fn recognise(State(state): State<AppState>, request: Request, next: Next) -> Response {
    match visitor(&state, request).await {
        Ok((request, new_visit)) => {
            let mut response = next.run(request).await;
            if let Some(visit) = new_visit.filter(|_| !is_shared(&response)) {
                Cookie::Visit.write(response.headers_mut(), state.config().https, &visit);
            }
            response
        }
        Err(error) => error.into_response(),
    }
}

/// What caches on the way keep for everybody: nobody's cookie goes with it.
fn is_shared(response: &Response) -> bool {
    let cache = response.headers().get(CACHE_CONTROL);
    cache.is_some_and(|cache| cache.as_bytes().starts_with(b"public"))
}

async fn visitor(
    state: &AppState,
    request: Request,
) -> Result<(Request, Option<String>), WebError> {
    let (mut parts, body) = request.into_parts();
    if holds_nul(&parts) {
        return Err(WebError::NotFound);
    }
    let chosen = parts
        .extensions
        .get::<ChosenSite>()
        .cloned()
        .ok_or(WebError::NotFound)?;
    let site = &chosen.site.id;
    let https = state.config().https;
    let (session, name) = match session(state, site, &parts).await? {
        Some((token, session, name)) => (Some((token, session)), name),
        None => (None, None),
    };
    let (csrf, new_visit) = match &session {
        Some((_, session)) => (session.csrf.clone(), None),
        None => {
            let kept = Cookie::Visit
                .read(&parts.headers, https)
                .filter(|visit| is_ours(state.cookie_key(), site, visit));
            match kept {
                Some(visit) => (csrf_of_visit(state.cookie_key(), site, &visit), None),
                None => {
                    let visit = new_visit(state.cookie_key(), site)?;
                    (csrf_of_visit(state.cookie_key(), site, &visit), Some(visit))
                }
            }
        }
    };
    let cookie = cookie_of(parts.uri.path());
    let expired = session.is_none() && cookie.read(&parts.headers, https).is_some();
    let agent = parts
        .headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let visitor = Visitor {
        session,
        name,
        csrf,
        client: Client::new(client::address(&parts, state), agent.unwrap_or_default()),
        flash: Cookie::Flash
            .read(&parts.headers, https)
            .filter(|name| is_text_name(name)),
        expired,
    };
    parts.extensions.insert(visitor);
    Ok((Request::from_parts(parts, body), new_visit))
}

/// A session that lasts, with the applicant's name. A clerk's own account is the console's to look at.
async fn session(
    state: &AppState,
    site: &SiteId,
    parts: &Parts,
) -> Result<Option<(SessionToken, Session, Option<String>)>, WebError> {
    let clerk = is_console(parts.uri.path());
    let cookie = cookie_of(parts.uri.path());
    let Some(value) = cookie.read(&parts.headers, state.config().https) else {
        return Ok(None);
    };
    let token = SessionToken::from_cookie(&value);
    if clerk {
        let found = state.sessions.find(site, &token).await?;
        let found = found.filter(|session| session.kind == SessionKind::Clerk);
        return Ok(found.map(|session| (token, session, None)));
    }
    let found = state.accounts.applicant(site, &token).await?;
    Ok(found.map(|(session, account)| (token, session, Some(account.name))))
}

fn cookie_of(path: &str) -> Cookie {
    if is_console(path) {
        Cookie::Clerk
    } else {
        Cookie::Applicant
    }
}

/// The page from which a form was sent: where a person goes on after logging in again.
pub fn page_behind(headers: &HeaderMap, path: &str) -> String {
    let home = if is_console(path) { CONSOLE } else { "/cases" };
    let referer = headers
        .get(REFERER)
        .and_then(|referer| referer.to_str().ok());
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let behind = referer
        .and_then(|referer| referer.split_once("://"))
        .and_then(|(_, rest)| rest.strip_prefix(host));
    local_path(behind.unwrap_or_default(), home)
}

fn is_console(path: &str) -> bool {
    path.strip_prefix(CONSOLE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// No address of ours has a NUL in it, and PostgreSQL refuses to look for one.
fn holds_nul(parts: &Parts) -> bool {
    let asked = parts.uri.path_and_query();
    asked.is_some_and(|asked| asked.as_str().contains("%00"))
}

fn is_text_name(name: &str) -> bool {
    name.len() <= 48 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

fn new_visit(key: &hmac::Key, site: &SiteId) -> Result<String, WebError> {
    let mut random = [0; VISIT_BYTES];
    getrandom::fill(&mut random).map_err(WebError::internal)?;
    let name = URL_SAFE_NO_PAD.encode(random);
    let signature = sign(key, site, "visit", &name);
    Ok(format!("{name}.{signature}"))
}

fn is_ours(key: &hmac::Key, site: &SiteId, visit: &str) -> bool {
    visit.split_once('.').is_some_and(|(name, signature)| {
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        hmac::verify(key, message(site, "visit", name).as_bytes(), &signature).is_ok()
    })
}

fn csrf_of_visit(key: &hmac::Key, site: &SiteId, visit: &str) -> String {
    sign(key, site, "csrf", visit)
}

fn sign(key: &hmac::Key, site: &SiteId, purpose: &str, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(key, message(site, purpose, text).as_bytes()))
}

fn message(site: &SiteId, purpose: &str, text: &str) -> String {
    format!("{site}/{purpose}/{text}")
}

/// The log-in page that comes back to `path`.
pub fn log_in_path(path: &str) -> String {
    let home = if is_console(path) { CONSOLE } else { "" };
    let back = utf8_percent_encode(path, NON_ALPHANUMERIC);
    format!("{home}/login?next={back}")
}

/// Where to go after logging in: a path of this site, or `otherwise`. Never another host.
pub fn local_path(wanted: &str, otherwise: &str) -> String {
    let local = wanted.starts_with('/')
        && !wanted.starts_with("//")
        && !wanted.starts_with("/\\")
        && wanted.len() <= PATH_LIMIT
        && wanted.bytes().all(|b| b.is_ascii_graphic());
    if local { wanted } else { otherwise }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_is_signed_for_its_site() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let (here, there) = (
            SiteId::parse("jiangxi").unwrap(),
            SiteId::parse("hunan").unwrap(),
        );
        let visit = new_visit(&key, &here).unwrap();
        assert!(is_ours(&key, &here, &visit));
        assert!(!is_ours(&key, &there, &visit));
        assert!(!is_ours(&key, &here, &visit.replacen('.', "x.", 1)));
        assert!(!is_ours(&key, &here, ""));
    }

    #[test]
    fn an_address_with_nul_is_nowhere() {
        let parts = |uri: &str| http::Request::get(uri).body(()).unwrap().into_parts().0;
        assert!(holds_nul(&parts("/cases/%00")));
        assert!(holds_nul(&parts("/cases?text=a%00b")));
        assert!(!holds_nul(&parts("/cases/100?text=%30")));
    }

    #[test]
    fn nobody_is_sent_to_another_host() {
        assert_eq!(local_path("/cases/1?x=2", "/cases"), "/cases/1?x=2");
        for evil in [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "",
            "/a\r\nb",
        ] {
            assert_eq!(local_path(evil, "/cases"), "/cases", "{evil:?}");
        }
    }

    #[test]
    fn after_logging_in_again_the_person_is_where_the_form_was() {
        let from = |referer: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, http::HeaderValue::from_static("ca.example.cn"));
            headers.insert(REFERER, http::HeaderValue::from_static(referer));
            page_behind(&headers, "/cases/1/delete")
        };
        assert_eq!(from("https://ca.example.cn/cases/1?x=2"), "/cases/1?x=2");
        assert_eq!(from("https://ca.example.cn.evil.example/x"), "/cases");
        assert_eq!(from("https://evil.example/cases/1"), "/cases");
        assert_eq!(page_behind(&HeaderMap::new(), "/console/x"), "/console");
    }

    #[test]
    fn clerks_log_in_at_their_own_door() {
        assert_eq!(log_in_path("/cases/1"), "/login?next=%2Fcases%2F1");
        assert_eq!(
            log_in_path("/console/x"),
            "/console/login?next=%2Fconsole%2Fx"
        );
        assert!(!is_console("/consoles"));
    }
}
