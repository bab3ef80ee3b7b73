//! What a simulated payment provider answers when it does not tell the truth. What it tells unasked is a matter of
//! [`crate::trades::PayMode`].

use crate::trades::{PayMode, Trade, TradeState};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Longer than any merchant waits.
const SILENCE: Duration = Duration::from_secs(120);

/// The number of a transaction that never was.
const NO_TRANSACTION: &str = "9999999999999999999999999999";

/// How requests are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    #[default]
    Truth,
    /// 不应答: nothing is done, and nothing is said for minutes.
    Silent,
    /// 报错: the provider has troubles of its own.
    Error,
    /// 中断: done, but the line goes dead in the middle of the answer.
    Broken,
    /// 假应答: done, but the answer is signed with a key that is not the provider's.
    Forged,
    /// 查询称未付
    Unpaid,
    /// 查询称已关闭
    Closed,
    /// 查询谎称已付
    Paid,
    /// 查询金额错误: one fen less.
    Amount,
    /// 查询张冠李戴: another merchant's or another trade.
    Stranger,
    /// 抢先通知: a new trade is paid, and the merchant told so, before he has the code.
    Eager,
}

impl Answers {
    pub const ALL: [Self; 11] = [
        Self::Truth,
        Self::Silent,
        Self::Error,
        Self::Broken,
        Self::Forged,
        Self::Unpaid,
        Self::Closed,
        Self::Paid,
        Self::Amount,
        Self::Stranger,
        Self::Eager,
    ];

    /// The trade as a query shows it.
    pub fn of(self, trade: &Trade) -> Trade {
        let mut told = trade.clone();
        match self {
            Self::Unpaid => {
                told.state = TradeState::Waiting;
                told.receipt = None;
            }
            Self::Closed => {
                told.state = TradeState::Closed;
                told.receipt = None;
            }
            Self::Paid => {
                if told.receipt.is_none() {
                    told.pay(NO_TRANSACTION.to_owned(), PayMode::Normal);
                }
            }
            Self::Amount => {
                if let Some(receipt) = &mut told.receipt {
                    receipt.amount -= 1;
                }
            }
            Self::Truth
            | Self::Silent
            | Self::Error
            | Self::Broken
            | Self::Forged
            | Self::Stranger
            | Self::Eager => {}
        }
        told
    }
}

/// One provider's present lies: about everything, and about single trades, which go first.
#[derive(Default)]
pub struct Lies {
    everything: Mutex<Answers>,
    of: Mutex<BTreeMap<String, Answers>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lies {
    /// Sets how requests about a trade are answered; an empty number: all requests.
    pub fn set(&self, out_trade_no: &str, answers: Answers) {
        if out_trade_no.is_empty() {
            *locked(&self.everything) = answers;
        } else {
            locked(&self.of).insert(out_trade_no.to_owned(), answers);
        }
    }

    /// How a request is answered in which this text stands.
    pub fn about(&self, text: &str) -> Answers {
        let own = locked(&self.of)
            .iter()
            .find(|(number, answers)| **answers != Answers::Truth && text.contains(*number))
            .map(|(_, answers)| *answers);
        own.unwrap_or(*locked(&self.everything))
    }
}

/// Says nothing for as long as anybody listens.
pub async fn silence() -> Response {
    tokio::time::sleep(SILENCE).await;
    broken(Vec::new())
}

/// The first half of an answer; then the line goes dead.
pub fn broken(mut whole: Vec<u8>) -> Response {
    whole.truncate(whole.len() / 2);
    let dead = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the line goes dead");
    Body::from_stream(stream::iter([Ok(whole), Err(dead)])).into_response()
}
