//! Every form of every page, sent in every bad way.
//!
//! No answer is a failure of the server's own or shows another's data, what is refused is a page with a way out, and what
//! carries no right token changes nothing.

use crate::asking::{Asker, encoded, fault_of_refusal, leads_to, mistakes_in};
use crate::bodies::{Foreign, bad_bodies, bad_queries, beside, in_place_of, without_right};
use crate::others::Others;
use crate::world::{DATABASES, Kind, Person, SITES, World, world_on};
use anyhow::Result;
use reqwest::{Method, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use yinxin_house::{Browser, Database, Form, Page};
use yinxin_security::crawl::Found;
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

/// Routes that take a form and that no form of any site leads to, and why.
const NO_FORM: &[(&str, &str)] = &[
    ("/notify/{gateway}/{site}", "a gateway signs what it sends"),
    ("/notify/face/{site}", "the provider signs what it sends"),
    ("/picture-code", "the page's script asks for it"),
    (
        "/login/code",
        "no site asks for a code by SMS at the log-in",
    ),
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
    /// Of them, with another's id where the form had one's own.
    foreign: usize,
    /// Routes that a form led to, and others that were posted to without one.
    hit: BTreeSet<String>,
    by_hand: BTreeSet<String>,
    /// Addresses that were asked for with something odd in their query.
    queries: usize,
    statuses: BTreeMap<u16, usize>,
    faults: Vec<String>,
}

/// The same for each site on each database.
macro_rules! bad_input_at {
    ($($site:ident),+) => {
        const TRIED: &[&str] = &[$(stringify!($site)),+];

        $(mod $site {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn bad_input_breaks_nothing() {
                bad_input(stringify!($site), Database::Sqlite).await.unwrap();
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn bad_input_breaks_nothing_on_postgres() {
                bad_input(stringify!($site), Database::Postgres).await.unwrap();
            }
        })+
    };
}

bad_input_at!(yingtan, fujian);

#[test]
fn every_site_is_given_bad_input() {
    assert_eq!(TRIED, SITES);
}

#[test]
fn what_takes_a_form_has_one_in_the_world() {
    for database in DATABASES {
        let world = world_on(database);
        let routes = routes::all().unwrap();
        let people = world.people.iter();
        let everybody = people.map(|person| (person.site, Some(person)));
        let everybody = everybody.chain(SITES.map(|site| (site, None)));
        let reached: BTreeSet<String> = everybody
            .flat_map(|(site, person)| targets_of(world, person, site, &routes))
            .map(|target| target.pattern)
            .collect();
        let missed = routes.iter().filter(|(_, methods)| methods.post);
        let missed = missed.map(|(pattern, _)| pattern.as_str());
        let missed: BTreeSet<&str> = missed.filter(|path| !reached.contains(*path)).collect();
        let excused = NO_FORM.iter().map(|(path, _)| *path).collect();
        assert_eq!(
            missed, excused,
            "on {database:?}: make one in `making.rs`, or say why there is none"
        );
    }
}

async fn bad_input(site: &'static str, database: Database) -> Result<()> {
    let world = world_on(database);
    let house = world.open().await?;
    let mut watch = Watch::open(&house.database_url()).await?;
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
        let mut browser = Browser::new(&house, site);
        browser.cookies = match person {
            None => world.strangers[site].cookies.clone(),
            Some(person) => person.cookies.clone(),
        };
        let mut asker = Asker::new(browser);
        let hidden = Search::new(world.hidden_from(person));
        let stranger = strangers_token(&house, site).await?;
        let strange = others_addresses(world, person, site);
        watch.settle().await?;
        let others = Others::of(world, person, site, &watch)?;
        let mut targets = targets_of(world, person, site, &routes);
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
            for address in strange.get(&target.pattern).into_iter().flatten() {
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
            // Another's things where the form has one's own, with a right token.
            let foreign = in_place_of(&target.form, target.button, &target.address, &others);
            for sending in foreign {
                try_out.count.foreign += 1;
                try_out.send_foreign(sending, &others, &mut watch).await?;
            }
            for (how, kind, body) in bad_bodies(&target.form, target.button) {
                try_out
                    .send(&how, Method::POST, &target.address, kind, body)
                    .await?;
            }
            // Beside one's own they keep the form from nothing that it is for, so that this comes last.
            let foreign = beside(&target.form, target.button, &target.address, &others);
            try_out.send_foreign(foreign, &others, &mut watch).await?;
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
        by_hand(
            world, &mut count, &mut asker, person, &hidden, &routes, site,
        )
        .await?;
        for address in found_by(world, person, site).queries.values() {
            for (how, address) in bad_queries(address) {
                let page = asker.get(&address).await?;
                count.queries += 1;
                let name = person.map_or("nobody", |person| person.name.as_str());
                for fault in faults_of(&page, &hidden) {
                    let fault = format!("{name} asks for {address}, {how}: {fault}");
                    count.faults.push(fault);
                }
            }
        }
    }
    println!(
        "{site} on {database:?}: {} forms, {} requests, {} of them with another's id in place of one's own, answers {:?}; \
         {} odd queries; by hand {:?}",
        count.forms, count.posts, count.foreign, count.statuses, count.queries, count.by_hand
    );
    assert!(count.forms > 50, "{} forms", count.forms);
    assert!(count.foreign > 50, "{} with another's id", count.foreign);
    assert!(count.queries > 50, "{} odd queries", count.queries);
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

    /// With another's ids: whatever the answer is, nothing of theirs is touched.
    async fn send_foreign(
        &mut self,
        (how, address, kind, body): Foreign,
        others: &Others,
        watch: &mut Watch,
    ) -> Result<()> {
        watch.settle().await?;
        self.send(&how, Method::POST, &address, kind, body).await?;
        for touched in others.touched(&watch.changes().await?) {
            self.complain(&how, &format!("touched {touched}"));
        }
        Ok(())
    }

    fn judge(&mut self, how: &str, page: &Page) {
        self.count.posts += 1;
        *self.count.statuses.entry(page.status.as_u16()).or_default() += 1;
        for fault in faults_of(page, self.hidden) {
            self.complain(how, &fault);
        }
    }

    fn complain(&mut self, how: &str, what: &str) {
        let Target { page, address, .. } = self.target;
        let fault = format!("{}, form on {page} to {address}, {how}: {what}", self.name);
        self.count.faults.push(fault);
    }
}

/// What is wrong with an answer, whatever was asked.
fn faults_of(page: &Page, hidden: &Search) -> Vec<String> {
    let mut faults = Vec::new();
    if page.status.is_server_error() {
        let said: String = page.main_text().chars().take(200).collect();
        faults.push(format!("{} {said}", page.status));
    }
    faults.extend(fault_of_refusal(page));
    let told = hidden.told(&page.body).into_iter();
    faults.extend(told.map(|shown| format!("shows {shown}")));
    let to = leads_to(page).unwrap_or("/");
    if !to.starts_with('/') || to.starts_with("//") {
        faults.push(format!("leads to {to}"));
    }
    faults
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

/// What they come across.
fn found_by<'w>(world: &'w World, person: Option<&Person>, site: &str) -> &'w Found {
    let Some(person) = person else {
        return &world.strangers[site].found;
    };
    let mut people = world.people.iter();
    let place = people.position(|other| other.name == person.name);
    &world.found[place.unwrap()]
}

fn targets_of(
    world: &World,
    person: Option<&Person>,
    site: &str,
    routes: &BTreeMap<String, Methods>,
) -> Vec<Target> {
    let mut targets = Vec::new();
    for (page, form) in &found_by(world, person, site).forms {
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
    targets
}

/// A right token of another visitor's.
async fn strangers_token(house: &yinxin_house::House, site: &str) -> Result<String> {
    Asker::new(Browser::new(house, site))
        .token("/console")
        .await
}

/// Addresses of the same site that others came across and this person, an applicant, did not.
fn others_addresses(
    world: &World,
    person: Option<&Person>,
    site: &str,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut others: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let Some(person) = person.filter(|person| person.kind == Kind::Applicant) else {
        return others;
    };
    let own = &found_by(world, Some(person), site).addresses;
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

/// Posts to routes that no form of this site's people leads to: scripts' and machines', and what another site has.
async fn by_hand(
    world: &World,
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
    let found = world.people.iter().zip(&world.found);
    let found: Vec<_> = found
        .filter(|(person, _)| person.site == site)
        .map(|(_, found)| found)
        .collect();
    let instances = instances(routes, &found);
    for (pattern, methods) in routes {
        let known = count.hit.contains(pattern) || count.by_hand.contains(pattern);
        if !methods.post || known || !mine(pattern) {
            continue;
        }
        count.by_hand.insert(pattern.clone());
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
