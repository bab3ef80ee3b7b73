//! One made-up case by its number: the same number is the same case in every database.

use yinxin_core::ids::SiteId;
use yinxin_core::rules::NamedValue;
use yinxin_core::time::Millis;
use yinxin_store::seal::Sealer;

/// How a hundred cases of the project Yingtan stand after some years: state, tone, queue, payable, ended, of a hundred.
const STANDINGS: [(&str, &str, &str, bool, bool, usize); 10] = [
    ("done", "done", "", false, true, 62),
    ("draft", "draft", "", false, false, 10),
    ("first-review", "waiting", "reviewer", false, false, 5),
    ("paper-review", "waiting", "reviewer", false, false, 4),
    ("to-pay", "action", "", true, false, 4),
    ("to-post", "action", "", false, false, 3),
    ("to-make", "waiting", "maker", false, false, 4),
    ("to-ship", "waiting", "shipper", false, false, 3),
    ("to-invoice", "waiting", "finance", false, false, 2),
    ("cancelled", "refused", "", false, true, 3),
];

/// Cases of the last three years, one after the other.
const SPAN: i64 = 3 * 365 * 24 * 3600 * 1000;
const DAY: i64 = 24 * 3600 * 1000;
/// As the store has it: not due at all.
pub const NEVER: i64 = i64::MAX;

pub struct Made {
    pub id: String,
    pub number: String,
    pub state: &'static str,
    pub tone: &'static str,
    pub queue: &'static str,
    pub payable: bool,
    pub ended: bool,
    pub subject: String,
    pub mobile: String,
    pub uscc: String,
    pub identity: String,
    /// Of its certificate; empty before there is one.
    pub serial: String,
    pub created: i64,
    pub entered: i64,
    pub due: i64,
}

impl Made {
    /// The `number`th of `count` cases.
    pub fn new(number: usize, count: usize, now: Millis) -> Self {
        let chance = scattered(number as u64);
        let created = now.0 - SPAN + SPAN / count as i64 * number as i64;
        let mut place = (chance % 100) as usize;
        let standing = STANDINGS.iter().find(|standing| {
            let found = place < standing.5;
            place = place.wrapping_sub(standing.5);
            found
        });
        let (state, tone, queue, payable, ended, _) = *standing.unwrap();
        // A unit comes back every year or so.
        let unit = scattered(number as u64 / 3) % 100_000_000;
        let entered = created + (chance >> 32) as i64 % (20 * DAY);
        Self {
            id: uuid::Builder::from_unix_timestamp_millis(
                u64::try_from(created).unwrap(),
                &bytes(chance, number as u64),
            )
            .into_uuid()
            .to_string(),
            number: format!("{}{:06}", day(created), number % 1_000_000),
            state,
            tone,
            queue,
            payable,
            ended,
            subject: name(unit),
            mobile: format!("139{unit:08}"),
            uscc: format!("91360600MA3{unit:07}"),
            identity: format!("36060219700{:07}", unit % 10_000_000),
            serial: if state == "done" || state == "to-ship" || state == "to-invoice" {
                format!("{chance:016x}{number:016x}")
            } else {
                String::new()
            },
            created,
            entered,
            // Half of what waits is late.
            due: if ended || state == "draft" {
                NEVER
            } else {
                now.0 + (scattered(chance) % 20) as i64 * DAY - 10 * DAY + (chance % 100_000) as i64
            },
        }
    }

    /// All its answers, sealed as the engine does.
    pub fn sealed(&self, sealer: &Sealer, site: &SiteId) -> Vec<u8> {
        let answers = [
            ("lock-kind", "main"),
            ("unit-name", &self.subject),
            ("uscc", &self.uscc),
            ("legal-name", "周安邦"),
            ("legal-number", &self.identity),
            ("handler-name", "吴昌达"),
            ("handler-number", &self.identity),
            ("handler-mobile", &self.mobile),
            ("invoice-title", &self.subject),
            ("tax-number", &self.uscc),
            ("invoice-email", "unit@danwei.example.cn"),
            ("recipient-name", "吴昌达"),
            ("recipient-mobile", &self.mobile),
            ("recipient-address", "江西省鹰潭市月湖区胜利西路 1 号"),
        ];
        let answers = answers.map(|(name, value)| NamedValue {
            name: name.into(),
            value: value.into(),
        });
        let json = serde_json::to_vec(&answers).unwrap();
        sealer
            .seal(&format!("{site}/case/{}", self.id), &json)
            .unwrap()
    }

    /// On which it was begun, as in its number.
    pub fn day(&self) -> String {
        day(self.created)
    }

    /// What it is found by.
    pub fn keys(&self) -> Vec<&str> {
        let keys = [&self.mobile, &self.uscc, &self.identity, &self.serial];
        keys.into_iter()
            .map(String::as_str)
            .filter(|key| !key.is_empty())
            .collect()
    }
}

fn day(at: i64) -> String {
    Millis(at).day().strftime("%Y%m%d").to_string()
}

/// `鹰潭` and six characters out of twenty: 64 million units.
fn name(unit: u64) -> String {
    let signs: Vec<char> = "安邦昌达恩方广海金康立明宁平庆瑞盛泰万兴".chars().collect();
    let name = (0..6).map(|place| signs[(unit / 20_u64.pow(place) % 20) as usize]);
    format!("鹰潭{}建设有限公司", name.collect::<String>())
}

/// A number that looks like chance and is always the same (splitmix64).
pub fn scattered(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn bytes(a: u64, b: u64) -> [u8; 10] {
    let mut bytes = [0; 10];
    // Ids of one millisecond are in the order of their numbers.
    bytes[..2].copy_from_slice(&(b as u16).to_be_bytes());
    bytes[2..].copy_from_slice(&a.to_be_bytes());
    bytes
}
