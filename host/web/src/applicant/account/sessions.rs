//! `/profile/sessions`: where the account is logged in.

use crate::cookies::Cookie;
use crate::error::WebError;
use crate::forms::Posted;
use crate::page::Applicant;
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
struct SessionsPage {
    sessions: Vec<SessionLine>,
}

#[derive(Serialize)]
struct SessionLine {
    id: String,
    browser: String,
    begun: String,
    seen: String,
    this_one: bool,
}

pub async fn list(applicant: Applicant) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let Some((_, own)) = &visit.visitor.session else {
        return Err(WebError::Forbidden);
    };
    let mut sessions = visit.state.sessions.list(&visit.site.id, own).await?;
    sessions.reverse();
    let sessions = sessions
        .into_iter()
        .map(|session| SessionLine {
            browser: browser(&session.user_agent)
                .unwrap_or_else(|| visit.text("account.unknown_browser").to_owned()),
            begun: session.created_at.minute(),
            seen: session.seen_at.minute(),
            this_one: session.id == own.id,
            id: session.id,
        })
        .collect();
    visit.page("applicant/account/sessions.html", SessionsPage { sessions })
}

pub async fn end(applicant: Applicant, posted: Posted) -> Result<Response, WebError> {
    let visit = &applicant.visit;
    let Some((_, own)) = &visit.visitor.session else {
        return Err(WebError::Forbidden);
    };
    let sessions = &visit.state.sessions;
    if posted.has("_all") {
        sessions.end_everywhere(&visit.site.id, own).await?;
        let mut response = visit.go("/login", "logged-out");
        Cookie::Applicant.clear(response.headers_mut(), visit.state.config().https);
        return Ok(response);
    }
    sessions
        .end_one(&visit.site.id, own, posted.get("session"))
        .await?;
    Ok(visit.go("/profile/sessions", "session-ended"))
}

/// `Edge · Windows` of a browser's long name; none where neither is known.
fn browser(user_agent: &str) -> Option<String> {
    // The order matters: Edge and WeChat call themselves Chrome too, and Chrome calls itself Safari.
    const BROWSERS: [(&str, &str); 6] = [
        ("MicroMessenger", "微信"),
        ("Edg", "Edge"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("CriOS", "Chrome"),
        ("Safari", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let known = |names: &[(&str, &'static str)]| {
        names
            .iter()
            .find(|(part, _)| user_agent.contains(part))
            .map(|(_, name)| *name)
    };
    let parts: Vec<&str> = [known(&BROWSERS), known(&SYSTEMS)]
        .into_iter()
        .flatten()
        .collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_as_people_know_them() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0";
        assert_eq!(browser(edge).as_deref(), Some("Edge · Windows"));
        assert_eq!(browser("curl/8"), None);
    }
}
