//! Two sites with people, cases, orders, files, certificates and money in many states, made once on each database by
//! people's own ways through the real programs. Each test opens a copy of it.

use crate::making::{Making, our_own_crates_in_full};
use anyhow::{Context, Result};
use sqlx::{AnyConnection, Connection};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use yinxin_house::{Browser, Database, Form, House, Options, Page, Unit};
use yinxin_security::crawl::{Found, crawl};
use yinxin_security::marks::{Mark, Search};
use yinxin_security::permissions::{ROLES, Role};
use yinxin_security::routes::Methods;
use yinxin_security::{postgres, routes};

pub const SITES: [&str; 2] = ["yingtan", "fujian"];

pub const DATABASES: [Database; 2] = [Database::Sqlite, Database::Postgres];

/// Where somebody begins who never logged in.
const DOORS: [&str; 5] = ["/", "/login", "/register", "/recover", "/console/login"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Applicant,
    Clerk(Role),
}

/// Somebody who has logged in.
#[derive(Clone)]
pub struct Person {
    pub name: String,
    /// As in the address: `yingtan`.
    pub site: &'static str,
    pub kind: Kind,
    pub cookies: BTreeMap<String, String>,
    pub unit: Option<Unit>,
    /// What no other applicant, and nobody of another site, may read.
    pub marks: Vec<Mark>,
}

impl Person {
    /// A browser that shows their cookies to a site, their own or another one.
    pub fn browser_at(&self, house: &House, site: &str) -> Browser {
        let mut browser = Browser::new(house, site);
        browser.cookies = self.cookies.clone();
        browser
    }

    pub fn browser(&self, house: &House) -> Browser {
        self.browser_at(house, self.site)
    }

    /// Where they begin to look around.
    pub fn starts(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Applicant => &[
                "/",
                "/services",
                "/cases",
                "/orders",
                "/orders/new",
                "/certificates",
                "/profile",
            ],
            Kind::Clerk(Role::Finance | Role::Administrator) => &[
                "/console",
                "/console/search?text=",
                "/console/password",
                "/console/orders?state=all",
                "/console/invoices?state=issued",
            ],
            Kind::Clerk(_) => &["/console", "/console/search?text=", "/console/password"],
        }
    }
}

/// The forms of what was found carry the token of this visit.
pub struct Stranger {
    pub cookies: BTreeMap<String, String>,
    pub found: Found,
}

pub struct World {
    folder: PathBuf,
    /// Where its database is, when that is no file of the folder.
    postgres: Option<String>,
    pub people: Vec<Person>,
    /// What each of the people finds, in their order.
    pub found: Vec<Found>,
    /// Somebody at each site who never logged in.
    pub strangers: BTreeMap<&'static str, Stranger>,
    /// Where somebody was shown what they may not read.
    pub leaks: Vec<String>,
    /// What stands nowhere but sealed, and in no log.
    pub sealed: Vec<Mark>,
}

/// The world on SQLite, made at the first call; all tests of the process share it.
pub fn world() -> &'static World {
    world_on(Database::Sqlite)
}

/// The world on this database.
pub fn world_on(database: Database) -> &'static World {
    static SQLITE: OnceLock<Result<World, String>> = OnceLock::new();
    static POSTGRES: OnceLock<Result<World, String>> = OnceLock::new();
    let world = match database {
        Database::Sqlite => &SQLITE,
        Database::Postgres => &POSTGRES,
    };
    let made = world.get_or_init(|| {
        // A runtime of its own: the first test's ends with that test.
        let maker = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime
                .block_on(make(database))
                .map_err(|error| format!("{error:?}"))
        });
        maker.join().unwrap()
    });
    made.as_ref()
        .unwrap_or_else(|error| panic!("there is no world: {error}"))
}

async fn make(database: Database) -> Result<World> {
    let (name, postgres) = match database {
        Database::Sqlite => ("security-world", None),
        Database::Postgres => ("security-world-postgres", Some(postgres::create().await?)),
    };
    // A folder that is made anew and not one that vanishes: what lives as long as the process is never dropped.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let options = Options {
        data: Some(folder.join("data")),
        database_url: postgres.clone(),
        environment: vec![("RUST_LOG".to_owned(), our_own_crates_in_full())],
        ..Options::default()
    };
    let mut house = House::open_with(database, options).await?;
    let mut making = Making::default();
    let made = async {
        making.yingtan(&house).await.context("yingtan")?;
        making.fujian(&house).await.context("fujian")?;
        making.secrets_of(&house)
    };
    if let Err(error) = made.await {
        let log = std::fs::read_to_string(house.server_log())?;
        let errors = log.lines().filter(|line| line.contains("ERROR"));
        let errors: Vec<&str> = errors.collect();
        return Err(error.context(errors.join("\n")));
    }
    house.stop_server().await?;
    leave_dead_jobs(&house.database_url()).await?;
    std::fs::copy(house.server_log(), folder.join("yinxin.log"))?;
    house.stop_simulators().await?;
    let mut world = World {
        folder,
        postgres,
        people: making.people,
        found: Vec::new(),
        strangers: BTreeMap::new(),
        leaks: Vec::new(),
        sealed: making.sealed,
    };
    world.look_around().await?;
    Ok(world)
}

