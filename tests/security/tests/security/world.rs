//! Two sites with people, cases, orders, files, certificates and money in many states, made once by people's own ways
//! through the real programs. Each test opens a copy of it.

use crate::making::{Making, our_own_crates_in_full};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use yinxin_house::{Browser, Database, Form, House, Options, Page, Unit};
use yinxin_security::crawl::{Found, crawl};
use yinxin_security::marks::{Mark, Search};
use yinxin_security::permissions::Role;
use yinxin_security::routes;

pub const SITES: [&str; 2] = ["yingtan", "fujian"];

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

pub struct World {
    folder: PathBuf,
    pub people: Vec<Person>,
    /// What each of the people finds, in their order.
    pub found: Vec<Found>,
    /// Where somebody was shown what they may not read.
    pub leaks: Vec<String>,
    /// What stands nowhere but sealed, and in no log.
    pub sealed: Vec<Mark>,
}

/// The world, made at the first call; all tests of the process share it.
pub fn world() -> &'static World {
    static WORLD: OnceLock<Result<World, String>> = OnceLock::new();
    let made = WORLD.get_or_init(|| {
        // A runtime of its own: the first test's ends with that test.
        let maker = std::thread::spawn(|| {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime
                .block_on(make())
                .map_err(|error| format!("{error:?}"))
        });
        maker.join().unwrap()
    });
    made.as_ref()
        .unwrap_or_else(|error| panic!("there is no world: {error}"))
}

async fn make() -> Result<World> {
    // A folder that is made anew and not one that vanishes: what lives as long as the process is never dropped.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("security-world");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let options = Options {
        data: Some(folder.join("data")),
        environment: vec![("RUST_LOG".to_owned(), our_own_crates_in_full())],
        ..Options::default()
    };
    let mut house = House::open_with(Database::Sqlite, options).await?;
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
    std::fs::copy(house.server_log(), folder.join("yinxin.log"))?;
    house.stop_simulators().await?;
    let mut world = World {
        folder,
        people: making.people,
        found: Vec::new(),
        leaks: Vec::new(),
        sealed: making.sealed,
    };
    world.look_around().await?;
    Ok(world)
}

impl World {
    /// Everybody opens all that their pages lead to.
    async fn look_around(&mut self) -> Result<()> {
        let house = self.open().await?;
        let routes = routes::all().map_err(anyhow::Error::msg)?;
        for place in 0..self.people.len() {
            let person = self.people[place].clone();
            let hidden = Search::new(self.hidden_from(Some(&person)));
            let mut leaks = Vec::new();
            let look = |address: &str, page: &Page| {
                let seen = hidden.told(&page.body);
                leaks.extend(
                    seen.iter()
                        .map(|seen| format!("{} at {address}: {seen}", person.name)),
                );
            };
            let mut browser = person.browser(&house);
            let found = crawl(&mut browser, &routes, person.starts(), look).await?;
            self.found.push(found);
            self.leaks.extend(leaks);
        }
        Ok(())
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
        let data = Some(copy);
        House::open_with(Database::Sqlite, Options { data, ..options }).await
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
