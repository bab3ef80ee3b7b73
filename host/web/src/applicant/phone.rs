//! `/p/{token}`: the phone's page of an identity check. Who holds the QR code may open it; nobody is logged in here.

use crate::error::WebError;
use crate::live;
use crate::page::Visit;
use crate::security::rate_limit::{self, ACTIONS};
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Serialize;
use yinxin_core::definition::{Field, FieldKind};
use yinxin_core::field;
use yinxin_services::identity::{IdentityCheck, IdentityError, State};

#[derive(Serialize)]
struct PhonePage {
    /// `start`, `passed`, `failed` or `void`
    state: &'static str,
    intro: String,
    name: String,
    number: String,
    path: String,
    live: String,
    /// The provider's page, once a visit has begun.
    provider: String,
}

pub async fn show(visit: Visit, Path(token): Path<String>) -> Result<Response, WebError> {
    rate_limit::allow(&visit, "phone", ACTIONS).await?;
    let (site, identity) = (&visit.site.id, &visit.state.identity);
    let check = match identity.by_token(site, &token).await {
        Err(IdentityError::Unknown) => return render(&visit, &token, None, String::new()),
        other => other?,
    };
    if matches!(check.state, State::Waiting | State::Failed) {
        // Back from the provider: the result may be known there before we are told.
        if let Err(error) = identity.refresh(site, &check.id).await {
            tracing::debug!(%error, "the result of a face check is not known yet");
        }
    }
    let check = identity.by_token(site, &token).await?;
    render(&visit, &token, Some(&check), String::new())
}

/// On to the provider. A form may not lead to another host (`form-action`), so a page in between does.
pub async fn start(visit: Visit, Path(token): Path<String>) -> Result<Response, WebError> {
    rate_limit::allow(&visit, "phone", ACTIONS).await?;
    let (site, identity) = (&visit.site.id, &visit.state.identity);
    match identity.start(site, &token).await {
        Ok(address) => {
            let check = identity.by_token(site, &token).await?;
            render(&visit, &token, Some(&check), address)
        }
        Err(IdentityError::Provider(error)) => {
            Err(WebError::Unavailable(format!("face check: {error}")))
        }
        Err(IdentityError::Store(error)) => Err(error.into()),
        // Passed, voided, run out, used up: the page says which.
        Err(_) => Ok(Redirect::to(&format!("/p/{token}")).into_response()),
    }
}

fn render(
    visit: &Visit,
    token: &str,
    check: Option<&IdentityCheck>,
    provider: String,
) -> Result<Response, WebError> {
    let now = visit.state.clock.now();
    let ran_out = |check: &&IdentityCheck| check.state != State::Passed && check.expires_at <= now;
    let state = match check {
        None => "void",
        Some(check) if ran_out(&check) => "void",
        Some(check) => match check.state {
            State::Waiting => "start",
            State::Passed => "passed",
            State::Failed => "failed",
            State::Voided => "void",
        },
    };
    let known = check.filter(|_| state != "void");
    let page = PhonePage {
        state,
        intro: crate::texts::fill(
            visit.text("phone.intro"),
            &[("site", &visit.site.brand.name)],
        ),
        name: known
            .map(|check| masked_name(&check.name))
            .unwrap_or_default(),
        number: known
            .map(|check| masked_number(&check.identity_number))
            .unwrap_or_default(),
        path: format!("/p/{token}"),
        live: check.map(live::identity_fingerprint).unwrap_or_default(),
        provider,
    };
    let status = if state == "void" {
        StatusCode::GONE
    } else {
        StatusCode::OK
    };
    visit.page_with(status, "phone/check.html", page)
}

/// `张*`, `欧**`: enough to know whether one is meant.
fn masked_name(name: &str) -> String {
    name.chars()
        .enumerate()
        .map(|(place, c)| if place == 0 { c } else { '*' })
        .collect()
}

fn masked_number(number: &str) -> String {
    let field = Field {
        name: "".into(),
        label: "".into(),
        hint: "".into(),
        kind: FieldKind::IdentityNumber,
        required: true,
        max_length: 0,
        shown_when: None,
        autocomplete: "".into(),
    };
    field::masked(&field, number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finder_of_the_letter_learns_no_name() {
        assert_eq!(masked_name("欧阳娜"), "欧**");
        assert_eq!(masked_number("11010519491231002X"), "110***********002X");
    }
}
