//! Who an invoice is made out to, judged before the provider is asked: it would refuse minutes later, in its own words.

use yinxin_core::uscc::Uscc;
use yinxin_store::invoices::Buyer;
use yinxin_store::orders::OrderDetails;

/// The title of an invoice for somebody who gave none.
const PERSON: &str = "个人";
/// Characters of a person's name without a dot in it; longer ones are names of units.
const NAME_LIMIT: usize = 4;

/// The buyer of the order's details, or what is wrong with them in words for a clerk.
pub(super) fn of(details: &OrderDetails) -> Result<Buyer, String> {
    let title = details.invoice_title.trim();
    let tax_number: String = details
        .tax_number
        .chars()
        .filter(|c| !c.is_whitespace())
        .collect::<String>()
        .to_ascii_uppercase();
    if title.is_empty() {
        return Ok(Buyer {
            title: PERSON.to_owned(),
            tax_number: String::new(),
        });
    }
    if tax_number.is_empty() {
        if is_person(title) {
            return Ok(Buyer {
                title: title.to_owned(),
                tax_number,
            });
        }
        return Err(
            "抬头是单位，但没有填写税号。请联系用户补上税号后重试，或手工开票。".to_owned(),
        );
    }
    if let Err(problem) = check(&tax_number) {
        return Err(format!(
            "税号有误：{problem}。请联系用户更正后重试，或手工开票。"
        ));
    }
    Ok(Buyer {
        title: title.to_owned(),
        tax_number,
    })
}

fn is_person(title: &str) -> bool {
    title.starts_with(PERSON) || title.contains('·') || title.chars().count() <= NAME_LIMIT
}

/// A unified social credit code, or a number from before: 15 digits of a unit, 17 or 20 of a trader with an identity card.
fn check(number: &str) -> Result<(), String> {
    let plain = number.bytes().all(|b| b.is_ascii_alphanumeric());
    match number.len() {
        15 | 17 | 20 if plain => Ok(()),
        _ => Uscc::parse(number)
            .map(|_| ())
            .map_err(|problem| problem.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(title: &str, tax_number: &str) -> OrderDetails {
        OrderDetails {
            invoice_title: title.into(),
            tax_number: tax_number.into(),
            ..OrderDetails::default()
        }
    }

    #[test]
    fn who_gives_no_title_is_a_person() {
        assert_eq!(of(&details(" ", "")).unwrap().title, "个人");
        assert_eq!(of(&details("欧阳某某", "")).unwrap().title, "欧阳某某");
        assert_eq!(of(&details("个人（林某）", "")).unwrap().tax_number, "");
    }

    #[test]
    fn a_unit_needs_its_tax_number_and_a_right_one() {
        let unit = "福建某某建设有限公司";
        assert!(of(&details(unit, "")).unwrap_err().contains("没有填写税号"));
        assert!(
            of(&details(unit, "91350100M000100Y44"))
                .unwrap_err()
                .contains("校验码")
        );
        let buyer = of(&details(unit, " 91350100m000100y43 ")).unwrap();
        assert_eq!(buyer.tax_number, "91350100M000100Y43");
        assert!(of(&details(unit, "350102196001012")).is_ok());
    }
}
