//! First pages, which say the same to everybody who is not logged in: rendered once and kept for some seconds, so that a
//! crowd at the door costs no query, no template and none of what a visitor's request goes through.

use crate::cookies::Cookie;
use crate::page::Visit;
use crate::site::{ChosenSite, Site};
use crate::state::AppState;
use axum::body::Bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::CONTENT_TYPE;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use yinxin_core::ids::SiteId;

/// How long a change that another process made may stay unseen. Our own are seen at once.
const FRESH: Duration = Duration::from_secs(5);

/// By site. Nothing of a visitor stands in them, and they carry no form and no cookie.
#[derive(Default)]
pub struct Kept(Mutex<HashMap<SiteId, Vec<Page>>>);

struct Page {
    /// Of the address's host.
    project: Option<String>,
    path: String,
    html: Bytes,
    made: Instant,
    /// Of the site's content when it was made.
    revision: u64,
}

impl Page {
    fn is(&self, project: Option<&str>, path: &str) -> bool {
        self.path == path && self.project.as_deref() == project
    }
}

impl Kept {
    /// The page that is asked for, where it is one of these, still true, and the browser shows nothing that would have it
    /// say something else.
    pub fn asked(&self, state: &AppState, request: &Request) -> Option<Response> {
        let uri = request.uri();
        if request.method() != Method::GET || uri.query().is_some() {
            return None;
        }
        let chosen = request.extensions().get::<ChosenSite>()?;
        let html = self.find(state, &chosen.site, chosen.project.as_deref(), uri.path())?;
        let (headers, https) = (request.headers(), state.config().https);
        let shows = |cookie: Cookie| cookie.read(headers, https).is_some();
        let anybody = !shows(Cookie::Applicant) && !shows(Cookie::Flash);
        anybody.then(|| answer(html))
    }

    /// The page of a visit, where it turned out that the visitor sees what everybody sees.
    pub fn page(&self, visit: &Visit) -> Option<Response> {
        if !is_anybody(visit) {
            return None;
        }
        let project = visit.project.as_deref();
        self.find(&visit.state, &visit.site, project, &visit.path)
            .map(answer)
    }

    /// Keeps a page that was made for this visitor, when content had `revision`, where anybody may see it; gives it.
    pub fn keep(&self, visit: &Visit, revision: u64, html: Bytes) -> Response {
        if is_anybody(visit) {
            let made = Page {
                project: visit.project.clone(),
                path: visit.path.clone(),
                html: html.clone(),
                made: Instant::now(),
                revision,
            };
            let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let pages = sites.entry(visit.site.id.clone()).or_default();
            pages.retain(|page| !page.is(made.project.as_deref(), &made.path));
            pages.push(made);
        }
        answer(html)
    }

    fn find(
        &self,
        state: &AppState,
        site: &Site,
        project: Option<&str>,
        path: &str,
    ) -> Option<Bytes> {
        if !site.answers(path) {
            return None;
        }
        let revision = state.content.revision();
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let page = sites
            .get(&site.id)?
            .iter()
            .find(|page| page.is(project, path))?;
        let fresh = page.revision == revision && page.made.elapsed() < FRESH;
        fresh.then(|| page.html.clone())
    }
}

fn is_anybody(visit: &Visit) -> bool {
    visit.visitor.session.is_none() && visit.visitor.flash.is_none()
}

fn answer(html: Bytes) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}
