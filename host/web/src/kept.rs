//! First pages, which say the same to everybody who is not logged in: rendered once and kept for some seconds, so that a
//! crowd at the door costs no query and no template. Nothing of a visitor stands in them; their cookies are written anew.

use crate::page::Visit;
use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use yinxin_core::ids::SiteId;

/// How long a change that another process made may stay unseen. Our own are seen at once.
const FRESH: Duration = Duration::from_secs(5);

/// Site, project of the address, template.
type Name = (SiteId, Option<String>, &'static str);

#[derive(Default)]
pub struct Kept(Mutex<HashMap<Name, Page>>);

struct Page {
    html: Bytes,
    made: Instant,
    /// Of the site's content when it was made.
    revision: u64,
}

impl Kept {
    /// The page, where this visitor sees what everybody sees and it is still true.
    pub fn page(&self, visit: &Visit, template: &'static str) -> Option<Response> {
        if !is_anybody(visit) {
            return None;
        }
        let revision = visit.state.content.revision();
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let page = pages.get(&name(visit, template))?;
        let fresh = page.revision == revision && page.made.elapsed() < FRESH;
        fresh.then(|| html(page.html.clone()))
    }

    /// Keeps a page that was made for this visitor, when content had `revision`, where anybody may see it; gives it.
    pub fn keep(
        &self,
        visit: &Visit,
        template: &'static str,
        revision: u64,
        text: Bytes,
    ) -> Response {
        if is_anybody(visit) {
            let page = Page {
                html: text.clone(),
                made: Instant::now(),
                revision,
            };
            let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pages.insert(name(visit, template), page);
        }
        html(text)
    }
}

fn is_anybody(visit: &Visit) -> bool {
    visit.visitor.session.is_none() && visit.visitor.flash.is_none()
}

fn name(visit: &Visit, template: &'static str) -> Name {
    (visit.site.id.clone(), visit.project.clone(), template)
}

fn html(text: Bytes) -> Response {
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}
