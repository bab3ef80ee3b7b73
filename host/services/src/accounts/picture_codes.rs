//! Picture codes: proof that somebody looks at the page. Who cannot see the picture answers a small sum in words.

use super::client::Client;
use super::error::{AccountError, item};
use crate::rate_limits::{Allowance, Limit, RateLimits, in_words};
use captcha::Captcha;
use captcha::filters::{Dots, Noise, Wave};
use std::sync::Arc;
use yinxin_core::ids::SiteId;
use yinxin_core::time::Clock;
use yinxin_store::seal::Sealer;
use yinxin_store::{Store, codes};

/// Long enough to fill in a form beside it.
const VALID_SECONDS: i64 = 300;

const CHARACTERS: u32 = 4;

/// Capitals and digits that nobody confuses: without 0 O D Q, 1 I L J, 2 Z, 5 S, 8 B, 6 G, U V, W M.
const ALPHABET: [char; 14] = [
    '3', '4', '7', '9', 'A', 'C', 'E', 'F', 'H', 'K', 'N', 'P', 'T', 'X',
];

/// Size of the picture in pixels; at this width it fits beside its input on a phone.
const WIDTH: u32 = 200;
const HEIGHT: u32 = 90;

/// Drawing costs some milliseconds of a core; an office of people behind one address does not need more.
const PICTURES: Limit = Limit {
    hits: 120,
    window_seconds: 600,
};
/// A sum in words keeps nobody's program out, so that there are few of them.
const QUESTIONS: Limit = Limit {
    hits: 20,
    window_seconds: 600,
};

/// A picture to look at.
#[derive(Clone, Debug)]
pub struct Picture {
    pub id: String,
    pub png: Vec<u8>,
}

/// A sum to answer in digits or in words.
#[derive(Clone, Debug)]
pub struct Question {
    pub id: String,
    /// `三加五等于几？`
    pub text: String,
}

/// What was answered to which picture or question.
#[derive(Clone, Debug)]
pub struct PictureAnswer {
    pub id: String,
    pub answer: String,
}

/// Draws and checks picture codes. Cheap to clone.
#[derive(Clone)]
pub struct PictureCodes {
    store: Store,
    sealer: Arc<Sealer>,
    clock: Arc<dyn Clock>,
    limits: RateLimits,
}

impl PictureCodes {
    pub fn new(store: Store, sealer: Arc<Sealer>, clock: Arc<dyn Clock>) -> Self {
        let limits = RateLimits::new(store.clone(), clock.clone());
        Self {
            store,
            sealer,
            clock,
            limits,
        }
    }

    /// A new picture, good for one answer.
    pub async fn picture(&self, site: &SiteId, client: &Client) -> Result<Picture, AccountError> {
        self.allow(site, client, "picture", PICTURES).await?;
        let drawn = tokio::task::spawn_blocking(draw)
            .await
            .map_err(|_| AccountError::Picture)?;
        let (answer, png) = drawn.ok_or(AccountError::Picture)?;
        Ok(Picture {
            id: self.keep(site, &answer).await?,
            png,
        })
    }

    /// A new sum, good for one answer: for those who cannot see a picture.
    pub async fn question(&self, site: &SiteId, client: &Client) -> Result<Question, AccountError> {
        self.allow(site, client, "question", QUESTIONS).await?;
        let mut random = [0; 3];
        getrandom::fill(&mut random).map_err(|_| AccountError::Random)?;
        let (text, answer) = sum(random);
        Ok(Question {
            id: self.keep(site, &answer.to_string()).await?,
            text,
        })
    }

    /// Whether the answer is right; right or wrong, it cannot be given again.
    pub async fn is_right(
        &self,
        site: &SiteId,
        given: Option<&PictureAnswer>,
    ) -> Result<bool, AccountError> {
        let Some(given) = given else { return Ok(false) };
        let mut conn = self.store.read().await?;
        let kept = codes::take_picture(&mut conn, site, &given.id, self.clock.now()).await?;
        Ok(kept.is_some_and(|kept| kept == self.hash(site, &given.id, &given.answer)))
    }

