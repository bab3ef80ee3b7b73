//! Everything that a person's pages lead to: pages, pictures, files, forms.

use crate::routes::{Methods, pattern_of};
use anyhow::Result;
use reqwest::Method;
use scraper::{Html, Selector};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use yinxin_house::page::Control;
use yinxin_house::{Browser, Form, Page};

/// Addresses of one pattern that are opened: lists lead to more of the same.
const OF_ONE_PATTERN: usize = 40;
/// Forms of one pattern and one set of fields that are kept.
const FORMS_OF_ONE_KIND: usize = 4;

/// Attributes in which pages of ours have addresses that are opened.
const LINKS: [&str; 4] = ["href", "src", "data-live", "data"];
/// Attributes with addresses that forms are sent to.
const ACTIONS: [&str; 2] = ["action", "formaction"];

/// What somebody found.
#[derive(Default)]
pub struct Found {
    /// Addresses by the pattern of their route, of pages and of what forms lead to.
    pub addresses: BTreeMap<String, BTreeSet<String>>,
    /// Forms with the address of their page.
    pub forms: Vec<(String, Form)>,
    /// Pages that were opened.
    pub pages: usize,
    /// Addresses of ours that no route has, and pages that could not be opened.
    pub broken: Vec<String>,
    /// Addresses that were asked for with GET and answered.
    pub opened: BTreeSet<String>,
    /// Whole addresses with a query, of links and of forms that ask: one for each route and each set of names in the query.
    pub queries: BTreeMap<(String, Vec<String>), String>,
}

/// Follows all that can be followed with GET, from these addresses on. `seen` is told of each answer.
pub async fn crawl(
    browser: &mut Browser,
    routes: &BTreeMap<String, Methods>,
    starts: &[&str],
    mut seen: impl FnMut(&str, &Page),
) -> Result<Found> {
    let mut found = Found::default();
    let mut queue: VecDeque<String> = starts.iter().map(|start| (*start).to_owned()).collect();
    let mut asked: BTreeSet<String> = queue.iter().cloned().collect();
    let mut of_pattern: BTreeMap<String, usize> = BTreeMap::new();
    let mut of_kind: BTreeMap<(String, Vec<String>), usize> = BTreeMap::new();
    while let Some(address) = queue.pop_front() {
        let Some(pattern) = pattern_of(routes.keys(), &address).map(str::to_owned) else {
            found.broken.push(format!("no route has {address}"));
            continue;
        };
        let known = found.addresses.entry(pattern.clone()).or_default();
        known.insert(path_of(&address).to_owned());
        // A stream has no end; a look at it has.
        found.keep_query(&pattern, &address);
        let address = match pattern.ends_with("/events") {
            true => format!("{}?poll=1", path_of(&address)),
            false => address,
        };
        let opened = of_pattern.entry(pattern.clone()).or_default();
        *opened += 1;
        if !routes[&pattern].get || *opened > OF_ONE_PATTERN {
            continue;
        }
        let page = browser.ask(Method::GET, &address, &[], Vec::new()).await?;
        seen(&address, &page);
        found.pages += 1;
        if page.status.is_redirection() {
            let to = page.headers.get("location").map(|to| to.to_str());
            if let Some(Ok(to)) = to
                && to.starts_with('/')
                && asked.insert(to.to_owned())
            {
                queue.push_back(to.to_owned());
            }
            continue;
        }
        if !page.status.is_success() {
            found.broken.push(format!("{address}: {}", page.status));
            continue;
        }
        found.opened.insert(path_of(&address).to_owned());
        if !is_html(&page) {
            continue;
        }
        for form in page.forms() {
            let action = path_of(&form.action).to_owned();
            let kind = pattern_of(routes.keys(), &action).unwrap_or("").to_owned();
            let mut names: Vec<String> = form.fields.iter().map(|f| f.name.clone()).collect();
            names.sort();
            let number = of_kind.entry((kind, names)).or_default();
            *number += 1;
            if form.method == "get" {
                let address = asked_by(form);
                if let Some(pattern) = pattern_of(routes.keys(), &action) {
                    found.keep_query(pattern, &address);
                }
                if *number <= FORMS_OF_ONE_KIND && asked.insert(address.clone()) {
                    queue.push_back(address);
                }
            } else if *number <= FORMS_OF_ONE_KIND {
                found.forms.push((address.clone(), form));
            }
        }
        for action in addresses_on(&page, &ACTIONS) {
            if let Some(pattern) = pattern_of(routes.keys(), &action) {
                let known = found.addresses.entry(pattern.to_owned()).or_default();
                known.insert(path_of(&action).to_owned());
            }
        }
        for next in links_on(&page) {
            if asked.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    Ok(found)
}

impl Found {
    fn keep_query(&mut self, pattern: &str, address: &str) {
        let Some((_, query)) = address.split_once('?') else {
            return;
        };
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let names: BTreeSet<String> = pairs.map(|(name, _)| name.into_owned()).collect();
        let key = (pattern.to_owned(), names.into_iter().collect());
        self.queries
            .entry(key)
            .or_insert_with(|| address.to_owned());
    }
}

/// Where a form leads that asks and changes nothing, with every box ticked.
fn asked_by(mut form: Form) -> String {
    for field in &mut form.fields {
        if let Control::Tick(value) = &field.control {
            field.value = Some(value.clone());
        }
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form.pairs(None))
        .finish();
    match query.as_str() {
        "" => form.action,
        query => format!("{}?{query}", form.action),
    }
}

/// Path and query of every address of ours that a page leads to or shows.
pub fn links_on(page: &Page) -> Vec<String> {
    addresses_on(page, &LINKS)
}

fn addresses_on(page: &Page, attributes: &[&str]) -> Vec<String> {
    let document = Html::parse_document(&page.html());
    let every = Selector::parse("*").unwrap();
    let mut found = Vec::new();
    for element in document.select(&every) {
        for name in attributes {
            let Some(value) = element.value().attr(name) else {
                continue;
            };
            let value = value.split('#').next().unwrap_or_default();
            if let Some(rest) = value.strip_prefix('?') {
                found.push(format!("{}?{rest}", path_of(&page.path)));
            } else if value.starts_with('/') && !value.starts_with("//") {
                found.push(value.to_owned());
            } else if let Some((_, after)) = value.split_once(".localhost:") {
                // Letters and pages for phones name the whole address.
                found.extend(after.find('/').map(|at| after[at..].to_owned()));
            }
        }
    }
    found
}

pub fn path_of(address: &str) -> &str {
    address.split(['?', '#']).next().unwrap_or(address)
}

pub fn is_html(page: &Page) -> bool {
    let kind = page.headers.get("content-type");
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html"))
}
