//! The sites of the folder `sites`, with people for each: what the suites go through. A new folder there fails the tests
//! of this file until it has people here, and a new service until somebody applies for it (`tests/whole_ways.rs`).

use crate::house::House;
use crate::people::{Pays, Person, Unit, fujian, yingtan};
use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A site and who uses it.
pub struct Site {
    /// Its id, and the name of its folder.
    pub id: &'static str,
    /// First labels of its domains: `yingtan` of `yingtan.localhost`.
    pub domains: &'static [&'static str],
    pub plugins: &'static [&'static str],
    pub ways: &'static [Way],
}

/// A way that somebody goes: they apply for one service after the other.
pub struct Way {
    /// By which of the site's domains they come.
    pub domain: &'static str,
    /// `plugin/service`, and how it is paid.
    pub services: &'static [(&'static str, Pays)],
    /// The step of the first service where the applicant types most, and the field with the name there.
    pub form: (&'static str, &'static str),
    person: fn(&House, Unit) -> Box<dyn Person>,
}

impl Way {
    /// Somebody who goes this way, with the unit of this number.
    pub fn person(&self, house: &House, number: u64) -> Box<dyn Person> {
        (self.person)(house, Unit::number(number))
    }

    /// `fujian: new-enterprise by Transfer, renew-enterprise by Wechat`
    pub fn name(&self) -> String {
        let services: Vec<String> = self
            .services
            .iter()
            .map(|(service, pays)| {
                let name = service.split('/').next_back().unwrap_or_default();
                format!("{name} by {pays:?}")
            })
            .collect();
        format!("{}: {}", self.domain, services.join(", "))
    }
}

fn at_fujian(house: &House, unit: Unit) -> Box<dyn Person> {
    Box::new(fujian::Handler::new(house, unit))
}

fn at_yingtan(house: &House, unit: Unit) -> Box<dyn Person> {
    Box::new(yingtan::Handler::new(house, unit))
}

/// All of them, in the order of their folders.
pub const SITES: &[Site] = &[
    Site {
        id: "fujian",
        domains: &["fujian"],
        plugins: &["fujian"],
        ways: &[
            Way {
                domain: "fujian",
                services: &[("fujian/new-enterprise", Pays::Transfer)],
                form: ("application", "单位名称"),
                person: at_fujian,
            },
            Way {
                domain: "fujian",
                services: &[
                    ("fujian/new-enterprise", Pays::Transfer),
                    ("fujian/renew-enterprise", Pays::Wechat),
                ],
                form: ("application", "单位名称"),
                person: at_fujian,
            },
            Way {
                domain: "fujian",
                services: &[
                    ("fujian/new-personal", Pays::Transfer),
                    ("fujian/renew-personal", Pays::Alipay),
                ],
                form: ("application", "姓名"),
                person: at_fujian,
            },
        ],
    },
    Site {
        id: "jiangxi",
        domains: &["jiangxi", "yingtan"],
        plugins: &["jiangxi", "yingtan"],
        ways: &[
            Way {
                domain: "yingtan",
                services: &[("yingtan/new-certificate", Pays::Wechat)],
                form: ("order", "单位名称"),
                person: at_yingtan,
            },
            Way {
                domain: "jiangxi",
                services: &[("yingtan/new-certificate", Pays::Alipay)],
                form: ("order", "单位名称"),
                person: at_jiangxi,
            },
        ],
    },
];

fn at_jiangxi(house: &House, unit: Unit) -> Box<dyn Person> {
    Box::new(yingtan::Handler::coming_by(house, "jiangxi", unit))
}

/// Every way of every site.
pub fn ways() -> impl Iterator<Item = (&'static Site, &'static Way)> {
    SITES
        .iter()
        .flat_map(|site| site.ways.iter().map(move |way| (site, way)))
}

/// One domain of each site, by which its people come.
pub fn domains() -> Vec<&'static str> {
    let first = |site: &'static Site| site.ways.first().map(|way| way.domain);
    SITES.iter().filter_map(first).collect()
}

/// The site that a domain belongs to.
pub fn of_domain(domain: &str) -> Option<&'static Site> {
    SITES.iter().find(|site| site.domains.contains(&domain))
}

/// What a site's `site.toml` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configured {
    pub id: String,
    /// Whole: `yingtan.localhost`.
    pub hosts: Vec<String>,
    pub plugins: Vec<String>,
    /// Names of the tables of `payments`: `transfer`, `wechat`, `alipay`.
    pub payments: Vec<String>,
}

