//! Every route, asked for by everybody: who may not learns nothing and changes nothing.

use crate::asking::{Asker, fault_of_refusal, leads_to};
use crate::world::{DATABASES, Kind, Person, SITES, World, world_on};
use anyhow::Result;
use reqwest::{Method, StatusCode};
use std::collections::{BTreeMap, BTreeSet};
use yinxin_house::{Browser, Database, House, Page};
use yinxin_security::database::Watch;
use yinxin_security::instances::{Instance, instances};
use yinxin_security::marks::Search;
use yinxin_security::permissions::{Role, Row, Who, gaps, table};
use yinxin_security::routes::{self, Methods, pattern_of};

/// What the owner does last: it ends a session or takes the thing away that others are to be refused at.
const LAST: [&str; 5] = [
    "/cases/{id}/delete",
    "/certificates/{serial}/unbind",
    "/profile/sessions",
    "/logout",
    "/console/logout",
];

/// What is to become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allowed,
    /// Led to the door, and back afterwards.
    Door,
    Forbidden,
    NotFound,
    /// In one way or another.
    Refused,
    /// Answered, and in vain.
    InVain,
    /// Another site's: not to be seen, and whatever is done, nothing happens.
    NotHere,
    /// Their own page by the same address: says nothing about this one.
    Theirs,
}

#[derive(Clone)]
struct Visitor<'w> {
    /// None: somebody who never logged in.
    person: Option<&'w Person>,
    /// Place among the world's people.
    place: Option<usize>,
    /// The site that is asked.
    at: &'static str,
}

impl Visitor<'_> {
    fn name(&self) -> String {
        match self.person {
            None => format!("nobody at {}", self.at),
            Some(person) if person.site == self.at => person.name.clone(),
            Some(person) => format!("{} at {}", person.name, self.at),
        }
    }

    fn browser(&self, house: &House) -> Browser {
        match self.person {
            None => Browser::new(house, self.at),
            Some(person) => person.browser_at(house, self.at),
        }
    }

    /// The person as the site knows them at this address, if it does.
    fn known(&self, address: &str) -> Option<Kind> {
        let person = self.person.filter(|person| person.site == self.at)?;
        let console = address.starts_with("/console");
        (console == (person.kind != Kind::Applicant)).then_some(person.kind)
    }

    /// `site`: where the address was found.
    fn verdict(
        &self,
        who: Who,
        instance: &Instance,
        site: &str,
        theirs: &BTreeSet<&String>,
    ) -> Verdict {
        let address = &instance.address;
        if who == Who::Machine {
            return Verdict::Refused;
        }
        if self.at != site && (theirs.contains(address) || who == Who::Everybody) {
            return Verdict::Theirs;
        }
        if who == Who::Everybody {
            return Verdict::Allowed;
        }
        let Some(kind) = self.known(address) else {
            return Verdict::Door;
        };
        let elsewhere = self.at != site;
        let may = |yes: bool, no: Verdict| match (yes, elsewhere) {
            (true, false) => Verdict::Allowed,
            (true, true) => Verdict::NotHere,
            (false, _) => no,
        };
        let found = self
            .place
            .is_some_and(|place| instance.finders.contains(&place));
        let role =
            |role: Role| kind == Kind::Clerk(role) || kind == Kind::Clerk(Role::Administrator);
        match who {
            Who::Everybody | Who::Machine => Verdict::Allowed,
            Who::Applicant | Who::Clerk => may(true, Verdict::Refused),
            Who::Owner => may(found && !elsewhere, Verdict::NotFound),
            Who::Role(wanted) => may(role(wanted), Verdict::Forbidden),
            Who::Queue => {
                let named = address.split('/').find_map(|part| {
                    let roles = yinxin_security::permissions::ROLES.into_iter();
                    roles.into_iter().find(|role| role.name() == part)
                });
                may(named.is_some_and(role), Verdict::Forbidden)
            }
            Who::Shown => may(found, Verdict::Refused),
            Who::Holder => may(
                found,
                if elsewhere {
                    Verdict::NotHere
                } else {
                    Verdict::InVain
                },
            ),
        }
    }
}

