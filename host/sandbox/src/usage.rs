//! What the longer calls of one plugin take of the processor, as a leaky bucket (the generic cell rate algorithm).

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A call that keeps its thread for less is not counted: a usual one takes a thirtieth.
const LONGER: Duration = Duration::from_millis(1);
/// One part in so many of a core is what a plugin's longer calls may take for as long as they like.
const PART: u32 = 4;
/// What they may take at once beyond that.
const BURST: Duration = Duration::from_millis(100);

/// A plugin's bucket.
#[derive(Debug)]
pub(crate) struct Usage {
    since: Instant,
    /// Nanoseconds after `since` at which what was taken is made up for.
    made_up: AtomicU64,
}

impl Usage {
    pub fn new() -> Self {
        Self {
            since: Instant::now(),
            made_up: AtomicU64::new(0),
        }
    }

    /// Whether the plugin has taken more than its part.
    pub fn is_heavy(&self) -> bool {
        self.is_heavy_at(nanos(self.since.elapsed()))
    }

    /// Runs a call, and counts for how long it kept its thread.
    pub async fn count<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        // Counted when it is dropped, since a call may be given up.
        let mut kept = Kept {
            usage: self,
            time: Duration::ZERO,
        };
        std::future::poll_fn(|context| {
            let begun = Instant::now();
            let polled = call.as_mut().poll(context);
            kept.time += begun.elapsed();
            polled
        })
        .await
    }

    fn is_heavy_at(&self, now: u64) -> bool {
        self.made_up.load(Ordering::Relaxed) > now + nanos(BURST * PART)
    }

    fn take_at(&self, now: u64, time: Duration) {
        if time < LONGER {
            return;
        }
        // Whatever was taken, the plugin is as good as any other a little later.
        let most = now + nanos(BURST * PART * 2);
        let later = |made_up: u64| Some((made_up.max(now) + nanos(time * PART)).min(most));
        // The closure never declines.
        let _ = self
            .made_up
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    }
}

/// For how long a call has kept its thread until now.
struct Kept<'u> {
    usage: &'u Usage,
    time: Duration,
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.usage
            .take_at(nanos(self.usage.since.elapsed()), self.time);
    }
}

/// Enough for five hundred years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_plugin_is_heavy_while_its_longer_calls_take_more_than_their_part() {
        let usage = Usage::new();
        let call = Duration::from_millis(10);
        // Forty of them a second are more than a quarter of a core, twenty are less.
        for (each, heavy) in [(SECOND / 20, false), (SECOND / 40, true)] {
            for number in 0..200 {
                usage.take_at(number * each, call);
            }
            let end = 200 * each;
            assert_eq!(usage.is_heavy_at(end), heavy, "{each}");
            assert!(!usage.is_heavy_at(end + SECOND), "it is made up for");
        }
    }

    #[test]
    fn short_calls_are_not_counted() {
        let usage = Usage::new();
        for _ in 0..100_000 {
            usage.take_at(0, Duration::from_micros(900));
        }
        assert!(!usage.is_heavy_at(0));
    }

    #[tokio::test]
    async fn a_call_that_waits_keeps_no_thread_and_one_that_is_given_up_is_counted() {
        let usage = Usage::new();
        usage
            .count(tokio::time::sleep(Duration::from_millis(500)))
            .await;
        assert!(!usage.is_heavy());
        let busy = async {
            std::thread::sleep(Duration::from_millis(300));
            std::future::pending::<()>().await;
        };
        let given_up = tokio::time::timeout(Duration::from_millis(1), usage.count(busy));
        assert!(given_up.await.is_err());
        assert!(usage.is_heavy());
    }
}