#[derive(Deserialize)]
struct File {
    id: String,
    #[serde(default)]
    domain: Vec<Domain>,
    #[serde(default)]
    plugin: Vec<Plugin>,
    #[serde(default)]
    payments: toml::Table,
}

#[derive(Deserialize)]
struct Domain {
    host: String,
}

#[derive(Deserialize)]
struct Plugin {
    name: String,
}

/// The sites of the repository's folder, sorted by the names of their folders.
pub fn configured() -> Result<Vec<Configured>> {
    configured_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sites"))
}

fn configured_in(folder: &Path) -> Result<Vec<Configured>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path().join("site.toml")))
        .collect::<Result<_>>()?;
    files.sort();
    files.iter().map(|file| read(file)).collect()
}

fn read(file: &Path) -> Result<Configured> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let read: File = toml::from_str(&text).with_context(|| file.display().to_string())?;
    Ok(Configured {
        id: read.id,
        hosts: read.domain.into_iter().map(|domain| domain.host).collect(),
        plugins: read.plugin.into_iter().map(|plugin| plugin.name).collect(),
        payments: read.payments.keys().cloned().collect(),
    })
}

/// Where the folder and the people differ, one sentence each.
pub fn gaps(configured: &[Configured], sites: &[Site]) -> Vec<String> {
    let mut gaps = Vec::new();
    for site in configured {
        let id = &site.id;
        let Some(known) = sites.iter().find(|known| known.id == *id) else {
            gaps.push(format!(
                "sites/{id} has no people: give it some in tests/house/src/sites.rs"
            ));
            continue;
        };
        let hosts: Vec<String> = known
            .domains
            .iter()
            .map(|label| format!("{label}.localhost"))
            .collect();
        if site.hosts != hosts {
            gaps.push(format!("{id} has the domains {:?}", site.hosts));
        }
        if site.plugins != known.plugins {
            gaps.push(format!("{id} has the plugins {:?}", site.plugins));
        }
        for domain in known.domains {
            if !known.ways.iter().any(|way| way.domain == *domain) {
                gaps.push(format!("nobody comes to {id} by {domain}"));
            }
        }
        for payment in &site.payments {
            let mut ways = known.ways.iter().flat_map(|way| way.services);
            let named = |pays: Pays| pays.provider().unwrap_or("transfer");
            if !ways.any(|(_, pays)| named(*pays) == payment) {
                gaps.push(format!("nobody at {id} pays by {payment}"));
            }
        }
    }
    let gone = sites
        .iter()
        .filter(|known| !configured.iter().any(|site| site.id == known.id));
    gaps.extend(gone.map(|site| format!("there is no sites/{} any more", site.id)));
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_site_of_the_folder_has_people_who_come_by_each_domain_and_pay_each_way() {
        let gaps = gaps(&configured().unwrap(), SITES);
        assert!(gaps.is_empty(), "{}", gaps.join("\n"));
    }

    #[test]
    fn a_site_nobody_knows_of_is_named() {
        let mut configured = configured().unwrap();
        configured[0].hosts.push("fuzhou.localhost".to_owned());
        configured[0].plugins.push("fuzhou".to_owned());
        configured[1].payments.push("cpcn".to_owned());
        configured.push(Configured {
            id: "hainan".to_owned(),
            hosts: Vec::new(),
            plugins: Vec::new(),
            payments: Vec::new(),
        });
        let found = gaps(&configured, SITES).join("\n");
        for word in ["sites/hainan", "fuzhou.localhost", "\"fuzhou\"", "cpcn"] {
            assert!(found.contains(word), "{word}: {found}");
        }
        let none = gaps(&[], SITES);
        assert_eq!(none.len(), SITES.len(), "{none:?}");
    }

    #[test]
    fn a_folder_without_its_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("hainan")).unwrap();
        let error = configured_in(folder.path()).unwrap_err();
        assert!(format!("{error:#}").contains("hainan"), "{error:#}");
    }

    #[test]
    fn a_domain_leads_to_its_site() {
        assert_eq!(of_domain("yingtan").unwrap().id, "jiangxi");
        assert!(of_domain("hainan").is_none());
        assert_eq!(domains(), ["fujian", "yingtan"]);
    }
}
