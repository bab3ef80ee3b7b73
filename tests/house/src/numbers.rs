//! Numbers with check characters, made as their standards say and not as the product does.

/// GB 32100: a unified social credit code from its first 17 characters.
pub fn uscc(first17: &str) -> String {
    const CHARACTERS: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut weight = 1;
    let mut sum = 0;
    for c in first17.chars() {
        sum += CHARACTERS.find(c).expect("a character of the code") * weight;
        weight = weight * 3 % 31;
    }
    let check = CHARACTERS.as_bytes()[(31 - sum % 31) % 31];
    format!("{first17}{}", char::from(check))
}

/// GB 11643: an identity number from its first 17 digits.
pub fn identity_number(first17: &str) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = first17.chars().filter_map(|c| c.to_digit(10));
    let sum: u32 = digits
        .zip(WEIGHTS)
        .map(|(digit, weight)| digit * weight)
        .sum();
    let check = b"10X98765432"[sum as usize % 11];
    format!("{first17}{}", char::from(check))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_examples() {
        assert_eq!(uscc("91350100M000100Y4"), "91350100M000100Y43");
        assert_eq!(identity_number("11010519491231002"), "11010519491231002X");
    }
}
