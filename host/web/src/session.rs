//! Who is at the browser: recognised once a request, before any form is looked at.

use crate::cookies::Cookie;
use crate::error::WebError;
use crate::security::token::FormToken;
use crate::security::{client, csrf, failures};
use crate::site::ChosenSite;
use crate::state::AppState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::{CACHE_CONTROL, HOST, REFERER, USER_AGENT};
use http::request::Parts;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;
use yinxin_core::ids::SiteId;
use yinxin_services::accounts::{Client, SessionToken};
use yinxin_store::sessions::{Session, SessionKind};

/// Everything below this path is a clerk's.
pub const CONSOLE: &str = "/console";

/// Characters of a path that somebody is led back to: a page of an order names each of its cases.
const PATH_LIMIT: usize = 2048;

/// Who asks, as the request's cookies say; in the request's extensions.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// With the token that the browser showed, which a log-in replaces.
    pub session: Option<(SessionToken, Session)>,
    /// Name of the applicant's account, for the masthead.
    pub name: Option<String>,
    /// What every form of this visitor carries.
    pub token: Arc<FormToken>,
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

/// Puts the [`Visitor`] into the request's extensions and looks at what they send; gives a browser without a session its
/// visit cookie with its first form.
pub async fn recognise(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (request, typed) = match failures::typed(request).await {
        Ok(read) => read,
        Err(error) => return error.into_response(),
    };
    let mut response = recognised(&state, request, next)
        .await
        .unwrap_or_else(IntoResponse::into_response);
    failures::keep_typed(typed, &mut response);
    response
}

async fn recognised(state: &AppState, request: Request, next: Next) -> Result<Response, WebError> {
    let https = state.config().https;
    let (mut parts, body) = request.into_parts();
    let visitor = Arc::new(visitor(state, &parts).await?);
    parts.extensions.insert(Arc::clone(&visitor));
    let mut response = match csrf::check(https, Request::from_parts(parts, body)).await {
        Ok(request) => next.run(request).await,
        Err(refused) => refused,
    };
    if let Some(visit) = visitor.token.new_visit()
        && !is_shared(&response)
    {
        Cookie::Visit.write(response.headers_mut(), https, visit);
    }
    Ok(response)
}

/// What caches on the way keep for everybody: nobody's cookie goes with it.
fn is_shared(response: &Response) -> bool {
    let cache = response.headers().get(CACHE_CONTROL);
    cache.is_some_and(|cache| cache.as_bytes().starts_with(b"public"))
}

async fn visitor(state: &AppState, parts: &Parts) -> Result<Visitor, WebError> {
    if holds_nul(parts) {
        return Err(WebError::NotFound);
    }
    let chosen = parts.extensions.get::<ChosenSite>();
    let site = &chosen.ok_or(WebError::NotFound)?.site;
    if !site.answers(parts.uri.path()) {
        return Err(WebError::Closed);
    }
    let https = state.config().https;
    let (session, name) = match session(state, &site.id, parts).await? {
        Some((token, session, name)) => (Some((token, session)), name),
        None => (None, None),
    };
    let token = match &session {
        Some((_, session)) => FormToken::of_session(session.csrf.clone()),
        None => {
            let visit = Cookie::Visit.read(&parts.headers, https);
            FormToken::of_visit(state.clone(), Arc::clone(site), visit)
        }
    };
    let cookie = cookie_of(parts.uri.path());
    let expired = session.is_none() && cookie.read(&parts.headers, https).is_some();
    let agent = parts
        .headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    Ok(Visitor {
        session,
        name,
        token: Arc::new(token),
        client: Client::new(client::address(parts, state), agent.unwrap_or_default()),
        flash: Cookie::Flash
            .read(&parts.headers, https)
            .filter(|name| is_text_name(name)),
        expired,
    })
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

pub(crate) fn is_console(path: &str) -> bool {
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
