//! Lock-out with exponential back-off, per account and per address.
//!
//! An attempt is counted as failed before the password is looked at and taken back when it was right, so that guesses
//! made at once do not slip past the count. What does not exist is counted like what does.

use super::client::Client;
use std::sync::Arc;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Clock;
use yinxin_store::login_attempts::{self, Attempt};
use yinxin_store::seal::Sealer;
use yinxin_store::{Connection, Store, StoreError};

/// Failures that cost nothing: people mistype, and try their other passwords.
const FREE_FAILURES: i64 = 5;
/// First lock of an account, doubled with each further failure.
const FIRST_LOCK_SECONDS: i64 = 30;
/// A day without a failure clears an account.
const KEEP_SECONDS: i64 = 24 * 3600;

/// Failures of one address that cost nothing: an office of people shares one.
const FREE_FAILURES_OF_AN_ADDRESS: i64 = 20;
const FIRST_LOCK_SECONDS_OF_AN_ADDRESS: i64 = 60;
const KEEP_SECONDS_OF_AN_ADDRESS: i64 = 3600;

/// Longest lock: one guess an hour gets nobody anywhere, and the owner is not kept out for days.
const LONGEST_LOCK_SECONDS: i64 = 3600;

/// An attempt under way; until it succeeds it stands as a failure.
#[derive(Clone, Debug)]
pub struct Underway {
    subject: String,
    address: String,
}

/// What came of asking to try.
#[derive(Clone, Debug)]
pub enum Admission {
    Admitted(Underway),
    Locked { seconds: i64 },
}

/// Counts log-in attempts. Cheap to clone.
#[derive(Clone)]
pub struct Lockout {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
}

impl Lockout {
    pub fn new(store: Store, sealer: Arc<Sealer>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            sealer,
            clock,
        }
    }

    /// Asks to try the subject's password from this client.
    pub async fn admit(
        &self,
        site: &SiteId,
        subject: &str,
        client: &Client,
    ) -> Result<Admission, StoreError> {
        let now = self.clock.now();
        let address = format!("ip/{}", client.key(&self.sealer, site));
        let mut tx = self.store.begin().await?;
        let counted = login_attempts::count(&mut tx, site, subject, now, KEEP_SECONDS, |failed| {
            lock_seconds(failed, FREE_FAILURES, FIRST_LOCK_SECONDS)
        })
        .await?;
        let counted = match counted {
            Attempt::LockedUntil(_) => counted,
            Attempt::Counted(_) => {
                let keep = KEEP_SECONDS_OF_AN_ADDRESS;
                login_attempts::count(&mut tx, site, &address, now, keep, |failed| {
                    lock_seconds(
                        failed,
                        FREE_FAILURES_OF_AN_ADDRESS,
                        FIRST_LOCK_SECONDS_OF_AN_ADDRESS,
                    )
                })
                .await?
            }
        };
        match counted {
            Attempt::Counted(_) => {
                tx.commit().await.map_err(StoreError::from)?;
                Ok(Admission::Admitted(Underway {
                    subject: subject.to_owned(),
                    address,
                }))
            }
            // Not committed: what was not tried is not counted.
            Attempt::LockedUntil(until) => Ok(Admission::Locked {
                seconds: ((until.0 - now.0) + 999) / 1000,
            }),
        }
    }

    /// The password was right: the subject's failures are forgotten, the address's go on to count.
    pub async fn succeeded(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        attempt: &Underway,
    ) -> Result<(), StoreError> {
        login_attempts::clear(conn, site, &attempt.subject).await?;
        login_attempts::take_back(conn, site, &attempt.address).await
    }

    /// The subject has proved itself in another way, by a code on its mobile.
    pub async fn forgive(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        subject: &str,
    ) -> Result<(), StoreError> {
        login_attempts::clear(conn, site, subject).await
    }

    /// Failures that stand against the subject.
    pub async fn failures(&self, site: &SiteId, subject: &str) -> Result<i64, StoreError> {
        let mut conn = self.store.read().await?;
        login_attempts::failures(&mut conn, site, subject, self.clock.now()).await
    }
}

fn lock_seconds(failed: i64, free: i64, first: i64) -> i64 {
    if failed < free {
        return 0;
    }
    let doublings = u32::try_from(failed - free).unwrap_or(u32::MAX);
    first
        .saturating_mul(2_i64.saturating_pow(doublings))
        .min(LONGEST_LOCK_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_doubles_up_to_an_hour() {
        let locks: Vec<_> = (4..=13).map(|failed| lock_seconds(failed, 5, 30)).collect();
        assert_eq!(locks, [0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
        assert_eq!(lock_seconds(i64::MAX, 5, 30), 3600);
    }
}
