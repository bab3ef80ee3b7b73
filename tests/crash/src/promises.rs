//! What the server has acknowledged, against what stands in its database. The people's diary is outside of the server; each
//! answer in it that says "done" has to be found again, as often as it was given, and what can be done once stands once.
//!
//! Each look also remembers the rows that it has seen: what stood there once stands there for good, unchanged.

use crate::records::Records;
use anyhow::Result;
use std::collections::BTreeMap;
use yinxin_house::diary::{Answered, Diary, Sent};
use yinxin_house::sites;

/// What was promised, named so that it is found in the database: `case 0199…: submit`.
type Key = String;

/// How often it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    /// At most once, however often it was tried.
    Once,
    /// As often as it was acknowledged at least, and as it was sent at most.
    Each,
    /// It is there.
    There,
}

/// What follows from something sent.
#[derive(Default)]
struct Follows {
    /// Found again if it happened, acknowledged or not.
    sent: Vec<(Key, Times)>,
    /// Found again as it was acknowledged.
    acknowledged: Vec<(Key, Times)>,
}

impl Follows {
    /// Both.
    fn both(key: Key, times: Times) -> Self {
        Self {
            sent: vec![(key.clone(), times)],
            acknowledged: vec![(key, times)],
        }
    }

    fn and(mut self, key: Key, times: Times) -> Self {
        self.acknowledged.push((key, times));
        self
    }
}

/// Redirected, and not to the door.
fn is_done(answer: &Answered) -> bool {
    let door = ["/login", "/console/login"];
    answer.status == 303 && !door.iter().any(|door| answer.to.starts_with(door))
}

fn segment(path: &str) -> &str {
    path.split(['/', '?', '#']).next().unwrap_or_default()
}

/// What follows from this; an error names what nobody has thought of.
fn follows(sent: &Sent) -> Result<Follows, String> {
    let parts: Vec<&str> = sent.path.trim_start_matches('/').split('/').collect();
    let to = |prefix: &str| {
        let answer = sent.answer.as_ref()?;
        let id = segment(answer.to.strip_prefix(prefix)?);
        (id.len() == 36).then(|| id.to_owned())
    };
    let site = sites::of_domain(&sent.domain).map_or("", |site| site.id);
    let word = |name: &str| sent.word(name).unwrap_or_default().to_owned();
    Ok(match parts.as_slice() {
        // Whoever is in shows the session with the next page; a code is waited for; a picture is looked at.
        ["login"] | ["console", "login"] | ["register", "code"] | ["picture-code"] | ["p", _] => {
            Follows::default()
        }
        ["register"] => Follows::both(format!("accounts of {site}"), Times::Each),
        ["services", _, _] | ["services", _, _, "new"] => {
            let begun = Follows::both(format!("cases begun at {site}"), Times::Each);
            match to("/cases/") {
                Some(case) => begun.and(format!("case {case}: begin"), Times::Once),
                None => begun,
            }
        }
        ["cases", case, "steps", _] => Follows::both(format!("case {case}: saved"), Times::Each),
        ["cases", case, "materials", material, place] => {
            Follows::both(format!("case {case}: uploaded"), Times::Each).and(
                format!("case {case}: file {material}/{place}"),
                Times::There,
            )
        }
        ["cases", case, "actions", transition]
        | ["console", "cases", case, "actions", transition] => {
            Follows::both(format!("case {case}: {transition}"), Times::Once)
        }
        ["console", "cases", case, "judge"] => {
            let transition = word("_transition");
            Follows::both(format!("case {case}: {transition}"), Times::Once)
        }
        ["orders", "new", "details"] => {
            let opened = Follows::both(format!("orders opened at {site}"), Times::Each);
            match to("/orders/") {
                Some(order) => opened.and(format!("order {order}: opened"), Times::Once),
                None => opened,
            }
        }
        ["orders", order, "pay"] => {
            let way = format!("order {order}: paid or to be paid by {}", word("method"));
            Follows::default().and(way, Times::There)
        }
        ["orders", order, "slip"] => {
            Follows::both(format!("order {order}: slip-uploaded"), Times::Each)
        }
        ["console", "orders", order, "transfer"] => {
            Follows::both(format!("order {order}: transfer-verified"), Times::Once)
        }
        ["console", "refunds", refund, "finish"] => {
            Follows::both(format!("refund {refund}: done"), Times::Once)
        }
        _ => return Err(format!("nobody says what POST {} promises", sent.path)),
    })
}

/// What has been seen at earlier looks.
#[derive(Default)]
pub struct Promises {
    /// Table and key → what stood there.
    seen: BTreeMap<String, String>,
    /// Acknowledgements that were found again at the last look.
    pub kept: usize,
}

