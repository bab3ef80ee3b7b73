//! A bank's file, as a clerk of finance uploads it.

use jiff::civil::date;
use yinxin_core::money::Fen;
use yinxin_services::statements::outside::read;

/// The whole file.
pub fn statement(bytes: &[u8]) {
    let today = date(2026, 11, 20);
    match read(bytes, today) {
        Ok((came, other)) => {
            assert!(came.len() <= 5_000 && other <= 5_000);
            let mut numbers = std::collections::HashSet::new();
            for line in came {
                assert!(
                    line.amount > Fen(0) && line.amount <= Fen::LIMIT,
                    "{line:?}"
                );
                assert!(line.day <= today && line.day.year() >= 2000, "{line:?}");
                assert!(
                    !line.serial.trim().is_empty() && line.serial.chars().count() <= 64,
                    "{line:?}"
                );
                assert!(line.payer.chars().count() <= 120, "{line:?}");
                assert!(line.memo.chars().count() <= 400, "{line:?}");
                for text in [&line.serial, &line.payer, &line.memo] {
                    assert!(!text.contains(char::is_control), "{line:?}");
                }
                assert!(numbers.insert(line.serial.clone()), "twice: {line:?}");
            }
        }
        Err(faults) => {
            assert!((1..=51).contains(&faults.len()), "{}", faults.len());
            for fault in faults {
                assert!(fault.message.chars().count() < 200, "{}", fault.message);
            }
        }
    }
}
