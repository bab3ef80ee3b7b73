//! How long an outage is. Usually the queue is told that time has passed; with `YINXIN_OUTAGE_SECONDS=180` each outage
//! lasts so long indeed, and whatever waits afterwards ends by the server's own clock.

use std::time::Duration;

/// Zero: time is passed by hand.
pub fn length() -> Duration {
    let seconds = std::env::var("YINXIN_OUTAGE_SECONDS").map_or(0, |text| {
        text.parse()
            .expect("YINXIN_OUTAGE_SECONDS is a number of seconds")
    });
    Duration::from_secs(seconds)
}

/// Whether it lasts for real.
pub fn is_real() -> bool {
    !length().is_zero()
}

/// Lets it last.
pub async fn last() {
    tokio::time::sleep(length()).await;
}
