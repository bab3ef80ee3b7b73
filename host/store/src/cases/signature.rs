//! What a name cannot hold, told by one number: a signature has bits for each pair of neighbouring characters of a text (a
//! Bloom filter of its bigrams). A walk for a part of a name looks at the number first and compares the few names that are
//! left.

/// How most names end: such pairs tell no name from another, and their bits would be taken for those of others.
const ENDINGS: [&str; 2] = ["股份有限公司", "有限责任公司"];

/// The signature of a name, as `cases.subject_signature` has it, or of a part that is looked for: whatever name holds the part
/// has all its bits.
pub fn signature(text: &str) -> i64 {
    pairs(text)
        .filter(|(one, next)| has_one_form(*one) && has_one_form(*next))
        .filter(|pair| {
            !ENDINGS
                .into_iter()
                .flat_map(pairs)
                .any(|of_ending| of_ending == *pair)
        })
        .fold(0, |bits, (one, next)| bits | bits_of(one, next))
}

fn pairs(text: &str) -> impl Iterator<Item = (char, char)> + '_ {
    text.chars().zip(text.chars().skip(1))
}

/// Letters are found in either form, and set no bit.
fn has_one_form(sign: char) -> bool {
    sign.to_lowercase().eq([sign]) && sign.to_uppercase().eq([sign])
}

/// The three bits that stand for a pair: each six of the upper bits of its product with the golden ratio's 64 are the number
/// of one. They are stored, and stay as they are.
fn bits_of(one: char, next: char) -> i64 {
    let pair = u64::from(one) << 32 | u64::from(next);
    let spread = pair.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [58, 52, 46]
        .into_iter()
        .fold(0, |bits, above| bits | 1 << (spread >> above & 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_bits_of_all_its_parts() {
        let name: Vec<char> = "鹰潭安邦 A1 建设有限公司".chars().collect();
        let text = |part: &[char]| part.iter().collect::<String>();
        let all = signature(&text(&name));
        for from in 0..name.len() {
            for until in from..=name.len() {
                let part = text(&name[from..until]);
                for part in [part.to_lowercase(), part] {
                    assert_eq!(signature(&part) & !all, 0, "{part}");
                }
            }
        }
        assert_eq!(
            signature("司") | signature("有限公司") | signature("A建"),
            0
        );
        assert!((12..30).contains(&all.count_ones()), "{all:b}");
    }

    #[test]
    fn few_pairs_are_taken_for_one_of_a_name() {
        let name = signature("鹰潭东风建设有限公司");
        let signs = "安邦昌达恩方广海金康立明宁平庆瑞盛泰万兴";
        let pairs = signs
            .chars()
            .flat_map(|one| signs.chars().map(move |next| bits_of(one, next)));
        // A third of its 64 bits are set: one of thirty pairs has all three of its own among them.
        let taken = pairs.filter(|bits| bits & !name == 0).count();
        assert!((1..40).contains(&taken), "{taken} of 400");
    }
}
