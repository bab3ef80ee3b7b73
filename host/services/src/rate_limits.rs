//! How often something may be done. Counters live in the database, so that all processes of a site share them; each
//! check is a small write, meant for what is dear or abused (codes, log-ins, uploads), not for every page.

use std::sync::Arc;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Clock;
use yinxin_store::{Store, StoreError, rate_limits};

/// So many within so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub hits: i64,
    pub window_seconds: i64,
}

impl Limit {
    pub const fn per_minute(hits: i64) -> Self {
        Self {
            hits,
            window_seconds: 60,
        }
    }

    pub const fn per_hour(hits: i64) -> Self {
        Self {
            hits,
            window_seconds: 3600,
        }
    }

    pub const fn per_day(hits: i64) -> Self {
        Self {
            hits,
            window_seconds: 86_400,
        }
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    Granted { remaining: i64 },
    Refused { retry_after_seconds: i64 },
}

/// Counts and decides. Cheap to clone.
#[derive(Clone)]
pub struct RateLimits {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl RateLimits {
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Counts one hit of the bucket and says whether it is within the limit. A refused hit does not prolong the window.
    /// `bucket` names what is limited and for whom: `sms-hour/<fingerprint>`; no personal data in the clear.
    pub async fn check(
        &self,
        site: &SiteId,
        bucket: &str,
        limit: Limit,
    ) -> Result<Allowance, StoreError> {
        let now = self.clock.now();
        let mut conn = self.store.read().await?;
        let bucket = rate_limits::hit(&mut conn, site, bucket, now, limit.window_seconds).await?;
        Ok(if bucket.hits <= limit.hits {
            Allowance::Granted {
                remaining: limit.hits - bucket.hits,
            }
        } else {
            let milliseconds = (bucket.window_end.0 - now.0).max(1);
            Allowance::Refused {
                retry_after_seconds: (milliseconds + 999) / 1000,
            }
        })
    }
}

/// A waiting time as a person reads it: `42 秒`, `5 分钟`, `2 小时`; rounded up.
pub fn in_words(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} 秒", seconds.max(1)),
        60..3600 => format!("{} 分钟", (seconds + 59) / 60),
        _ => format!("{} 小时", (seconds + 3599) / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::testing::FakeClock;
    use yinxin_store::testing::stores;

    #[tokio::test]
    async fn the_third_of_two_is_refused_until_the_window_ends() {
        for store in stores().await {
            let clock = Arc::new(FakeClock::default());
            let limits = RateLimits::new(store.store.clone(), clock.clone());
            let (here, there) = (
                SiteId::parse("jiangxi").unwrap(),
                SiteId::parse("hunan").unwrap(),
            );
            let limit = Limit {
                hits: 2,
                window_seconds: 60,
            };
            let granted = |remaining| Allowance::Granted { remaining };
            assert_eq!(limits.check(&here, "b", limit).await.unwrap(), granted(1));
            clock.pass(59);
            assert_eq!(limits.check(&here, "b", limit).await.unwrap(), granted(0));
            let refused = Allowance::Refused {
                retry_after_seconds: 1,
            };
            assert_eq!(limits.check(&here, "b", limit).await.unwrap(), refused);
            assert_eq!(limits.check(&there, "b", limit).await.unwrap(), granted(1));
            clock.pass(1);
            assert_eq!(limits.check(&here, "b", limit).await.unwrap(), granted(1));
        }
    }

    #[test]
    fn waiting_times_are_rounded_up() {
        assert_eq!(in_words(0), "1 秒");
        assert_eq!(in_words(59), "59 秒");
        assert_eq!(in_words(61), "2 分钟");
        assert_eq!(in_words(3601), "2 小时");
    }
}
