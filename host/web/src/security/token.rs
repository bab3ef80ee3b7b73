//! The token that each form of one visitor carries. With a session it is the session's. Who has none gets a signed name for
//! the visit together with the first form, and the token follows from that name; who only reads gets neither.

use crate::site::Site;
use crate::state::AppState;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use minijinja::value::{Object, ObjectRepr};
use ring::hmac;
use std::fmt;
use std::sync::{Arc, OnceLock};
use yinxin_core::ids::SiteId;

/// The name of a visit: random bytes that nobody guesses.
const VISIT_BYTES: usize = 18;

pub struct FormToken(Source);

enum Source {
    Session(String),
    Visit {
        state: AppState,
        site: Arc<Site>,
        /// What the browser showed.
        cookie: Option<String>,
        /// None where the system has no random bytes: then no form is accepted.
        known: OnceLock<Option<Known>>,
    },
}

struct Known {
    token: String,
    /// The name that the browser is to keep from now on.
    new_visit: Option<String>,
}

impl FormToken {
    pub fn of_session(token: String) -> Self {
        Self(Source::Session(token))
    }

    /// Of a browser without a session, with the visit's cookie that it showed.
    pub fn of_visit(state: AppState, site: Arc<Site>, cookie: Option<String>) -> Self {
        Self(Source::Visit {
            state,
            site,
            cookie,
            known: OnceLock::new(),
        })
    }

    pub fn text(&self) -> Option<&str> {
        match &self.0 {
            Source::Session(token) => Some(token),
            Source::Visit {
                state,
                site,
                cookie,
                known,
            } => {
                let made = || Known::of(state.cookie_key(), &site.id, cookie.as_deref());
                let known = known.get_or_init(made).as_ref();
                known.map(|known| known.token.as_str())
            }
        }
    }

    /// What the browser has to keep, where a form was shown to it and it had nothing of ours.
    pub fn new_visit(&self) -> Option<&str> {
        match &self.0 {
            Source::Session(_) => None,
            Source::Visit { known, .. } => known.get()?.as_ref()?.new_visit.as_deref(),
        }
    }
}

impl Known {
    fn of(key: &hmac::Key, site: &SiteId, cookie: Option<&str>) -> Option<Self> {
        if let Some(visit) = cookie.filter(|visit| is_ours(key, site, visit)) {
            return Some(Self {
                token: sign(key, site, "csrf", visit),
                new_visit: None,
            });
        }
        let visit = new_visit(key, site)?;
        Some(Self {
            token: sign(key, site, "csrf", &visit),
            new_visit: Some(visit),
        })
    }
}

impl fmt::Debug for FormToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormToken")
    }
}

/// As a template writes it.
impl Object for FormToken {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().unwrap_or_default())
    }
}

fn new_visit(key: &hmac::Key, site: &SiteId) -> Option<String> {
    let mut random = [0; VISIT_BYTES];
    getrandom::fill(&mut random)
        .inspect_err(|error| tracing::error!(%error, "no random bytes for a visit"))
        .ok()?;
    let name = URL_SAFE_NO_PAD.encode(random);
    let signature = sign(key, site, "visit", &name);
    Some(format!("{name}.{signature}"))
}

fn is_ours(key: &hmac::Key, site: &SiteId, visit: &str) -> bool {
    visit.split_once('.').is_some_and(|(name, signature)| {
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        hmac::verify(key, message(site, "visit", name).as_bytes(), &signature).is_ok()
    })
}

fn sign(key: &hmac::Key, site: &SiteId, purpose: &str, text: &str) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(key, message(site, purpose, text).as_bytes()))
}

fn message(site: &SiteId, purpose: &str, text: &str) -> String {
    format!("{site}/{purpose}/{text}")
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
    fn a_browser_keeps_its_token_with_its_visit() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let site = SiteId::parse("jiangxi").unwrap();
        let first = Known::of(&key, &site, None).unwrap();
        let visit = first.new_visit.unwrap();
        let again = Known::of(&key, &site, Some(&visit)).unwrap();
        assert_eq!(again.token, first.token);
        assert_eq!(again.new_visit, None);
        let forged = Known::of(&key, &site, Some("mine.AAAA")).unwrap();
        assert_ne!(forged.token, first.token);
        assert!(forged.new_visit.is_some());
    }
}