/// What is wrong with an answer, if something is.
fn fault(
    verdict: Verdict,
    page: &Page,
    address: &str,
    routes: &BTreeMap<String, Methods>,
) -> Option<String> {
    let status = page.status;
    let to = leads_to(page).unwrap_or_default();
    let door = match address.starts_with("/console") {
        true => "/console/login?next=%2F",
        false => "/login?next=%2F",
    };
    let right = match verdict {
        Verdict::Door => status == StatusCode::SEE_OTHER && to.starts_with(door),
        Verdict::Forbidden => status == StatusCode::FORBIDDEN,
        Verdict::NotFound => status == StatusCode::NOT_FOUND,
        Verdict::Refused => status.is_client_error(),
        Verdict::Allowed if status.is_redirection() => {
            to.starts_with('/')
                && pattern_of(routes.keys(), to).is_some()
                && !to.starts_with("/login?")
                && !to.starts_with("/console/login?")
        }
        Verdict::Allowed => {
            let denied = [
                StatusCode::UNAUTHORIZED,
                StatusCode::FORBIDDEN,
                StatusCode::METHOD_NOT_ALLOWED,
            ];
            // What is one's own may not be for now, as its state has it.
            let not_now = status == StatusCode::FORBIDDEN && page.has("申请的状态可能已经改变");
            not_now || !denied.contains(&status) && !status.is_server_error()
        }
        Verdict::InVain => status.is_redirection() && !to.contains("/login"),
        Verdict::NotHere => {
            status.is_client_error() || status.is_redirection() && !to.contains("/login")
        }
        Verdict::Theirs => true,
    };
    let said = || page.main_text().chars().take(160).collect::<String>();
    match right {
        true => fault_of_refusal(page).filter(|_| verdict != Verdict::Allowed),
        false => Some(format!(
            "is to be {verdict:?} and gets {status} {to} {}",
            said()
        )),
    }
}

/// Where the tries of one test are counted and their faults kept.
struct Trial {
    house: House,
    watch: Watch,
    routes: BTreeMap<String, Methods>,
    askers: BTreeMap<String, Asker>,
    tries: usize,
    faults: Vec<String>,
}

impl Trial {
    async fn ask(
        &mut self,
        visitor: &Visitor<'_>,
        method: &Method,
        address: &str,
        multipart: bool,
    ) -> Result<Page> {
        let new = || Asker::new(visitor.browser(&self.house));
        let asker = self.askers.entry(visitor.name()).or_insert_with(new);
        self.tries += 1;
        match *method {
            Method::POST => asker.post_empty(address, multipart).await,
            // A stream has no end; a look at it has.
            _ if address.ends_with("/events") => asker.get(&format!("{address}?poll=1")).await,
            _ => asker.get(address).await,
        }
    }

    fn complain(&mut self, visitor: &Visitor<'_>, method: &Method, address: &str, what: &str) {
        self.faults
            .push(format!("{} {method} {address}: {what}", visitor.name()));
    }
}