    async fn keep(&self, site: &SiteId, answer: &str) -> Result<String, AccountError> {
        // Not a v7 id: the time of a picture is nobody's business.
        let id = uuid::Uuid::new_v4().to_string();
        let hash = self.hash(site, &id, answer);
        let mut conn = self.store.read().await?;
        let until = self.clock.now().plus(VALID_SECONDS);
        codes::insert_picture(&mut conn, site, &id, &hash, until).await?;
        Ok(id)
    }

    fn hash(&self, site: &SiteId, id: &str, answer: &str) -> String {
        self.sealer
            .fingerprint(&format!("{site}/picture-code/{id}"), &canonical(answer))
    }

    async fn allow(
        &self,
        site: &SiteId,
        client: &Client,
        what: &str,
        limit: Limit,
    ) -> Result<(), AccountError> {
        let bucket = format!("{what}/{}", client.key(&self.sealer, site));
        match self.limits.check(site, &bucket, limit).await? {
            Allowance::Granted { .. } => Ok(()),
            Allowance::Refused {
                retry_after_seconds,
            } => Err(AccountError::refused(
                Some(item::PICTURE_CODE),
                format!(
                    "验证码获取得太频繁，请 {} 后再试",
                    in_words(retry_after_seconds)
                ),
            )),
        }
    }
}

/// The sentence for a wrong answer.
pub(crate) fn wrong() -> yinxin_core::rules::Problem {
    super::error::problem(
        Some(item::PICTURE_CODE),
        "图形验证码不正确或已过期，请按新的验证码重新输入",
    )
}

fn draw() -> Option<(String, Vec<u8>)> {
    let mut picture = Captcha::new();
    picture
        .set_chars(&ALPHABET)
        .add_chars(CHARACTERS)
        .apply_filter(Noise::new(0.15))
        .apply_filter(Wave::new(1.5, 6.0).horizontal())
        .apply_filter(Wave::new(1.5, 6.0).vertical())
        .view(WIDTH, HEIGHT)
        .apply_filter(Dots::new(6).min_radius(2).max_radius(4));
    picture.as_tuple()
}

/// Digits and capitals; a sum's answer in words becomes digits; spaces and full-width forms do not matter.
fn canonical(answer: &str) -> String {
    let answer: String = super::login_id::normalise(answer).to_uppercase();
    let words: Vec<_> = answer
        .chars()
        .filter_map(|c| DIGITS.chars().position(|digit| digit == c))
        .collect();
    match (answer.chars().count(), words.as_slice()) {
        (1, [n]) => n.to_string(),
        (2, [10, n]) => (10 + n).to_string(),
        _ => answer,
    }
}

const DIGITS: &str = "零一二三四五六七八九十";

/// A sum of two numbers from 1 to 9, or a difference that is not negative.
fn sum([a, b, plus]: [u8; 3]) -> (String, u8) {
    let (a, b) = (a % 9 + 1, b % 9 + 1);
    let word = |n: u8| DIGITS.chars().nth(usize::from(n)).unwrap_or('零');
    if plus % 2 == 0 {
        (format!("{}加{}等于几？", word(a), word(b)), a + b)
    } else {
        let (more, less) = (a.max(b), a.min(b));
        (
            format!("{}减{}等于几？", word(more), word(less)),
            more - less,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_said_in_words_and_answered_either_way() {
        assert_eq!(sum([2, 4, 0]), ("三加五等于几？".to_owned(), 8));
        assert_eq!(sum([2, 4, 1]), ("五减三等于几？".to_owned(), 2));
        assert_eq!(sum([8, 8, 0]), ("九加九等于几？".to_owned(), 18));
        for (typed, canon) in [
            ("八", "8"),
            (" ８ ", "8"),
            ("十八", "18"),
            ("十", "10"),
            ("零", "0"),
            ("ax3k", "AX3K"),
        ] {
            assert_eq!(canonical(typed), canon);
        }
    }

    #[test]
    fn a_picture_has_four_clear_characters_and_is_small() {
        let (answer, png) = draw().unwrap();
        assert_eq!(answer.chars().count(), 4);
        assert!(answer.chars().all(|c| ALPHABET.contains(&c)));
        assert!(png.starts_with(b"\x89PNG"));
        assert!(png.len() < 20_000, "{}", png.len());
    }
}
