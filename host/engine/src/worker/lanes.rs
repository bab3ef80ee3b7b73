//! Who may hold how many workers. Jobs are kept apart by whom they wait for: a provider that takes a connection and never
//! answers holds each of its jobs until patience ends, for ten seconds to a minute, and shall hold up nobody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use yinxin_core::ids::SiteId;
use yinxin_services::certificates::ISSUE_JOB;
use yinxin_services::identity::RESULT_JOB;
use yinxin_services::invoices::INVOICE_JOB;
use yinxin_services::messaging::{MAIL_JOB, MESSAGE_JOB};
use yinxin_services::payments::{CLOSE_JOB, CONFIRM_JOB, REFUND_JOB};
use yinxin_services::reconciliation::RECONCILE_JOB;
use yinxin_store::jobs::{Job, Passed};

/// Jobs of a lane at once. There are more lanes than cores, but nearly all of them wait for a network, and hold no
/// connection of the database while they do.
const OF_LANE: usize = 4;
/// Of these one site's: another site, whose provider may well answer, finds a place.
const OF_SITE: usize = 2;

/// Whom jobs wait for, with their kinds. What stands in none waits for nobody outside.
const LANES: [&[&str]; 6] = [
    &[CONFIRM_JOB, CLOSE_JOB, REFUND_JOB, RECONCILE_JOB],
    &[MESSAGE_JOB],
    &[MAIL_JOB],
    &[RESULT_JOB],
    &[INVOICE_JOB],
    &[ISSUE_JOB],
];
/// Kinds of jobs that wait for nobody: they run rules and write.
const OWN: [&str; 3] = [
    yinxin_services::case_event::CASE_EVENT_JOB,
    crate::timers::KIND,
    yinxin_services::uploads::SWEEP_JOB,
];

/// The place of the lane among all.
fn lane(kind: &str) -> usize {
    let outside = LANES.iter().position(|kinds| kinds.contains(&kind));
    outside.unwrap_or(LANES.len())
}

fn kinds(lane: usize) -> &'static [&'static str] {
    LANES.get(lane).copied().unwrap_or(&OWN)
}

type Counts = HashMap<(usize, SiteId), usize>;

/// What is under way in this process.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<Counts>>);

/// A job's place, free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    of: Places,
    key: (usize, SiteId),
}

impl Places {
    /// Gives the job a place.
    pub fn take(&self, job: &Job) -> Place {
        let key = (lane(&job.kind), job.site.clone());
        *self.counts().entry(key.clone()).or_default() += 1;
        Place {
            of: self.clone(),
            key,
        }
    }

    /// The jobs for which there is no place now.
    pub fn passed(&self) -> Passed {
        let counts = self.counts();
        let mut passed = Passed::default();
        let mut of_lanes: HashMap<usize, usize> = HashMap::new();
        for ((lane, site), count) in counts.iter() {
            *of_lanes.entry(*lane).or_default() += count;
            if *count >= OF_SITE {
                for kind in kinds(*lane) {
                    passed.kind_of(site, kind);
                }
            }
        }
        for (lane, _) in of_lanes.iter().filter(|(_, count)| **count >= OF_LANE) {
            for kind in kinds(*lane) {
                passed.kind(kind);
            }
        }
        passed
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.of.counts();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yinxin_core::time::Millis;

    fn job(site: &str, kind: &str) -> Job {
        Job {
            site: SiteId::parse(site).unwrap(),
            id: "1".to_owned(),
            kind: kind.to_owned(),
            key: "1".to_owned(),
            case_id: String::new(),
            payload: "{}".to_owned(),
            state: "running".to_owned(),
            run_at: Millis(0),
            attempts: 1,
            last_error: String::new(),
        }
    }

    fn says(places: &Places) -> String {
        format!("{:?}", places.passed())
    }

    #[test]
    fn a_site_holds_half_of_a_lane_and_other_lanes_know_nothing_of_it() {
        let places = Places::default();
        let one = places.take(&job("fujian", CONFIRM_JOB));
        assert_eq!(says(&places), says(&Places::default()));
        let two = places.take(&job("fujian", REFUND_JOB));
        let full = says(&places);
        for kind in [CONFIRM_JOB, CLOSE_JOB, REFUND_JOB, RECONCILE_JOB] {
            assert!(full.contains(&format!("|fujian/{kind}|")), "{full}");
            assert!(!full.contains(&format!("|{kind}|")), "{full}");
        }
        assert!(!full.contains(MESSAGE_JOB), "{full}");
        drop((one, two));
        assert_eq!(says(&places), says(&Places::default()));
    }

    #[test]
    fn a_full_lane_takes_nobody() {
        let places = Places::default();
        let held: Vec<_> = ["fujian", "fujian", "jiangxi", "jiangxi"]
            .iter()
            .map(|site| places.take(&job(site, MAIL_JOB)))
            .collect();
        assert_eq!(held.len(), OF_LANE);
        assert!(says(&places).contains(&format!("|{MAIL_JOB}|")));
        assert!(!says(&places).contains(MESSAGE_JOB));
    }
}
