//! Instants and the Chinese day.

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01 UTC, as they stand in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// China has had one zone without summer time since 1991.
const CHINA: Offset = Offset::constant(8);

impl Millis {
    /// The system's clock. Only the engine and the services ask; rules are given the time.
    pub fn now() -> Self {
        Self(Timestamp::now().as_millisecond())
    }

    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// The civil day in China at this instant.
    pub fn day(self) -> Date {
        self.civil().date()
    }

    /// `2026-11-20 18:05`, in China.
    pub fn minute(self) -> String {
        self.civil().strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn civil(self) -> jiff::civil::DateTime {
        let instant = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        instant.to_zoned(TimeZone::fixed(CHINA)).datetime()
    }

    /// Midnight in China at the beginning of `day`.
    pub fn start_of(day: Date) -> Self {
        let instant = CHINA.to_timestamp(day.to_datetime(jiff::civil::Time::midnight()));
        Self(instant.map_or(0, |t| t.as_millisecond()))
    }
}

/// Where the time comes from: the system, or a test that moves it.
pub trait Clock: Send + Sync {
    fn now(&self) -> Millis;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        Millis::now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_changes_at_chinese_midnight() {
        let last = Millis(1_795_190_399_000); // 2026-11-20T15:59:59Z
        assert_eq!(last.day().to_string(), "2026-11-20");
        assert_eq!(last.plus(1).day().to_string(), "2026-11-21");
        assert_eq!(Millis::start_of(last.plus(1).day()), last.plus(1));
    }
}
