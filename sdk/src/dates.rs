//! Days in China, where all of this happens. A plugin has no calendar of its own: the host gives it moments in
//! milliseconds and days as ISO dates.

/// Milliseconds of a day.
const DAY: u64 = 86_400_000;

/// China has one time, UTC+8, all year.
const CHINA: u64 = 8 * 3_600_000;

/// The ISO date in China of a moment in milliseconds since 1970-01-01 UTC.
pub fn day_of(moment: u64) -> String {
    let days = moment.saturating_add(CHINA) / DAY;
    let (year, month, day) = civil(i64::try_from(days).unwrap_or(0));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Days from one ISO date to another, negative when the second is the earlier one; none when one of them is no date.
pub fn days_between(from: &str, to: &str) -> Option<i64> {
    Some(count(to)? - count(from)?)
}

/// Days since 1970-01-01.
fn count(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let days = counted(year, month, day);
    // A day that no month has comes back as another one.
    (civil(days) == (year, month, day)).then_some(days)
}

/// Howard Hinnant's `days_from_civil`: years begin in March, so that the leap day is the last.
fn counted(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Howard Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_its_day_in_china() {
        assert_eq!(day_of(0), "1970-01-01");
        // 15:59:59 UTC is the last second of the day in China.
        assert_eq!(day_of(1_795_190_399_000), "2026-11-20");
        assert_eq!(day_of(1_795_190_400_000), "2026-11-21");
        assert_eq!(day_of(951_782_400_000), "2000-02-29");
    }

    #[test]
    fn days_are_counted_over_months_and_leap_years() {
        assert_eq!(days_between("2026-11-20", "2026-11-20"), Some(0));
        assert_eq!(days_between("2024-02-28", "2024-03-01"), Some(2));
        assert_eq!(days_between("2026-08-22", "2026-11-20"), Some(90));
        assert_eq!(days_between("2026-11-20", "2025-11-20"), Some(-365));
    }

    #[test]
    fn what_is_no_date_is_not_counted() {
        for wrong in [
            "",
            "2026-11",
            "2026-02-30",
            "2026-13-01",
            "2026-00-10",
            "今天",
        ] {
            assert_eq!(days_between(wrong, "2026-11-20"), None, "{wrong}");
        }
    }
}