#[test]
fn every_route_says_who_may_use_it() {
    let gaps = gaps(&routes::all().unwrap(), &table().unwrap());
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

#[test]
fn nobodys_pages_show_anothers_data_or_lead_nowhere() {
    look_around(world_on(Database::Sqlite));
}

#[test]
fn nobodys_pages_show_anothers_data_or_lead_nowhere_on_postgres() {
    look_around(world_on(Database::Postgres));
}

fn look_around(world: &World) {
    for (person, found) in world.people.iter().zip(&world.found) {
        println!(
            "{}: {} pages, {} forms",
            person.name,
            found.pages,
            found.forms.len()
        );
        assert!(
            found.pages > 15,
            "{} saw {} pages",
            person.name,
            found.pages
        );
        assert!(
            found.broken.is_empty(),
            "{}: {}",
            person.name,
            found.broken.join("\n")
        );
    }
    assert!(world.leaks.is_empty(), "{}", world.leaks.join("\n"));
}

#[test]
fn a_route_that_nobody_thought_of_is_named() {
    let mut routes = routes::all().unwrap();
    let both = Methods {
        get: true,
        post: true,
    };
    routes.insert("/new/{id}".to_owned(), both);
    routes.remove("/crl");
    let gaps = gaps(&routes, &table().unwrap());
    assert_eq!(gaps.len(), 3, "{gaps:?}");
    assert!(gaps.iter().filter(|gap| gap.contains("/new/{id}")).count() == 2);
}

/// Routes of which no page of any site has an address, and why.
const NO_ADDRESS: &[(&str, &str)] = &[
    ("/notify/{gateway}/{site}", "is told to the gateways alone"),
    ("/notify/face/{site}", "is told to the provider alone"),
    (
        "/cases/{id}/pay",
        "leads on to the order that pages name themselves; it is put together from a case that exists",
    ),
];

#[test]
fn every_route_has_an_address_of_something_that_exists() {
    for database in DATABASES {
        let world = world_on(database);
        let routes = routes::all().unwrap();
        let real = SITES.map(|site| instances_at(world, site, &routes));
        let real: BTreeSet<&str> = real
            .iter()
            .flatten()
            .filter(|(_, instances, _)| instances.iter().any(|instance| instance.is_real))
            .map(|(pattern, ..)| pattern.as_str())
            .collect();
        let missed = routes.keys().map(String::as_str);
        let missed: BTreeSet<&str> = missed.filter(|path| !real.contains(path)).collect();
        let excused = NO_ADDRESS.iter().map(|(path, _)| *path).collect();
        assert_eq!(
            missed, excused,
            "on {database:?}: make one in `making.rs`, or say why there is none"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_learns_nothing_and_changes_nothing() {
    everybody_everywhere(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_learns_nothing_and_changes_nothing_on_postgres() {
    everybody_everywhere(Database::Postgres).await;
}

async fn everybody_everywhere(database: Database) {
    let world = world_on(database);
    let house = world.open().await.unwrap();
    let watch = Watch::open(&house.database_url()).await.unwrap();
    let mut trial = Trial {
        house,
        watch,
        routes: routes::all().unwrap(),
        askers: BTreeMap::new(),
        tries: 0,
        faults: Vec::new(),
    };
    let table = table().unwrap();
    let everything = Search::new(world.people.iter().flat_map(|person| person.marks.clone()));
    let mut allowed = Vec::new();
    for site in SITES {
        for (pattern, instances, multipart) in instances_at(world, site, &trial.routes) {
            let row: Row = table[&pattern];
            for instance in &instances {
                for (method, who) in [(Method::GET, row.get), (Method::POST, row.post)] {
                    let Some(who) = who else { continue };
                    for visitor in visitors(world) {
                        let theirs = addresses_of(world, visitor.at);
                        let verdict = visitor.verdict(who, instance, site, &theirs);
                        match verdict {
                            Verdict::Theirs => {}
                            Verdict::Allowed => allowed.push((
                                LAST.iter().position(|last| *last == pattern),
                                method == Method::POST,
                                visitor,
                                instance.clone(),
                                method.clone(),
                                multipart,
                            )),
                            denied => {
                                denied_try(
                                    &mut trial,
                                    &visitor,
                                    &method,
                                    &instance.address,
                                    multipart,
                                    denied,
                                    &everything,
                                )
                                .await
                            }
                        }
                    }
                }
            }
        }
    }
    // What may be done is done last, looking before doing: it changes what the others were refused at.
    allowed.sort_by_key(|(last, posts, ..)| (*last, *posts));
    for (_, _, visitor, instance, method, multipart) in allowed {
        let page = trial
            .ask(&visitor, &method, &instance.address, multipart)
            .await
            .unwrap();
        if let Some(what) = fault(Verdict::Allowed, &page, &instance.address, &trial.routes) {
            trial.complain(&visitor, &method, &instance.address, &what);
        }
        let opens = method == Method::GET && !instance.opened_by.is_empty();
        if opens && page.status == StatusCode::NOT_FOUND {
            trial.complain(
                &visitor,
                &method,
                &instance.address,
                "opens for others who may",
            );
        }
    }
    println!(
        "{} requests by {} visitors on {database:?}",
        trial.tries,
        visitors(world).len()
    );
    assert!(trial.tries > 4_000, "{}", trial.tries);
    let faults = &trial.faults;
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    let log = std::fs::read_to_string(trial.house.server_log()).unwrap();
    let mistakes = crate::asking::mistakes_in(&log);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

async fn denied_try(
    trial: &mut Trial,
    visitor: &Visitor<'_>,
    method: &Method,
    address: &str,
    multipart: bool,
    verdict: Verdict,
    everything: &Search,
) {
    trial.watch.settle().await.unwrap();
    let page = trial
        .ask(visitor, method, address, multipart)
        .await
        .unwrap();
    if let Some(what) = fault(verdict, &page, address, &trial.routes) {
        trial.complain(visitor, method, address, &what);
    }
    // Their own names may stand in their own masthead.
    let own = visitor
        .person
        .map(|person| person.marks.clone())
        .unwrap_or_default();
    let seen = everything.find(&page.body);
    let seen = seen
        .into_iter()
        .filter(|(what, ..)| own.iter().all(|mark| mark.what != *what));
    for (what, form, _) in seen {
        trial.complain(
            visitor,
            method,
            address,
            &format!("is shown {what}, {form}"),
        );
    }
    let changed = trial.watch.changed().await.unwrap();
    if !changed.is_empty() {
        trial.complain(
            visitor,
            method,
            address,
            &format!("changed {}", changed.join(", ")),
        );
    }
}

/// Everybody at every site, with their own cookies.
fn visitors(world: &World) -> Vec<Visitor<'_>> {
    let mut visitors = Vec::new();
    for at in SITES {
        visitors.push(Visitor {
            person: None,
            place: None,
            at,
        });
        for (place, person) in world.people.iter().enumerate() {
            visitors.push(Visitor {
                person: Some(person),
                place: Some(place),
                at,
            });
        }
    }
    visitors
}

/// Addresses that people of a site came across.
fn addresses_of<'w>(world: &'w World, site: &str) -> BTreeSet<&'w String> {
    let of_site = world
        .people
        .iter()
        .zip(&world.found)
        .filter(|(person, _)| person.site == site);
    of_site
        .flat_map(|(_, found)| found.addresses.values().flatten())
        .collect()
}

/// Addresses of every route on a site, and whether its forms come in several parts.
fn instances_at(
    world: &World,
    site: &str,
    routes: &BTreeMap<String, Methods>,
) -> Vec<(String, Vec<Instance>, bool)> {
    let empty = yinxin_security::crawl::Found::default();
    let found: Vec<_> = world
        .people
        .iter()
        .zip(&world.found)
        .map(|(person, found)| if person.site == site { found } else { &empty })
        .collect();
    let multipart: BTreeSet<String> = world
        .found
        .iter()
        .flat_map(|found| &found.forms)
        .filter(|(_, form)| form.multipart)
        .filter_map(|(_, form)| pattern_of(routes.keys(), &form.action).map(str::to_owned))
        .collect();
    let all = instances(routes, &found).into_iter();
    all.map(|(pattern, instances)| {
        let parts = multipart.contains(&pattern);
        (pattern, instances, parts)
    })
    .collect()
}
