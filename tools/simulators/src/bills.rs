//! What both simulated providers do alike about bills: when one is ready, what stands in it, and links that end.

use crate::secrets::random_hex;
use crate::trades::{Book, china_time, now};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Milliseconds that a link lives: 30 s, the shortest that either original documents.
const LINK_LIFE: i64 = 30_000;
/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// Per 10,000: what both take of a payment, and give back with a refund.
const RATE: i64 = 60;

/// How the provider makes its bills; changed by tests and at `POST /control/{name}/bills`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Manner {
    /// Hour in China from which the bill of the day before is there; the originals: 10 and 9. Below 0: even the bill of the
    /// day that is not over.
    pub ready_hour: i64,
    /// Somebody changes the file on its way.
    pub tampered: bool,
    /// A bill is made from its first line only, as when its end is lost.
    pub cut: bool,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            ready_hour: 10,
            tampered: false,
            cut: false,
        }
    }
}

/// The bills of one provider.
#[derive(Default)]
pub struct Bills {
    manner: Mutex<Manner>,
    /// By token: the file and when the link ends.
    links: Mutex<BTreeMap<String, (Vec<u8>, i64)>>,
}

/// A payment or refund of a day.
pub struct Entry {
    pub out_trade_no: String,
    pub subject: String,
    pub transaction: String,
    /// fen
    pub amount: i64,
    /// fen; negative where it is given back
    pub fee: i64,
    /// milliseconds since 1970
    pub at: i64,
    /// milliseconds since 1970
    pub created: i64,
    /// The merchant's and the provider's numbers; none for a payment.
    pub refund: Option<(String, String)>,
}

/// Why there is no bill.
pub enum NoBill {
    /// The day is of the wrong form, in the future, or too long ago.
    Date,
    NotYet,
    Nothing,
}

impl Bills {
    pub fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap_or_else(PoisonError::into_inner) = manner;
    }

    pub fn manner(&self) -> Manner {
        self.manner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What moved on a day, oldest first.
    pub fn entries(&self, book: &Book, day: &str) -> Result<Vec<Entry>, NoBill> {
        let day: Date = day.parse().map_err(|_| NoBill::Date)?;
        let start = Offset::constant(8)
            .to_timestamp(day.to_datetime(jiff::civil::Time::midnight()))
            .map_err(|_| NoBill::Date)?
            .as_millisecond();
        let (instant, hour) = (now(), self.manner().ready_hour);
        // Three months is how long the originals keep bills.
        if (hour >= 0 && instant < start + DAY) || instant < start || instant > start + 92 * DAY {
            return Err(NoBill::Date);
        }
        if hour >= 0 && instant < start + DAY + hour * 3_600_000 {
            return Err(NoBill::NotYet);
        }
        let within = |at: i64| (start..start + DAY).contains(&at);
        let mut entries = Vec::new();
        for trade in book.all() {
            let Some(receipt) = &trade.receipt else {
                continue;
            };
            let entry = |amount: i64, sign: i64, at: i64, refund| Entry {
                out_trade_no: trade.out_trade_no.clone(),
                subject: trade.subject.clone(),
                transaction: receipt.transaction.clone(),
                amount,
                fee: sign * ((amount * RATE + 5_000) / 10_000),
                at,
                created: trade.created,
                refund,
            };
            if within(receipt.at) {
                entries.push(entry(receipt.amount, 1, receipt.at, None));
            }
            for refund in trade.refunds.iter().filter(|refund| within(refund.at)) {
                let numbers = (refund.out_refund_no.clone(), refund.number.clone());
                entries.push(entry(refund.amount, -1, refund.at, Some(numbers)));
            }
        }
        entries.sort_by_key(|entry| entry.at);
        if entries.is_empty() {
            return Err(NoBill::Nothing);
        }
        Ok(entries)
    }

    /// A token for a file, good for half a minute.
    pub fn publish(&self, file: Vec<u8>) -> anyhow::Result<String> {
        let token = random_hex::<24>()?;
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.retain(|_, (_, end)| *end > now());
        links.insert(token.clone(), (file, now() + LINK_LIFE));
        Ok(token)
    }

    /// The file of a token, while its link lives; changed where somebody changes it.
    pub fn fetch(&self, token: &str) -> Option<Vec<u8>> {
        let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, _) = links.get(token).filter(|(_, end)| *end > now())?;
        let mut file = file.clone();
        if self.manner().tampered
            && let Some(byte) = file.iter_mut().rev().find(|byte| byte.is_ascii_digit())
        {
            *byte = if *byte == b'9' { b'0' } else { *byte + 1 };
        }
        Some(file)
    }
}

/// `20261120180500`, in China.
pub fn compact(millis: i64) -> String {
    china_time(millis).replace(['-', ' ', ':'], "")
}

/// `POST /control/{name}/bills` with `{ready_hour, tampered, cut}` as JSON.
pub fn control(name: &str, bills: Arc<Bills>) -> Router {
    Router::new()
        .route(&format!("/control/{name}/bills"), post(set))
        .with_state(bills)
}

async fn set(State(bills): State<Arc<Bills>>, Json(manner): Json<Manner>) -> StatusCode {
    bills.set(manner);
    StatusCode::NO_CONTENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends() {
        let bills = Bills::default();
        let token = bills.publish(b"bill 1".to_vec()).unwrap();
        assert_eq!(bills.fetch(&token).unwrap(), b"bill 1");
        assert!(bills.fetch("another").is_none());
        bills.set(Manner {
            tampered: true,
            ..Manner::default()
        });
        assert_eq!(bills.fetch(&token).unwrap(), b"bill 2");
        bills.links.lock().unwrap().get_mut(&token).unwrap().1 = now();
        assert!(bills.fetch(&token).is_none());
    }
}
