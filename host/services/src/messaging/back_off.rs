//! When a message is tried again: waits that double up to an hour, each a fifth longer or shorter by chance, so that what
//! failed together does not return together.

use ring::rand::{SecureRandom, SystemRandom};
use yinxin_core::time::Millis;

/// Seconds before the second try.
const FIRST: i64 = 15;
/// Seconds between tries at most.
const LONGEST: i64 = 3600;
/// Tries; with the waits above the last one is some two hours after the first, when a person had better look.
const TRIES: i64 = 10;

/// The date of the next try after `attempts` have failed; none when that was the last.
pub fn next_try(now: Millis, attempts: i64) -> Option<Millis> {
    if attempts >= TRIES {
        return None;
    }
    let doublings = u32::try_from(attempts.max(1) - 1).unwrap_or(0).min(16);
    let seconds = (FIRST << doublings).min(LONGEST);
    // 800 to 1,200 thousandths of the wait, in milliseconds at once.
    let share = 800 + i64::from(random_word() % 401);
    Some(Millis(now.0.saturating_add(seconds * share)))
}

/// Any number; where there is no random source, the middle: the wait is then as it is.
fn random_word() -> u16 {
    let mut bytes = [0; 2];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => u16::from_le_bytes(bytes),
        Err(_) => 200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_end() {
        let wait = |attempts| next_try(Millis(0), attempts).map(|at| at.0 / 1000);
        for (attempts, seconds) in [(1, 15), (2, 30), (3, 60), (8, 1920), (9, 3600)] {
            let wait = wait(attempts).unwrap();
            assert!(
                (seconds * 8 / 10..=seconds * 12 / 10).contains(&wait),
                "{attempts}: {wait}"
            );
        }
        assert_eq!(wait(10), None);
    }
}
