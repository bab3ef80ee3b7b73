//! A browser without scripts: cookies, redirects, forms.

use crate::diary::{Answered, Diary, Sent};
use crate::house::House;
use crate::page::{Answer, Form, Page};
use anyhow::{Context, Result, bail};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, redirect::Policy};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use url::Url;

/// More than any page takes, so that a hanging one is found.
const PATIENCE: Duration = Duration::from_secs(60);
const MOST_REDIRECTS: usize = 10;

/// The connection broke before the answer was whole: what was asked for may have happened or not.
#[derive(Debug)]
pub struct Lost;

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection was lost")
    }
}

impl std::error::Error for Lost {}

/// Every name is this machine's.
struct ThisMachine;

impl Resolve for ThisMachine {
    fn resolve(&self, _: Name) -> Resolving {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Box::pin(async move { Ok(Box::new(std::iter::once(address)) as Addrs) })
    }
}

#[derive(Clone)]
pub struct Browser {
    client: Client,
    origin: String,
    pub cookies: BTreeMap<String, String>,
    /// The address that it seems to come from: each browser its own.
    address: Ipv4Addr,
    /// Answers that it got, redirects included.
    pub answers: u64,
    diary: Option<Diary>,
}

impl Browser {
    /// A new one on a site of the house: `yingtan`, `fujian`.
    pub fn new(house: &House, site: &str) -> Self {
        Self {
            diary: Some(house.diary.clone()),
            ..Self::at(&house.address(site, ""))
        }
    }

    /// Another one of the same house, at `http://HOST:PORT`.
    pub fn beside(&self, origin: &str) -> Self {
        Self {
            diary: self.diary.clone(),
            ..Self::at(origin)
        }
    }

    /// A new one at `http://HOST:PORT` of this machine, whatever the host's name.
    pub fn at(origin: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let client = Client::builder()
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .dns_resolver(Arc::new(ThisMachine))
            .build()
            .expect("an HTTP client");
        Self {
            client,
            origin: origin.to_owned(),
            cookies: BTreeMap::new(),
            // 100.64.0.0/10, which nobody has for himself (RFC 6598).
            address: Ipv4Addr::from(0x6440_0000 + NEXT.fetch_add(1, Ordering::Relaxed)),
            answers: 0,
            diary: None,
        }
    }

    /// Opens a page, following redirects.
    pub async fn get(&mut self, path: &str) -> Result<Page> {
        let first = self.ask(Method::GET, path, &[], Vec::new()).await?;
        self.follow(first).await
    }

    /// Opens a page that has to be there.
    pub async fn open(&mut self, path: &str) -> Result<Page> {
        let page = self.get(path).await?;
        if !page.status.is_success() {
            bail!("{path}: {} {}", page.status, page.main_text());
        }
        Ok(page)
    }

    /// Fills in the form with this button, by labels, and presses it.
    pub async fn press(
        &mut self,
        page: &Page,
        button: &str,
        answers: &[(&str, Answer<'_>)],
    ) -> Result<Page> {
        let (mut form, place) = page.form_with(button)?;
        for (label, answer) in answers {
            form.fill(label, answer.clone())?;
        }
        self.send(&form, Some(place)).await
    }

    /// Sends a form, by one of its buttons or as it is, and follows redirects.
    pub async fn send(&mut self, form: &Form, button: Option<usize>) -> Result<Page> {
        let first = self.send_once(form, button).await?;
        self.follow(first).await
    }

    /// Sends a form and does not follow where it leads.
    pub async fn send_once(&mut self, form: &Form, button: Option<usize>) -> Result<Page> {
        let target = form.target(button);
        if form.method == "get" {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(form.pairs(button))
                .finish();
            return self
                .ask(Method::GET, &format!("{target}?{query}"), &[], Vec::new())
                .await;
        }
        let (kind, body) = form.body(button);
        self.ask(
            Method::POST,
            target,
            &[(CONTENT_TYPE.as_str(), &kind)],
            body,
        )
        .await
    }

    /// One request and its answer, wherever that leads. `path` may be a whole address of another host.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Page> {
        let origin = Url::parse(&self.origin)?;
        let address = origin.join(path)?;
        // What goes to a provider's page is not the server's to keep.
        let kept = method == Method::POST && address.host() == origin.host();
        let diary = self.diary.clone().filter(|_| kept);
        let note = diary.map(|diary| {
            let kind = headers
                .iter()
                .find(|(name, _)| *name == CONTENT_TYPE.as_str());
            let kind = kind.map_or("", |(_, kind)| *kind);
            let host = address.host_str().unwrap_or_default();
            let place = diary.sent(Sent::new(host, address.path(), kind, &body));
            (diary, place)
        });
        let mut request = self.client.request(method, address.clone());
        if address.host() == origin.host() {
            let cookies = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            request = request
                .header(COOKIE, cookies.collect::<Vec<_>>().join("; "))
                .header("x-forwarded-for", self.address.to_string());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let lost = |error: reqwest::Error| anyhow::Error::new(error).context(Lost);
        let answer = request
            .body(body)
            .send()
            .await
            .map_err(lost)
            .context(path.to_owned())?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        // The head is the acknowledgement, whatever becomes of the rest.
        if let Some((diary, place)) = note {
            let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
            let answer = Answered {
                status: status.as_u16(),
                to: to.unwrap_or_default().to_owned(),
            };
            diary.answered(place, answer);
        }
        let body = answer
            .bytes()
            .await
            .map_err(lost)
            .context(path.to_owned())?;
        self.answers += 1;
        if address.host() == origin.host() {
            self.keep_cookies(&headers);
        }
        let path = match address.query() {
            Some(query) => format!("{}?{query}", address.path()),
            None => address.path().to_owned(),
        };
        let path = if address.host() == origin.host() {
            path
        } else {
            address.to_string()
        };
        Ok(Page {
            status,
            path,
            headers,
            body,
        })
    }

    async fn follow(&mut self, mut page: Page) -> Result<Page> {
        for _ in 0..MOST_REDIRECTS {
            if !page.status.is_redirection() {
                return Ok(page);
            }
            let Some(to) = page.headers.get(LOCATION) else {
                return Ok(page);
            };
            let to = to.to_str()?.to_owned();
            // Relative to where it was found, which may be another host.
            let base = Url::parse(&self.origin)?.join(&page.path)?;
            page = self
                .ask(Method::GET, base.join(&to)?.as_str(), &[], Vec::new())
                .await?;
        }
        bail!("{}: redirected without end", page.path)
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE) {
            let text = String::from_utf8_lossy(cookie.as_bytes()).into_owned();
            let pair = text.split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                let gone = value.is_empty() || text.to_ascii_lowercase().contains("max-age=0");
                if gone {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
    }
}
