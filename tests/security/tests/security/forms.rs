//! Every form of every page, sent in every bad way.
//!
//! No answer is a failure of the server's own or shows another's data, what is refused is a page with a way out, and what
//! carries no right token changes nothing.

use crate::asking::{Asker, encoded, fault_of_refusal, leads_to, mistakes_in};
use crate::bodies::{bad_bodies, without_right};
use crate::world::{Kind, Person, world};
use anyhow::Result;
use reqwest::{Method, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use yinxin_house::{Browser, Form, Page};
use yinxin_security::database::Watch;
use yinxin_security::instances::instances;
use yinxin_security::marks::Search;
use yinxin_security::permissions::Role;
use yinxin_security::routes::{self, Methods, pattern_of};

/// Forms that end a session, or take away what others' forms are about: sent last.
const LAST: [&str; 10] = [
    "/cases/{id}/delete",
    "/certificates/{serial}/unbind",
    "/orders/{id}/cancel",
    "/console/orders/{id}/cancel",
    "/console/accounts/{id}/state",
    "/console/staff/{id}",
    "/console/staff/{id}/password",
    "/profile/sessions",
    "/logout",
    "/console/logout",
];

/// A form with one of the places that its buttons lead to.
struct Target {
    pattern: String,
    address: String,
    page: String,
    form: Form,
    button: Option<usize>,
}

#[derive(Default)]
struct Count {
    forms: usize,
    posts: usize,
    hit: BTreeSet<String>,
    statuses: BTreeMap<u16, usize>,
    faults: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_at_yingtan() {
    bad_input_at("yingtan").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_at_fujian() {
    bad_input_at("fujian").await.unwrap();
}

async fn bad_input_at(site: &'static str) -> Result<()> {
    let world = world();
    let house = world.open().await?;
    let mut watch = Watch::open(&house.data()).await?;
    let routes = routes::all().map_err(anyhow::Error::msg)?;
    let mut count = Count::default();
    // Administrators last: they change what others may.
    let mut people: Vec<Option<&Person>> = vec![None];
    people.extend(
        world
            .people
            .iter()
            .filter(|person| person.site == site)
            .map(Some),
    );
    people.sort_by_key(|person| {
        matches!(
            person.map(|person| person.kind),
            Some(Kind::Clerk(Role::Administrator))
        )
    });
    let mut met = BTreeSet::new();
    for person in people {
        let browser = match person {
            None => Browser::new(&house, site),
            Some(person) => person.browser(&house),
        };
        let mut asker = Asker::new(browser);
        let hidden = Search::new(world.hidden_from(person));
        let stranger = strangers_token(&house, site).await?;
        let others = others_addresses(person, site);
        let mut targets = targets_of(&mut asker, person, &routes).await?;
        targets.retain(|target| met.insert(kind_of(target)));
        targets.sort_by_key(|target| LAST.iter().position(|last| *last == target.pattern));
        for target in targets {
            count.forms += 1;
            count.hit.insert(target.pattern.clone());
            let name = person.map_or("nobody", |person| person.name.as_str());
            let mut try_out = TryOut {
                name,
                asker: &mut asker,
                hidden: &hidden,
                count: &mut count,
                target: &target,
            };
            // With the wrong token or none, nothing happens.
            for (how, kind, body) in without_right(&target.form, target.button, &stranger) {
                watch.settle().await?;
                let page = try_out
                    .send(&how, Method::POST, &target.address, kind, body)
                    .await?;
                let refused = page.status == StatusCode::FORBIDDEN
                    || page.status.is_redirection() && is_door(&page);
                if !refused {
                    try_out.complain(&how, &format!("{} {:?}", page.status, leads_to(&page)));
                }
                let changed = watch.changed().await?;
                if !changed.is_empty() {
                    try_out.complain(&how, &format!("changed {}", changed.join(", ")));
                }
            }
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(target.form.pairs(target.button))
                .finish();
            let as_get = format!(
                "{}?{query}",
                yinxin_security::crawl::path_of(&target.address)
            );
            try_out
                .send("as a look", Method::GET, &as_get, None, Vec::new())
                .await?;
            // Another's thing in the path, with a right token of one's own.
            for address in others.get(&target.pattern).into_iter().flatten() {
                watch.settle().await?;
                let (kind, body) = target.form.body(target.button);
                let page = try_out
                    .send("another's", Method::POST, address, Some(kind), body)
                    .await?;
                if page.status != StatusCode::NOT_FOUND && page.status != StatusCode::FORBIDDEN {
                    try_out.complain("another's", &format!("{address}: {}", page.status));
                }
                let changed = watch.changed().await?;
                if !changed.is_empty() {
                    try_out.complain(
                        "another's",
                        &format!("{address} changed {}", changed.join(", ")),
                    );
                }
            }
            for (how, kind, body) in bad_bodies(&target.form, target.button, &others) {
                try_out
                    .send(&how, Method::POST, &target.address, kind, body)
                    .await?;
            }
            // As it stands, twice at the same moment.
            let (kind, body) = target.form.body(target.button);
            let mut other = Asker::new(try_out.asker.browser.clone());
            let headers = [("content-type", kind.as_str())];
            let twin = other.ask(Method::POST, &target.address, &headers, body.clone());
            let (one, twin) = tokio::join!(
                try_out.send(
                    "twice at once",
                    Method::POST,
                    &target.address,
                    Some(kind.clone()),
                    body
                ),
                twin
            );
            one?;
            try_out.judge("twice at once", &twin?);
        }
        unreached(&mut count, &mut asker, person, &hidden, &routes, site).await?;
    }
    let missed: Vec<&String> = routes
        .iter()
        .filter(|(pattern, methods)| methods.post && !count.hit.contains(*pattern))
        .map(|(pattern, _)| pattern)
        .collect();
    println!(
        "{site}: {} forms, {} requests, answers {:?}",
        count.forms, count.posts, count.statuses
    );
    assert!(missed.is_empty(), "nobody posted to {missed:?}");
    assert!(count.forms > 50, "{} forms", count.forms);
    assert!(
        count.faults.is_empty(),
        "{} faults:\n{}",
        count.faults.len(),
        count.faults.join("\n")
    );
    let log = std::fs::read_to_string(house.server_log())?;
    let mistakes = mistakes_in(&log);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    Ok(())
}

/// What one form is sent by.
struct TryOut<'a> {
    name: &'a str,
    asker: &'a mut Asker,
    hidden: &'a Search,
    count: &'a mut Count,
    target: &'a Target,
}

impl TryOut<'_> {
    async fn send(
        &mut self,
        how: &str,
        method: Method,
        address: &str,
        kind: Option<String>,
        body: Vec<u8>,
    ) -> Result<Page> {
        let headers: Vec<(&str, &str)> = kind
            .iter()
            .map(|kind| ("content-type", kind.as_str()))
            .collect();
        let page = self.asker.ask(method, address, &headers, body).await?;
        self.judge(how, &page);
        Ok(page)
    }

    fn judge(&mut self, how: &str, page: &Page) {
        self.count.posts += 1;
        *self.count.statuses.entry(page.status.as_u16()).or_default() += 1;
        if page.status.is_server_error() {
            let said: String = page.main_text().chars().take(200).collect();
            self.complain(how, &format!("{} {said}", page.status));
        }
        if let Some(fault) = fault_of_refusal(page) {
            self.complain(how, &fault);
        }
        for shown in self.hidden.told(&page.body) {
            self.complain(how, &format!("shows {shown}"));
        }
        let to = leads_to(page).unwrap_or("/");
        if !to.starts_with('/') || to.starts_with("//") {
            self.complain(how, &format!("leads to {to}"));
        }
    }

    fn complain(&mut self, how: &str, what: &str) {
        let Target { page, address, .. } = self.target;
        let fault = format!("{}, form on {page} to {address}, {how}: {what}", self.name);
        self.count.faults.push(fault);
    }
}

fn is_door(page: &Page) -> bool {
    leads_to(page).is_some_and(|to| to.contains("/login?next="))
}

/// Forms that are sent to one route with the same fields are one kind.
fn kind_of(target: &Target) -> (String, Vec<String>, Option<String>) {
    let mut names: Vec<String> = target
        .form
        .fields
        .iter()
        .map(|field| field.name.clone())
        .collect();
    names.sort();
    // The same form with and without content meets other rules.
    let path = yinxin_security::crawl::path_of(&target.address);
    let last = path.rsplit('/').next().map(str::to_owned);
    let last = last.filter(|last| last.len() < 20);
    (target.pattern.clone(), names, last)
}

async fn targets_of(
    asker: &mut Asker,
    person: Option<&Person>,
    routes: &BTreeMap<String, Methods>,
) -> Result<Vec<Target>> {
    let world = world();
    let forms: Vec<(String, Form)> = match person {
        Some(person) => {
            let place = world
                .people
                .iter()
                .position(|other| other.name == person.name);
            world.found[place.unwrap_or_default()].forms.clone()
        }
        None => {
            let starts = ["/", "/login", "/register", "/recover", "/console/login"];
            let look = |_: &str, _: &Page| {};
            let found =
                yinxin_security::crawl::crawl(&mut asker.browser, routes, &starts, look).await?;
            found.forms
        }
    };
    let mut targets = Vec::new();
    for (page, form) in forms {
        let mut known = BTreeSet::new();
        let buttons = (0..form.buttons.len()).map(Some).chain([None]);
        for button in buttons {
            let address = form.target(button).to_owned();
            let named = button
                .map(|place| form.buttons[place].name.clone())
                .unwrap_or_default();
            if !known.insert((address.clone(), named)) {
                continue;
            }
            let Some(pattern) = pattern_of(routes.keys(), &address) else {
                continue;
            };
            targets.push(Target {
                pattern: pattern.to_owned(),
                address,
                page: page.clone(),
                form: form.clone(),
                button,
            });
        }
    }
    Ok(targets)
}

/// A right token of another visitor's.
async fn strangers_token(house: &yinxin_house::House, site: &str) -> Result<String> {
    Asker::new(Browser::new(house, site))
        .token("/console")
        .await
}

/// Addresses of the same site that others came across and this person, an applicant, did not.
fn others_addresses(person: Option<&Person>, site: &str) -> BTreeMap<String, BTreeSet<String>> {
    let world = world();
    let mut others: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let Some(person) = person.filter(|person| person.kind == Kind::Applicant) else {
        return others;
    };
    let own = world
        .people
        .iter()
        .zip(&world.found)
        .find(|(other, _)| other.name == person.name);
    let own = &own.unwrap().1.addresses;
    for (other, found) in world.people.iter().zip(&world.found) {
        if other.site != site || other.kind != Kind::Applicant || other.name == person.name {
            continue;
        }
        for (pattern, addresses) in &found.addresses {
            let known = own.get(pattern);
            let strange = addresses
                .iter()
                .filter(|address| known.is_none_or(|own| !own.contains(*address)));
            let strange = strange.take(2).cloned();
            if pattern.contains("{id}") {
                others.entry(pattern.clone()).or_default().extend(strange);
            }
        }
    }
    others
}

/// Routes that no form of the world leads to: scripts' and machines', and what the world has none of.
async fn unreached(
    count: &mut Count,
    asker: &mut Asker,
    person: Option<&Person>,
    hidden: &Search,
    routes: &BTreeMap<String, Methods>,
    site: &str,
) -> Result<()> {
    let last = matches!(
        person.map(|person| person.kind),
        Some(Kind::Clerk(Role::Administrator))
    );
    // Whoever may most comes last; applicants' routes are tried by the first who is one.
    let mine = |pattern: &str| match person.map(|person| person.kind) {
        None => {
            pattern.starts_with("/notify") || pattern == "/picture-code" || pattern == "/login/code"
        }
        Some(Kind::Applicant) => !pattern.starts_with("/console"),
        Some(Kind::Clerk(_)) => last && pattern.starts_with("/console"),
    };
    let world = world();
    let found = world.people.iter().zip(&world.found);
    let found: Vec<_> = found
        .filter(|(person, _)| person.site == site)
        .map(|(_, found)| found)
        .collect();
    let instances = instances(routes, &found);
    for (pattern, methods) in routes {
        if !methods.post || count.hit.contains(pattern) || !mine(pattern) {
            continue;
        }
        println!("{site}: no form leads to {pattern}");
        count.hit.insert(pattern.clone());
        let token = asker.token(pattern).await?;
        let address = instances[pattern][0].address.clone();
        let pairs = vec![
            ("_csrf".to_owned(), token),
            ("id".to_owned(), "1".to_owned()),
        ];
        for multipart in [false, true] {
            let (kind, body) = encoded(&pairs, multipart);
            let form = Page {
                status: StatusCode::OK,
                path: address.clone(),
                headers: Default::default(),
                body: format!("<form method=post action=\"{address}\"></form>")
                    .into_bytes()
                    .into(),
            };
            let target = Target {
                pattern: pattern.clone(),
                address: address.clone(),
                page: "no page".to_owned(),
                form: form.forms().remove(0),
                button: None,
            };
            let mut try_out = TryOut {
                name: person.map_or("nobody", |person| person.name.as_str()),
                asker,
                hidden,
                count,
                target: &target,
            };
            try_out
                .send("by hand", Method::POST, &address, Some(kind.clone()), body)
                .await?;
            let junk: Vec<u8> = (0..=255).cycle().take(3_000).collect();
            try_out
                .send("junk", Method::POST, &address, Some(kind), junk)
                .await?;
        }
    }
    Ok(())
}