/// A job at each site that a mistake of ours has ended: no way of people's leads to one.
async fn leave_dead_jobs(url: &str) -> Result<()> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await?;
    sqlx::query(
        "INSERT INTO jobs (site, id, kind, key, case_id, payload, state, run_at, attempts, leased_until, last_error, created_at, finished_at)
         SELECT DISTINCT site, '0190f7a0-1111-7111-8111-111111111111', 'blob-sweep', 'left', '', '{}', 'dead', 1, 20, 0, 'a mistake', 1, 1
         FROM accounts",
    )
    .execute(&mut connection)
    .await?;
    Ok(connection.close().await?)
}

impl World {
    /// Everybody opens all that their pages lead to.
    async fn look_around(&mut self) -> Result<()> {
        let house = self.open().await?;
        let routes = routes::all().map_err(anyhow::Error::msg)?;
        for place in 0..self.people.len() {
            let person = self.people[place].clone();
            let mut browser = person.browser(&house);
            let hidden = Search::new(self.hidden_from(Some(&person)));
            let found = self.follow(
                &mut browser,
                &routes,
                person.starts(),
                &person.name,
                &hidden,
            );
            let found = found.await?;
            self.found.push(found);
        }
        let hidden = Search::new(self.hidden_from(None));
        for site in SITES {
            let (mut browser, name) = (Browser::new(&house, site), format!("nobody at {site}"));
            let found = self.follow(&mut browser, &routes, &DOORS, &name, &hidden);
            let found = found.await?;
            let cookies = browser.cookies;
            self.strangers.insert(site, Stranger { cookies, found });
        }
        Ok(())
    }

    /// Follows all that these pages lead to, and keeps what shows something hidden.
    async fn follow(
        &mut self,
        browser: &mut Browser,
        routes: &BTreeMap<String, Methods>,
        starts: &[&str],
        name: &str,
        hidden: &Search,
    ) -> Result<Found> {
        let leaks = &mut self.leaks;
        let look = |address: &str, page: &Page| {
            let seen = hidden.told(&page.body);
            leaks.extend(
                seen.iter()
                    .map(|seen| format!("{name} at {address}: {seen}")),
            );
        };
        crawl(browser, routes, starts, look).await
    }

    /// The programs over a copy of the world, as a house of the test's own.
    pub async fn open(&self) -> Result<House> {
        self.open_with(Options::default()).await
    }

    pub async fn open_with(&self, options: Options) -> Result<House> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let copy = self.folder.join(format!("copy-{number}"));
        copy_folder(&self.data(), &copy)?;
        let (database, database_url) = match &self.postgres {
            None => (Database::Sqlite, None),
            Some(url) => (Database::Postgres, Some(postgres::copy(url).await?)),
        };
        let options = Options {
            data: Some(copy),
            database_url,
            ..options
        };
        House::open_with(database, options).await
    }

    /// Database, blobs and keys as they were left.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What the server said while the world was made, our own crates with all they have to say.
    pub fn log(&self) -> PathBuf {
        self.folder.join("yinxin.log")
    }

    pub fn person(&self, name: &str) -> &Person {
        let found = self.people.iter().find(|person| person.name == name);
        found.unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    /// What this person may not read; nobody: nothing of anybody's.
    pub fn hidden_from(&self, person: Option<&Person>) -> Vec<Mark> {
        let others = self.people.iter().filter(|other| match person {
            None => true,
            Some(person) if person.kind == Kind::Applicant => person.name != other.name,
            Some(clerk) => clerk.site != other.site,
        });
        let marks = others.flat_map(|other| other.marks.clone());
        // Who has a certificate's file, which is no secret, reads what stands in it.
        let bound = person.is_some_and(|person| person.name == "second of fujian");
        let in_it = [
            "name of the unit of first of fujian",
            "USCC of first of fujian",
        ];
        marks
            .filter(|mark| !(bound && in_it.contains(&mark.what.as_str())))
            .collect()
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::metadata(from)?.permissions())?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// The form that is sent to an address with this end.
pub fn form_to(page: &Page, action: &str) -> Result<Form> {
    let found = page
        .forms()
        .into_iter()
        .find(|form| form.method == "post" && form.action.ends_with(action));
    found.with_context(|| format!("{}: no form for {action}: {}", page.path, page.main_text()))
}

/// A site that somebody adds to the repository is tried like the others, or this says that it is not.
#[test]
fn every_site_of_the_repository_is_in_the_world() {
    let sites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sites");
    let mut missing: Vec<&str> = SITES.into();
    for folder in std::fs::read_dir(sites).unwrap() {
        let folder = folder.unwrap().path();
        let text = std::fs::read_to_string(folder.join("site.toml")).unwrap();
        let config: toml::Table = text.parse().unwrap();
        let domains = config["domain"].as_array().unwrap().iter();
        let hosts: Vec<&str> = domains
            .map(|domain| domain["host"].as_str().unwrap())
            .collect();
        let tried = SITES
            .into_iter()
            .filter(|site| hosts.contains(&format!("{site}.localhost").as_str()));
        let tried: Vec<&str> = tried.collect();
        assert!(
            !tried.is_empty(),
            "{}: none of {hosts:?} is tried",
            folder.display()
        );
        missing.retain(|site| !tried.contains(site));
    }
    assert!(missing.is_empty(), "there is no site {missing:?} any more");
    for site in SITES {
        let people = || world().people.iter().filter(|person| person.site == site);
        let applicants = people().filter(|person| person.kind == Kind::Applicant);
        assert!(
            applicants.count() >= 2,
            "{site} has an applicant and another"
        );
        for role in ROLES {
            let clerk = people().any(|person| person.kind == Kind::Clerk(role));
            assert!(clerk, "{site} has a {}", role.name());
        }
    }
}