impl Promises {
    /// Compares diary and database, sentences about what does not agree. People may go on meanwhile.
    pub async fn look(&mut self, diary: &Diary, records: &mut Records) -> Result<Vec<String>> {
        // What was acknowledged before is there now; what is there now was sent by now.
        let before = diary.read();
        let standing = records.standing().await?;
        let rows = records.lasting().await?;
        let after = diary.read();
        let mut faults = Vec::new();
        let (mut acknowledged, mut tried) = (BTreeMap::new(), BTreeMap::new());
        for sent in &before {
            let follows = match follows(sent) {
                Ok(follows) => follows,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            if sent.answer.as_ref().is_some_and(is_done) {
                for (key, times) in follows.acknowledged {
                    acknowledged.entry(key).or_insert((0, times)).0 += 1;
                }
            }
        }
        for sent in &after {
            let follows = follows(sent).unwrap_or_default();
            for (key, times) in follows.sent {
                tried.entry(key).or_insert((0, times)).0 += 1;
            }
        }
        faults.extend(compared(&standing, &acknowledged, &tried));
        let done = before.iter().filter_map(|sent| sent.answer.as_ref());
        self.kept = done.filter(|answer| is_done(answer)).count();
        faults.extend(self.lost(rows));
        Ok(faults)
    }

    /// What stood there at an earlier look and does not any more.
    fn lost(&mut self, rows: BTreeMap<String, String>) -> Vec<String> {
        let mut faults = Vec::new();
        for (key, was) in &self.seen {
            match rows.get(key) {
                None => faults.push(format!("{key} is gone")),
                Some(is) if is != was => faults.push(format!("{key} was {was}, and is {is}")),
                Some(_) => {}
            }
        }
        self.seen = rows;
        faults
    }
}

type Counts = BTreeMap<Key, (usize, Times)>;

fn compared(standing: &BTreeMap<Key, usize>, acknowledged: &Counts, tried: &Counts) -> Vec<String> {
    let stands = |key: &Key| standing.get(key).copied().unwrap_or(0);
    let mut faults = Vec::new();
    for (key, (count, times)) in acknowledged {
        let stands = stands(key);
        let wanted = match times {
            Times::Each => *count,
            Times::Once | Times::There => 1,
        };
        if stands < wanted {
            faults.push(format!(
                "{key} was acknowledged {count} times, and stands there {stands} times"
            ));
        }
        if *times == Times::Once && *count > 1 {
            faults.push(format!("{key} was acknowledged {count} times"));
        }
    }
    for (key, (count, times)) in tried {
        let stands = stands(key);
        let most = match times {
            Times::Once => 1,
            Times::Each | Times::There => *count,
        };
        if stands > most {
            faults.push(format!(
                "{key} stands there {stands} times, and was sent {count} times"
            ));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str, words: &[(&str, &str)], answer: Option<(u16, &str)>) -> Sent {
        Sent {
            domain: "fujian".to_owned(),
            path: path.to_owned(),
            words: words
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            answer: answer.map(|(status, to)| Answered {
                status,
                to: to.to_owned(),
            }),
        }
    }

    #[test]
    fn an_action_that_nobody_thought_of_is_named() {
        let known = follows(&sent(
            "/console/cases/1/judge",
            &[("_transition", "pass")],
            None,
        ));
        assert_eq!(
            known.unwrap().acknowledged,
            [("case 1: pass".to_owned(), Times::Once)]
        );
        let error = follows(&sent("/cases/1/delete", &[], None)).err().unwrap();
        assert!(error.contains("/cases/1/delete"), "{error}");
    }

    #[test]
    fn a_way_to_the_door_is_no_acknowledgement() {
        for (status, to, done) in [
            (303, "/cases/1", true),
            (303, "/login?next=%2Fcases%2F1", false),
            (303, "/console/login", false),
            (200, "", false),
            (503, "", false),
        ] {
            let to = to.to_owned();
            assert_eq!(is_done(&Answered { status, to }), done);
        }
    }

    #[test]
    fn what_is_lost_or_doubled_or_was_never_sent_is_told() {
        let key = |name: &str| name.to_owned();
        let counts = |counts: &[(&str, usize, Times)]| -> Counts {
            counts
                .iter()
                .map(|(name, count, times)| (key(name), (*count, *times)))
                .collect()
        };
        let standing: BTreeMap<Key, usize> = [("submit", 1), ("saved", 2), ("pass", 2), ("way", 1)]
            .map(|(name, count)| (key(name), count))
            .into();
        let good = counts(&[
            ("submit", 1, Times::Once),
            ("saved", 2, Times::Each),
            ("way", 3, Times::There),
        ]);
        let tried = counts(&[("submit", 2, Times::Once), ("saved", 3, Times::Each)]);
        assert!(compared(&standing, &good, &tried).is_empty());
        for (acknowledged, tried) in [
            (("ship", 1, Times::Once), None),
            (("saved", 3, Times::Each), None),
            (("submit", 2, Times::Once), None),
            (("submit", 1, Times::Once), Some(("pass", 2, Times::Once))),
            (("submit", 1, Times::Once), Some(("saved", 1, Times::Each))),
        ] {
            let tried: Vec<_> = tried.into_iter().collect();
            let faults = compared(&standing, &counts(&[acknowledged]), &counts(&tried));
            assert_eq!(faults.len(), 1, "{acknowledged:?} {tried:?}: {faults:?}");
        }
    }

    #[test]
    fn a_row_that_vanishes_or_changes_is_told() {
        let rows = |rows: &[(&str, &str)]| -> BTreeMap<String, String> {
            rows.iter()
                .map(|(key, row)| (key.to_string(), row.to_string()))
                .collect()
        };
        let mut promises = Promises::default();
        assert!(
            promises
                .lost(rows(&[("ledger 1", "a"), ("ledger 2", "b")]))
                .is_empty()
        );
        let more = rows(&[("ledger 1", "a"), ("ledger 2", "b"), ("ledger 3", "c")]);
        assert!(promises.lost(more).is_empty());
        let faults = promises.lost(rows(&[("ledger 1", "a"), ("ledger 3", "d")]));
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
