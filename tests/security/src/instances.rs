//! Real addresses for every route: found on people's pages, or put together from those.

use crate::crawl::Found;
use crate::routes::{Methods, fit};
use std::collections::{BTreeMap, BTreeSet};

/// Addresses of one route that are tried on one site.
const OF_ONE_ROUTE: usize = 4;

/// What stands for a part of a path that no page of the world leads to.
const NOTHING: &str = "0190f7a0-0000-7000-8000-000000000000";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    pub address: String,
    /// Who came across it, by place among those who looked; for one that was put together, those of what it begins with.
    pub finders: BTreeSet<usize>,
    /// It was come across, or nothing had to be put into it.
    pub is_real: bool,
    /// Who has seen it answer to GET.
    pub opened_by: BTreeSet<usize>,
}

/// Addresses by route. Each route has one at least.
pub fn instances(
    routes: &BTreeMap<String, Methods>,
    found: &[&Found],
) -> BTreeMap<String, Vec<Instance>> {
    let mut instances = BTreeMap::new();
    for pattern in routes.keys() {
        let mut addresses: BTreeMap<&String, BTreeSet<usize>> = BTreeMap::new();
        for (finder, found) in found.iter().enumerate() {
            for address in found.addresses.get(pattern).into_iter().flatten() {
                addresses.entry(address).or_default().insert(finder);
            }
        }
        let all = addresses.into_iter().map(|(address, finders)| Instance {
            address: address.clone(),
            finders,
            is_real: true,
            opened_by: (0..found.len())
                .filter(|finder| found[*finder].opened.contains(address))
                .collect(),
        });
        instances.insert(pattern.clone(), varied(all.collect()));
    }
    let put_together: Vec<(String, Instance)> = instances
        .iter()
        .filter(|(_, known)| known.is_empty())
        .map(|(pattern, _)| {
            let (address, finders) = put_together(pattern, &instances);
            let instance = Instance {
                is_real: address == *pattern,
                address,
                finders,
                opened_by: BTreeSet::new(),
            };
            (pattern.clone(), instance)
        })
        .collect();
    for (pattern, instance) in put_together {
        instances.insert(pattern, vec![instance]);
    }
    instances
}

/// A few that differ in who came across them.
fn varied(mut all: Vec<Instance>) -> Vec<Instance> {
    let mut chosen: Vec<Instance> = Vec::new();
    while chosen.len() < OF_ONE_ROUTE && !all.is_empty() {
        let met = |instance: &Instance| {
            let same = |other: &&Instance| other.finders == instance.finders;
            chosen.iter().filter(same).count()
        };
        let next = (0..all.len()).min_by_key(|place| met(&all[*place]));
        chosen.extend(next.map(|place| all.remove(place)));
    }
    chosen
}

/// The known address of the longest pattern that begins like this one, and nothing for what is missing.
/// Who came across that one comes across this one.
fn put_together(
    pattern: &str,
    known: &BTreeMap<String, Vec<Instance>>,
) -> (String, BTreeSet<usize>) {
    let parts: Vec<&str> = pattern.split('/').collect();
    let begun = (1..parts.len()).rev().find_map(|length| {
        let start = parts[..length].join("/");
        if !start.contains('{') {
            return None;
        }
        known.iter().find_map(|(other, instances)| {
            let longer = format!("{start}/");
            if *other != start && !other.starts_with(&longer) {
                return None;
            }
            let first = instances.first()?;
            let same: Vec<&str> = first.address.split('/').take(length).collect();
            Some((same.join("/"), first.finders.clone()))
        })
    });
    let (begun, finders) = begun.unwrap_or_default();
    let begun = begun.split('/').filter(|_| !begun.is_empty());
    let begun: Vec<String> = begun.map(str::to_owned).collect();
    let whole = parts.iter().enumerate().map(|(place, part)| {
        let known = begun.get(place).cloned();
        known.unwrap_or_else(|| {
            let missing = part.starts_with('{');
            if missing { NOTHING } else { part }.to_owned()
        })
    });
    let whole = whole.collect::<Vec<_>>().join("/");
    debug_assert!(fit(pattern, &whole).is_some(), "{pattern}: {whole}");
    (whole, finders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_page_leads_to_is_put_together_from_what_one_does() {
        let both = Methods {
            get: true,
            post: true,
        };
        let routes = [
            "/orders",
            "/orders/{id}",
            "/orders/{id}/slip",
            "/jobs/{id}/revive",
        ]
        .map(|pattern| (pattern.to_owned(), both.clone()));
        let mut found = Found::default();
        let orders = found
            .addresses
            .entry("/orders/{id}".to_owned())
            .or_default();
        orders.insert("/orders/17".to_owned());
        let instances = instances(&routes.into(), &[&found]);
        let first = |pattern: &str| instances[pattern][0].address.clone();
        assert_eq!(first("/orders"), "/orders");
        assert_eq!(first("/orders/{id}/slip"), "/orders/17/slip");
        assert_eq!(
            first("/jobs/{id}/revive"),
            format!("/jobs/{NOTHING}/revive")
        );
        let real = |pattern: &str| instances[pattern][0].is_real;
        assert!(real("/orders") && real("/orders/{id}"));
        assert!(!real("/orders/{id}/slip") && !real("/jobs/{id}/revive"));
    }
}
