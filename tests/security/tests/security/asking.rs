//! One request of somebody, and what is true of every answer.

use anyhow::{Context, Result};
use reqwest::Method;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use yinxin_house::{Browser, Page};
use yinxin_security::crawl::is_html;

/// The server answers within 30 seconds or says that it cannot; anything longer hangs.
const HUNG: Duration = Duration::from_secs(35);

pub const URLENCODED: &str = "application/x-www-form-urlencoded";
pub const BOUNDARY: &str = "a-boundary-that-no-field-holds";

/// Somebody's browser with the tokens of its forms.
pub struct Asker {
    pub browser: Browser,
    tokens: BTreeMap<bool, String>,
}

impl Asker {
    pub fn new(browser: Browser) -> Self {
        Self {
            browser,
            tokens: BTreeMap::new(),
        }
    }

    /// One request from an address of its own, so that limits for addresses say nothing here.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Page> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // 10.0.0.0/8
        let number = NEXT.fetch_add(1, Ordering::Relaxed) % (1 << 24);
        let address = Ipv4Addr::from(0x0a00_0000 + number).to_string();
        let mut all = vec![("x-forwarded-for", address.as_str())];
        all.extend_from_slice(headers);
        let begun = Instant::now();
        let page = self.browser.ask(method, path, &all, body).await?;
        anyhow::ensure!(begun.elapsed() < HUNG, "{path} took {:?}", begun.elapsed());
        Ok(page)
    }

    pub async fn get(&mut self, path: &str) -> Result<Page> {
        self.ask(Method::GET, path, &[], Vec::new()).await
    }

    /// A form with the right token and nothing else.
    pub async fn post_empty(&mut self, path: &str, multipart: bool) -> Result<Page> {
        let token = self.token(path).await?;
        let pairs = [("_csrf".to_owned(), token)];
        let (kind, body) = encoded(&pairs, multipart);
        let headers = [("content-type", kind.as_str())];
        self.ask(Method::POST, path, &headers, body).await
    }

    /// The token that forms at this path carry for this visitor.
    pub async fn token(&mut self, path: &str) -> Result<String> {
        let console = path.starts_with("/console");
        if let Some(token) = self.tokens.get(&console) {
            return Ok(token.clone());
        }
        // One of them has a form, whoever looks at it.
        let pages: &[&str] = match console {
            true => &["/console/password", "/console/login"],
            false => &["/help", "/login"],
        };
        for page in pages {
            let page = self.get(page).await?;
            if let Some(token) = page.attribute("input[name=_csrf]", "value") {
                self.tokens.insert(console, token.clone());
                return Ok(token);
            }
        }
        None.with_context(|| format!("no form has a token for {path}"))
    }
}

/// Content type and body of a form.
pub fn encoded(pairs: &[(String, String)], multipart: bool) -> (String, Vec<u8>) {
    if !multipart {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        return (URLENCODED.to_owned(), body.into_bytes());
    }
    let mut body = String::new();
    for (name, value) in pairs {
        body.push_str(&format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str(&format!("--{BOUNDARY}--\r\n"));
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    (kind, body.into_bytes())
}

/// Where an answer leads, as a path of the site.
pub fn leads_to(page: &Page) -> Option<&str> {
    page.headers.get("location")?.to_str().ok()
}

/// What is wrong with a refusal as a page: it says something and has a way out.
pub fn fault_of_refusal(page: &Page) -> Option<String> {
    if !page.status.is_client_error() && !page.status.is_server_error() {
        return None;
    }
    let kind = page.headers.get("content-type");
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("application/json") || kind.starts_with("application/problem+json") {
        return None;
    }
    if !is_html(page) {
        return Some(format!("{} comes as {kind:?}", page.status));
    }
    let headings = page.headings();
    if headings.is_empty() || page.links().is_empty() {
        return Some(format!(
            "{} has no heading or no way out: {}",
            page.status,
            page.html()
        ));
    }
    None
}

/// Lines of the server's log that tell of its own mistakes.
pub fn mistakes_in(log: &str) -> Vec<&str> {
    let wrong = |line: &&str| line.contains(" ERROR ") || line.contains("panic");
    log.lines().filter(wrong).collect()
}
