//! The site's register of certificates, as its clerks look through it, and how people are told that one stands.

use super::Certificates;
use yinxin_core::ids::{CaseId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::certificates::{
    self as rows, After, Certificate, CertificateState, Filter, Narrowed,
};
use yinxin_store::{Connection, StoreError};

/// Days before its end from which a certificate is said to end soon: when the first warning goes out.
pub const ENDING_DAYS: i64 = 60;

const DAY_SECONDS: i64 = 24 * 3600;
/// Digits of a serial that are worth a look; fewer are rather a part of a name.
const SERIAL_DIGITS: usize = 6;

/// How a certificate stands, as people are told. What is said first counts: a revoked one is revoked whatever its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    Valid,
    /// Still usable; whole days until the day on which it ends.
    Ending(i32),
    /// Whole days since the day on which it ended.
    Expired(i32),
    Held,
    Revoked,
    /// A renewal has put another one in its place.
    Renewed,
    /// A reissue or a change has.
    Replaced,
}

impl Outlook {
    /// Name in addresses and texts; see [`Sought::standing`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Ending(_) => "ending",
            Self::Expired(_) => "expired",
            Self::Held => "held",
            Self::Revoked => "revoked",
            Self::Renewed => "renewed",
            Self::Replaced => "replaced",
        }
    }

    /// Days of those that count them.
    pub fn days(self) -> i32 {
        match self {
            Self::Ending(days) | Self::Expired(days) => days,
            _ => 0,
        }
    }
}

/// What a person looks for in a list of certificates; empty fields do not narrow.
#[derive(Clone, Debug, Default)]
pub struct Sought {
    /// A part of the name, or the beginning of the serial, written in groups or not.
    pub text: String,
    /// `valid`, `ending`, `expired`, `held`, `revoked`, `replaced`; anything else does not narrow.
    pub standing: String,
    /// Only those that end within so many days.
    pub within_days: Option<i64>,
}

impl Sought {
    pub(super) fn filter(&self, now: Millis) -> Filter {
        let text = self.text.trim();
        let digits: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, ':' | '-'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let is_serial =
            digits.len() >= SERIAL_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let standing = match (self.within_days, self.standing.as_str()) {
            (Some(days), _) => {
                let days = days.clamp(0, 3650); // ten years, longer than any certificate
                Some(Narrowed::Ending(now, now.plus(days * DAY_SECONDS)))
            }
            (None, "valid") => Some(Narrowed::Valid(now)),
            (None, "ending") => Some(Narrowed::Ending(now, now.plus(ENDING_DAYS * DAY_SECONDS))),
            (None, "expired") => Some(Narrowed::Expired(now)),
            (None, "held") => Some(Narrowed::Held(now)),
            (None, "revoked") => Some(Narrowed::Revoked),
            (None, "replaced") => Some(Narrowed::Replaced),
            _ => None,
        };
        Filter {
            name: Some(text.to_owned()).filter(|text| !text.is_empty()),
            serial: is_serial.then_some(digits),
            standing,
        }
    }
}

/// A certificate of the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// lower-case hexadecimal
    pub serial: String,
    /// RFC 4514
    pub subject: String,
    pub not_before: Millis,
    pub not_after: Millis,
    pub outlook: Outlook,
    /// What can be done with it.
    pub state: CertificateState,
    /// Why it is held or revoked, or empty.
    pub reason: String,
    /// Since when it stands so.
    pub changed_at: Millis,
    /// Serial of the certificate that was issued in its place, or empty.
    pub successor: String,
    pub case: CaseId,
    pub pem: String,
}

/// A page of the register, and where the next one goes on.
pub struct Page {
    pub lines: Vec<Registered>,
    pub next: Option<String>,
}

impl Certificates {
    /// The site's certificates: the newest first, or, where what ends soon is looked for, what ends first.
    pub async fn register(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        sought: &Sought,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let now = self.clock.now();
        let filter = sought.filter(now);
        let after = after.and_then(After::parse);
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let by_end = matches!(filter.standing, Some(Narrowed::Ending(..)));
        let mut found = if by_end {
            rows::by_end(conn, site, &filter, after.as_ref(), one_more).await?
        } else {
            rows::newest(conn, site, &filter, after.as_ref(), one_more).await?
        };
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).map(|last| {
            let instant = if by_end {
                last.not_after.0
            } else {
                last.created_at.0
            };
            let serial = last.serial.clone();
            After { instant, serial }.text()
        });
        Ok(Page {
            lines: found.into_iter().map(|row| registered(row, now)).collect(),
            next,
        })
    }

    /// One certificate of the register.
    pub async fn registered(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        serial: &str,
    ) -> Result<Option<Registered>, StoreError> {
        let found = rows::find(conn, site, serial).await?;
        let issued = found.filter(|row| row.state != CertificateState::Reserved);
        Ok(issued.map(|row| registered(row, self.clock.now())))
    }
}

fn registered(row: Certificate, now: Millis) -> Registered {
    Registered {
        outlook: outlook(row.state, &row.successor_kind, row.not_after, now),
        serial: row.serial,
        subject: row.subject,
        not_before: row.not_before,
        not_after: row.not_after,
        state: row.state,
        reason: row.reason,
        changed_at: row.changed_at,
        successor: row.successor,
        case: row.case,
        pem: row.pem,
    }
}

pub(super) fn outlook(
    state: CertificateState,
    successor_kind: &str,
    not_after: Millis,
    now: Millis,
) -> Outlook {
    let days = (not_after.day() - now.day()).get_days();
    match (state, successor_kind) {
        (CertificateState::Revoked, _) => Outlook::Revoked,
        (_, "renewal") => Outlook::Renewed,
        (_, other) if !other.is_empty() => Outlook::Replaced,
        _ if not_after < now => Outlook::Expired(-days),
        (CertificateState::Held, _) => Outlook::Held,
        _ if i64::from(days) <= ENDING_DAYS => Outlook::Ending(days),
        _ => Outlook::Valid,
    }
}
