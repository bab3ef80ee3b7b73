//! What is not somebody's: other applicants' things at their site, and all of another site.

use crate::world::{Kind, Person, World};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use yinxin_security::belongings::Belongings;
use yinxin_security::database::{Change, Watch};

/// Of each kind of thing, so many of theirs are tried: the oldest and the newest.
const OF_EACH_KIND: usize = 2;

pub struct Others {
    account: Option<String>,
    mine: BTreeSet<String>,
    here: Belongings,
    elsewhere: Belongings,
    /// Ids of the sites that are not theirs, as rows have them.
    sites: BTreeSet<String>,
}

impl Others {
    /// None of the people is somebody who never logged in.
    pub fn of(
        world: &World,
        person: Option<&Person>,
        site: &'static str,
        watch: &Watch,
    ) -> Result<Self> {
        // What an account is called differs from site to site; cases are named after their unit.
        let case_of = |unit: &str| {
            let cases = watch.all().filter(|(table, _)| *table == "cases");
            let mut own = cases.filter(|(_, row)| row.get("subject") == unit);
            own.next().map(|(_, row)| row.clone())
        };
        let mut others = Self {
            account: None,
            mine: BTreeSet::new(),
            here: Belongings::default(),
            elsewhere: Belongings::default(),
            sites: BTreeSet::new(),
        };
        let (mut own, mut here) = (Belongings::default(), Vec::new());
        for other in &world.people {
            let Some(unit) = &other.unit else { continue };
            let case = case_of(&unit.name).with_context(|| format!("no {}", unit.name))?;
            let (id, of_site) = (case.get("account_id"), case.get("site"));
            if other.site != site {
                if others.sites.insert(of_site.to_owned()) {
                    others
                        .elsewhere
                        .extend(Belongings::of_site(watch.all(), of_site));
                }
                continue;
            }
            let theirs = Belongings::of_account(watch.all(), id);
            match person {
                Some(person) if person.kind != Kind::Applicant => {
                    own = Belongings::of_site(watch.all(), of_site);
                }
                Some(person) if person.name == other.name => {
                    own = theirs;
                    others.account = Some(id.to_owned());
                }
                _ => here.push(theirs),
            }
        }
        for theirs in here {
            others.here.extend(theirs.without(&own));
        }
        others.elsewhere = others.elsewhere.without(&own);
        others.mine = own.all().cloned().collect();
        Ok(others)
    }

    /// Names of others' things with their kind.
    pub fn some_of_each(&self) -> Vec<(&str, &str)> {
        let mut some = self.here.some_of_each(OF_EACH_KIND);
        some.extend(self.elsewhere.some_of_each(1));
        some
    }

    pub fn one_of_each(&self) -> Vec<(&str, &str)> {
        let mut one = self.here.some_of_each(1);
        one.extend(self.elsewhere.some_of_each(1));
        one
    }

    /// Whether the text names one of their own things.
    pub fn mine(&self, text: &str) -> bool {
        words(text).any(|word| self.mine.contains(word))
    }

    /// The text with another's name in place of each of their own, and whether there was one.
    pub fn replaced(&self, text: &str, name: &str) -> (String, bool) {
        let own: BTreeSet<&str> = words(text)
            .filter(|word| self.mine.contains(*word))
            .collect();
        let changed = !own.is_empty();
        let other = own
            .into_iter()
            .fold(text.to_owned(), |text, own| text.replace(own, name));
        (other, changed)
    }

    /// Rows of others that these changes are about, in words.
    pub fn touched(&self, changes: &[Change]) -> Vec<String> {
        let mut touched = Vec::new();
        for change in changes {
            let elsewhere = change.rows.iter();
            let elsewhere = elsewhere.filter(|row| self.sites.contains(row.get("site")));
            let here = self.here.touched(change, self.account.as_deref());
            let rows = elsewhere.chain(here);
            touched.extend(rows.map(|row| format!("{}: {row:?}", change.table)));
        }
        touched
    }
}

/// Runs of what ids, numbers and serials are made of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
}
