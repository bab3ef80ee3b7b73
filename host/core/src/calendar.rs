//! Working days in China: weekends, holidays, and the weekend days that are worked instead (调休).

use crate::definition::{Due, Timer};
use crate::time::Millis;
use jiff::civil::{Date, Weekday};
use serde::Deserialize;
use std::collections::BTreeSet;
use thiserror::Error;

/// The calendar of a site. In `site.toml` each entry is a day or a range of days, both ends included:
///
/// ```toml
/// [calendar]
/// holidays = ["2026-10-01..2026-10-07"]
/// working-weekends = ["2026-09-20", "2026-10-10"]
/// ```
///
/// A year for which the State Council has not yet announced its holidays is counted by weekends alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Listed")]
pub struct Calendar {
    holidays: BTreeSet<Date>,
    working_weekends: BTreeSet<Date>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Listed {
    #[serde(default)]
    holidays: Vec<String>,
    #[serde(default)]
    working_weekends: Vec<String>,
}

/// What is wrong with a calendar's list.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CalendarError {
    #[error("`{0}` is no day: write `2026-10-01`, or `2026-10-01..2026-10-07` for several")]
    NoDay(String),
    #[error("`{0}` ends before it begins, or is longer than 31 days")]
    BadRange(String),
    #[error("{0} is a {1:?}: only Saturdays and Sundays can be working weekends")]
    NoWeekend(Date, Weekday),
    #[error("{0} is listed both as a holiday and as a working weekend")]
    Both(Date),
}

/// Longest range of one entry. No holiday of China is longer than nine days; more is a mistake in the year.
const RANGE_LIMIT: usize = 31;

impl Calendar {
    /// Reads both lists, entries as in `site.toml`.
    pub fn new(holidays: &[String], working_weekends: &[String]) -> Result<Self, CalendarError> {
        let calendar = Self {
            holidays: days(holidays)?,
            working_weekends: days(working_weekends)?,
        };
        if let Some(both) = calendar
            .holidays
            .intersection(&calendar.working_weekends)
            .next()
        {
            return Err(CalendarError::Both(*both));
        }
        match calendar
            .working_weekends
            .iter()
            .find(|day| !is_weekend(**day))
        {
            Some(day) => Err(CalendarError::NoWeekend(*day, day.weekday())),
            None => Ok(calendar),
        }
    }

    pub fn is_working_day(&self, day: Date) -> bool {
        self.working_weekends.contains(&day) || !(is_weekend(day) || self.holidays.contains(&day))
    }

    /// The `n`th working day after `day` (before it where `n` is negative); `day` itself is not counted. With 0 it is
    /// `day`, working or not.
    pub fn add_working_days(&self, day: Date, n: i32) -> Date {
        let mut day = day;
        let mut left = n.unsigned_abs();
        while left > 0 {
            let next = if n > 0 {
                day.tomorrow()
            } else {
                day.yesterday()
            };
            let Ok(next) = next else { return day }; // the end of the calendar, in the year 9999
            day = next;
            if self.is_working_day(day) {
                left -= 1;
            }
        }
        day
    }

    /// The last millisecond of the day in China by which something that began at `from` is due.
    pub fn due(&self, from: Millis, due: &Due) -> Millis {
        let days = i32::try_from(due.days).unwrap_or(i32::MAX);
        end_of(self.shifted(from.day(), days, due.working))
    }

    /// When a timer fires. Calendar days are counted to the millisecond, working days to the end of the last one.
    pub fn fires(&self, base: Millis, timer: &Timer) -> Millis {
        if timer.working {
            end_of(self.shifted(base.day(), timer.days, true))
        } else {
            base.plus(i64::from(timer.days) * 24 * 60 * 60)
        }
    }

    fn shifted(&self, day: Date, days: i32, working: bool) -> Date {
        /// Ten years, the longest that a definition may ask for; it keeps the count of working days short.
        const LIMIT: i32 = 3650;
        let days = days.clamp(-LIMIT, LIMIT);
        if working {
            self.add_working_days(day, days)
        } else {
            day.saturating_add(jiff::Span::new().days(days))
        }
    }
}

impl TryFrom<Listed> for Calendar {
    type Error = CalendarError;

