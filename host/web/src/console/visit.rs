//! A request by a clerk who is logged in.

use crate::error::WebError;
use crate::page::Visit;
use crate::state::AppState;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use yinxin_core::definition::Role;
use yinxin_engine::{Actor, ClerkActor};
use yinxin_store::sessions::Session;

/// All roles in the order of the work.
pub const ROLES: [Role; 5] = [
    Role::Reviewer,
    Role::Maker,
    Role::Shipper,
    Role::Finance,
    Role::Administrator,
];

/// One request for a page of the console; others are led to the clerks' log-in page and back.
#[derive(Clone)]
pub struct ClerkVisit {
    pub visit: Visit,
    pub clerk: ClerkActor,
    pub session: Session,
    /// Somebody else chose the password: nothing but its page is open.
    must_change_password: bool,
}

/// What every page of the console knows.
#[derive(Serialize)]
struct ConsolePage<V> {
    clerk: String,
    /// Path and title of the queues that the clerk may work on.
    queues: Vec<(String, String)>,
    /// Where the key `n` takes the next case from.
    next: String,
    is_finance: bool,
    is_administrator: bool,
    is_open: bool,
    view: V,
}

impl ClerkVisit {
    pub fn actor(&self) -> Actor {
        Actor::Clerk(self.clerk.clone())
    }

    pub fn is_administrator(&self) -> bool {
        self.clerk.roles.contains(&Role::Administrator)
    }

    /// An error for who has not the role; an administrator has them all.
    pub fn require(&self, role: Role) -> Result<(), WebError> {
        if self.clerk.may(role) {
            Ok(())
        } else {
            Err(WebError::Forbidden)
        }
    }

    /// The queue that the clerk works off.
    pub fn own_role(&self) -> Option<Role> {
        ROLES
            .into_iter()
            .find(|role| self.clerk.roles.contains(role))
    }

    pub fn page(&self, template: &str, view: impl Serialize) -> Result<Response, WebError> {
        self.page_with(StatusCode::OK, template, view)
    }

    pub fn page_with(
        &self,
        status: StatusCode,
        template: &str,
        view: impl Serialize,
    ) -> Result<Response, WebError> {
        let queues = ROLES
            .into_iter()
            .filter(|role| self.clerk.may(*role))
            .map(|role| {
                let title = self
                    .visit
                    .text(&format!("console.queue_{}", role_name(role)));
                (
                    format!("/console/queues/{}", role_name(role)),
                    title.to_owned(),
                )
            });
        let page = ConsolePage {
            clerk: self.clerk.name.clone(),
            queues: queues.collect(),
            next: self.own_role().map(next_path).unwrap_or_default(),
            is_finance: self.clerk.may(Role::Finance),
            is_administrator: self.is_administrator(),
            is_open: !self.must_change_password,
            view,
        };
        self.visit.page_with(status, template, page)
    }
}

impl FromRequestParts<AppState> for ClerkVisit {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, WebError> {
        let path = parts.uri.path().to_owned();
        let back = if parts.method == http::Method::GET {
            parts
                .uri
                .path_and_query()
                .map_or(path.clone(), |path| path.as_str().to_owned())
        } else {
            "/console".to_owned()
        };
        let visit = Visit::from_request_parts(parts, state).await?;
        let Some(token) = visit.visitor.token() else {
            return Err(WebError::LogIn(back));
        };
        let found = state.staff.clerk(&visit.site.id, token).await?;
        let Some((session, clerk)) = found else {
            return Err(WebError::LogIn(back));
        };
        // A password that somebody else chose is changed before anything else is done with it.
        if clerk.must_change_password && path != "/console/password" && path != "/console/logout" {
            return Err(WebError::Elsewhere("/console/password"));
        }
        let must_change_password = clerk.must_change_password;
        let clerk = ClerkActor {
            id: clerk.id,
            name: clerk.name,
            roles: clerk.roles,
        };
        Ok(Self {
            visit,
            clerk,
            session,
            must_change_password,
        })
    }
}

/// The role's name in addresses and texts.
pub fn role_name(role: Role) -> &'static str {
    match role {
        Role::Reviewer => "reviewer",
        Role::Finance => "finance",
        Role::Maker => "maker",
        Role::Shipper => "shipper",
        Role::Administrator => "administrator",
    }
}

/// The role by its name in an address.
pub fn role(name: &str) -> Result<Role, WebError> {
    ROLES
        .into_iter()
        .find(|role| role_name(*role) == name)
        .ok_or(WebError::NotFound)
}

/// Where the next case of a queue is taken.
pub fn next_path(role: Role) -> String {
    format!("/console/queues/{}/next", role_name(role))
}
