//! A page: a template, what it shows, and what every page knows.

use crate::cookies::Cookie;
use crate::error::WebError;
use crate::forms::{FormView, Showing};
use crate::security::request_log::RequestId;
use crate::session::{Visitor, page_behind};
use crate::site::{ChosenSite, Site};
use crate::state::AppState;
use crate::texts::fill;
use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use http::header::HOST;
use http::request::Parts;
use minijinja::Value;
use serde::Serialize;
use std::sync::Arc;
use yinxin_core::definition::Form;
use yinxin_core::form::Values;
use yinxin_core::ids::AccountId;
use yinxin_core::rules::Problem;
use yinxin_core::shared::Shared;
use yinxin_engine::EngineError;
use yinxin_services::accounts::Client;
use yinxin_store::sessions::SessionKind;

/// One request for a page, by whomever.
#[derive(Clone)]
pub struct Visit {
    pub state: AppState,
    pub site: Arc<Site>,
    /// The project that the address chose.
    pub project: Option<String>,
    pub visitor: Arc<Visitor>,
    pub path: String,
    /// Scheme and host under which the browser knows us; the host is one of the site's domains.
    pub origin: String,
    pub request_id: Option<RequestId>,
}

/// A request by somebody who is logged in; others are led to the log-in page and back.
#[derive(Clone)]
pub struct Applicant {
    pub visit: Visit,
    pub account: AccountId,
}

/// What the layout shows.
#[derive(Serialize)]
struct Context<'a, V> {
    path: &'a str,
    csrf: Value,
    name: Option<&'a str>,
    flash: Option<&'a str>,
    page: V,
}

impl Visit {
    pub fn client(&self) -> &Client {
        &self.visitor.client
    }

    pub fn text(&self, path: &str) -> &str {
        self.state.texts().get(path)
    }

    pub fn page(&self, template: &str, view: impl Serialize) -> Result<Response, WebError> {
        self.page_with(StatusCode::OK, template, view)
    }

    /// The page again, with what is wrong: nothing was kept that the person would have to undo.
    pub fn unprocessable(
        &self,
        template: &str,
        view: impl Serialize,
    ) -> Result<Response, WebError> {
        self.page_with(StatusCode::UNPROCESSABLE_ENTITY, template, view)
    }

    pub fn page_with(
        &self,
        status: StatusCode,
        template: &str,
        view: impl Serialize,
    ) -> Result<Response, WebError> {
        let html = self.render(template, view)?;
        let mut response = (status, Html(html)).into_response();
        if self.visitor.flash.is_some() {
            Cookie::Flash.clear(response.headers_mut(), self.state.config().https);
        }
        Ok(response)
    }

    /// A template in UTF-8: a page, or a part of one for the script.
    pub fn render(&self, template: &str, view: impl Serialize) -> Result<Bytes, WebError> {
        let flash = self
            .visitor
            .flash
            .as_deref()
            .and_then(|name| self.state.texts().find(&format!("flash.{name}")));
        let context = Context {
            path: &self.path,
            csrf: Value::from_dyn_object(Arc::clone(&self.visitor.token)),
            name: self.visitor.name.as_deref(),
            flash,
            page: view,
        };
        let templates = self.state.templates();
        Ok(templates.render(Some(&self.site.id), template, context)?)
    }

    /// A form of a definition, as this person sees it.
    pub fn form(
        &self,
        form: &Shared<Form>,
        values: &Values,
        showing: Showing<'_>,
    ) -> Result<FormView, WebError> {
        let (templates, texts) = (self.state.templates(), self.state.texts());
        let writer = templates.writer(Some(&self.site.id), texts)?;
        Ok(FormView::new(form, values, showing, &writer)?)
    }

    /// What to say beside a form whose action did not happen, so that what was typed stays: the rules' own problems, or
    /// that something of ours failed, under the request's number. Any other error is a page of its own.
    pub fn problems_of(&self, error: EngineError) -> Result<(StatusCode, Vec<Problem>), WebError> {
        let failed = match error {
            EngineError::Problems(problems) => {
                return Ok((StatusCode::UNPROCESSABLE_ENTITY, problems));
            }
            EngineError::Rule(_)
            | EngineError::Store(_)
            | EngineError::Service(_)
            | EngineError::Outage(_) => error,
            other => return Err(other.into()),
        };
        let id = self.request_id.map(|id| id.to_string()).unwrap_or_default();
        tracing::error!(request_id = %id, error = %failed, "an action did not happen");
        let message = fill(self.text("errors.kept"), &[("id", &id)]);
        let problem = Problem {
            item: None,
            message,
            offer: None,
        };
        Ok((StatusCode::SERVICE_UNAVAILABLE, vec![problem]))
    }

    /// On to another page (303), which shows the text `flash.<name>`.
    pub fn go(&self, path: &str, flash: &str) -> Response {
        let mut response = Redirect::to(path).into_response();
        if !flash.is_empty() {
            Cookie::Flash.write(response.headers_mut(), self.state.config().https, flash);
        }
        response
    }
}

/// A page outside of a visit: errors, and hosts without a site.
pub fn bare(
    state: &AppState,
    chosen: Option<&ChosenSite>,
    template: &str,
    path: &str,
    view: impl Serialize,
) -> Result<Bytes, minijinja::Error> {
    let context = Context {
        path,
        csrf: Value::from(""),
        name: None,
        flash: None,
        page: view,
    };
    state
        .templates()
        .render(chosen.map(|chosen| &chosen.site.id), template, context)
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, WebError> {
        let chosen = parts
            .extensions
            .get::<ChosenSite>()
            .cloned()
            .ok_or(WebError::NotFound)?;
        let visitor = parts
            .extensions
            .get::<Arc<Visitor>>()
            .cloned()
            .ok_or_else(|| {
                WebError::Internal("a page outside of the visitors' routes".to_owned())
            })?;
        Ok(Self {
            state: state.clone(),
            site: chosen.site,
            project: chosen.project,
            visitor,
            path: parts.uri.path().to_owned(),
            origin: origin(parts, state),
            request_id: parts.extensions.get().copied(),
        })
    }
}

impl FromRequestParts<AppState> for Applicant {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, WebError> {
        let back = if parts.method == http::Method::GET {
            let path = parts.uri.path_and_query();
            path.map_or("/", |path| path.as_str()).to_owned()
        } else {
            page_behind(&parts.headers, parts.uri.path())
        };
        let visit = Visit::from_request_parts(parts, state).await?;
        match visit.visitor.session_of(SessionKind::Applicant) {
            Some((_, session)) => {
                let account = AccountId::from_stored(session.subject.clone());
                Ok(Self { visit, account })
            }
            None => Err(WebError::LogIn(back)),
        }
    }
}

fn origin(parts: &Parts, state: &AppState) -> String {
    let scheme = if state.config().https {
        "https"
    } else {
        "http"
    };
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
    format!("{scheme}://{}", host.unwrap_or_default())
}