    fn try_from(listed: Listed) -> Result<Self, CalendarError> {
        Self::new(&listed.holidays, &listed.working_weekends)
    }
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn end_of(day: Date) -> Millis {
    let next = day.tomorrow().unwrap_or(day);
    Millis(Millis::start_of(next).0 - 1)
}

fn days(entries: &[String]) -> Result<BTreeSet<Date>, CalendarError> {
    let mut days = BTreeSet::new();
    for entry in entries {
        let parse = |text: &str| {
            text.trim()
                .parse::<Date>()
                .map_err(|_| CalendarError::NoDay(entry.clone()))
        };
        let (first, last) = match entry.split_once("..") {
            Some((first, last)) => (parse(first)?, parse(last)?),
            None => (parse(entry)?, parse(entry)?),
        };
        let range: Vec<Date> = first
            .series(jiff::Span::new().days(1))
            .take_while(|day| *day <= last)
            .take(RANGE_LIMIT + 1)
            .collect();
        if range.is_empty() || range.len() > RANGE_LIMIT {
            return Err(CalendarError::BadRange(entry.clone()));
        }
        days.extend(range);
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::TimerBase;

    /// Around the National Day of 2026: Thursday 1 to Wednesday 7 October are free, Sunday 20 September and Saturday
    /// 10 October are worked instead.
    fn national_day() -> Calendar {
        let list = r#"{"holidays":["2026-10-01..2026-10-07"],"working-weekends":["2026-09-20","2026-10-10"]}"#;
        serde_json::from_str(list).unwrap()
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn shifted_weekends_are_worked_and_holidays_are_not() {
        let calendar = national_day();
        for (from, n, to) in [
            ("2026-09-18", 1, "2026-09-20"), // Friday; the Sunday is worked
            ("2026-09-18", 2, "2026-09-21"),
            ("2026-09-29", 2, "2026-10-08"), // Tuesday; Wednesday, then the first day after the week
            ("2026-09-30", 1, "2026-10-08"),
            ("2026-09-30", 3, "2026-10-10"), // Saturday that is worked
            ("2026-09-30", 4, "2026-10-12"),
            ("2026-10-03", 1, "2026-10-08"),
            ("2026-10-08", -2, "2026-09-29"),
            ("2026-10-03", 0, "2026-10-03"),
        ] {
            assert_eq!(
                calendar.add_working_days(day(from), n),
                day(to),
                "{from} + {n}"
            );
        }
    }

    #[test]
    fn it_is_due_at_the_end_of_the_day_in_china() {
        let calendar = national_day();
        // 2026-09-29 23:30 in China, still the 29th there
        let from = Millis(Millis::start_of(day("2026-09-30")).0 - 30 * 60 * 1000);
        let due = calendar.due(
            from,
            &Due {
                days: 2,
                working: true,
            },
        );
        assert_eq!(due.minute(), "2026-10-08 23:59");
        assert_eq!(Millis(due.0 + 1), Millis::start_of(day("2026-10-09")));
        assert_eq!(
            calendar
                .due(
                    from,
                    &Due {
                        days: 2,
                        working: false
                    }
                )
                .day(),
            day("2026-10-01")
        );
        assert_eq!(
            calendar
                .due(
                    from,
                    &Due {
                        days: u32::MAX,
                        working: false
                    }
                )
                .day(),
            day("2036-09-26")
        );
    }

    #[test]
    fn timers_count_days_to_the_millisecond_and_working_days_to_their_end() {
        let calendar = national_day();
        let base = Millis::start_of(day("2026-09-30")).plus(60);
        let timer = |days, working| Timer {
            base: TimerBase::Entered,
            days,
            working,
        };
        assert_eq!(
            calendar.fires(base, &timer(90, false)).minute(),
            "2026-12-29 00:01"
        );
        assert_eq!(
            calendar.fires(base, &timer(-30, false)).minute(),
            "2026-08-31 00:01"
        );
        assert_eq!(
            calendar.fires(base, &timer(2, true)).minute(),
            "2026-10-09 23:59"
        );
    }

    #[test]
    fn mistakes_in_the_lists_are_named() {
        let calendar = |holidays: &[&str], weekends: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
            Calendar::new(&owned(holidays), &owned(weekends)).map_err(|e| e.to_string())
        };
        assert!(
            calendar(&["2026-13-01"], &[])
                .unwrap_err()
                .contains("is no day")
        );
        assert!(
            calendar(&["2026-10-07..2026-10-01"], &[])
                .unwrap_err()
                .contains("ends before")
        );
        assert!(
            calendar(&["2026-10-01..2027-10-07"], &[])
                .unwrap_err()
                .contains("longer than 31")
        );
        assert!(
            calendar(&[], &["2026-10-09"])
                .unwrap_err()
                .contains("Friday")
        );
        assert!(
            calendar(&["2026-10-10"], &["2026-10-10"])
                .unwrap_err()
                .contains("both")
        );
    }
}
