//! What a simulated payment provider knows: trades with their refunds and the notifications sent, in memory and in one
//! JSON file, so that a restart forgets nothing.

use crate::secrets::random_hex;
use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How the simulated payer, or the provider after him, behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayMode {
    /// 付款: paid, and told at once.
    #[default]
    Normal,
    /// 延迟: paid, and told later.
    Delay,
    /// 重复: paid, and told three times.
    Repeat,
    /// 伪造: not paid at all; a stranger says so.
    Forge,
    /// 丢弃: paid, and nobody is told.
    Drop,
    /// 金额错误: one fen less arrived.
    Amount,
    /// 探测: the provider's own probe with a signature that must be refused (WeChat Pay only); not paid.
    Signtest,
    /// 扣留通知: paid, and told when somebody has what was held back sent.
    Hold,
    /// 关闭后仍收款: paid, although the trade was closed.
    Late,
    /// 空口通知: not paid; the provider itself says so all the same.
    Claim,
    /// 通知金额错误: paid as asked; what is told is one fen less.
    Understate,
    /// 通知称已关闭: paid; told is that nothing was.
    Deny,
    /// 通知张冠李戴: paid; what is told, well signed, names another merchant.
    Stranger,
    /// 偷换内容: not paid; a stranger puts another content under a signature of the provider's.
    Swap,
    /// 陈旧通知: paid; what is told was signed an hour ago.
    Stale,
    /// 截断通知: paid; half of what is told arrives.
    Cut,
}

impl PayMode {
    pub const ALL: [Self; 16] = [
        Self::Normal,
        Self::Delay,
        Self::Repeat,
        Self::Forge,
        Self::Drop,
        Self::Amount,
        Self::Signtest,
        Self::Hold,
        Self::Late,
        Self::Claim,
        Self::Understate,
        Self::Deny,
        Self::Stranger,
        Self::Swap,
        Self::Stale,
        Self::Cut,
    ];

    /// Whether money moves.
    pub fn pays(self) -> bool {
        !matches!(
            self,
            Self::Forge | Self::Signtest | Self::Claim | Self::Swap
        )
    }

    /// The trade as a notification shows it.
    pub fn told(self, paid: &Trade) -> Trade {
        let mut told = paid.clone();
        match (self, &mut told.receipt) {
            (Self::Understate, Some(receipt)) => receipt.amount -= 1,
            (Self::Deny, _) => told.state = TradeState::Closed,
            _ => {}
        }
        told
    }
}

/// How fast the simulated provider is.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Waits between the tries of a notification that nobody acknowledged. The originals go on for a day and more.
    pub retries: Vec<Duration>,
    /// What [`PayMode::Delay`] waits.
    pub delay: Duration,
    /// From the request to the end of a refund.
    pub refund: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            retries: [1, 2, 5, 10, 30, 60].map(Duration::from_secs).to_vec(),
            delay: Duration::from_secs(8),
            refund: Duration::from_secs(2),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TradeState {
    Waiting,
    Paid,
    Closed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The provider's number of the transaction.
    pub transaction: String,
    /// fen
    pub amount: i64,
    /// milliseconds since 1970
    pub at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub out_refund_no: String,
    /// The provider's number of the refund.
    pub number: String,
    /// fen
    pub amount: i64,
    pub reason: String,
    /// Asked for at: milliseconds since 1970.
    pub at: i64,
}

/// One try to tell the merchant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// milliseconds since 1970
    pub at: i64,
    pub what: String,
    /// The answer's HTTP status; 0 when nobody answered.
    pub status: u16,
    pub accepted: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    pub out_trade_no: String,
    pub subject: String,
    /// fen
    pub amount: i64,
    pub notify_url: String,
    pub code_url: String,
    pub state: TradeState,
    /// Whether somebody has scanned the code. Alipay does not know a trade before.
    pub scanned: bool,
    /// milliseconds since 1970
    pub created: i64,
    /// milliseconds since 1970; an unpaid trade is closed then
    pub expires: i64,
    pub receipt: Option<Receipt>,
    pub refunds: Vec<Refund>,
    pub deliveries: Vec<Delivery>,
}

impl Trade {
    /// fen that went back or are on their way
    pub fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// fen that came
    pub fn received(&self) -> i64 {
        self.receipt.as_ref().map_or(0, |receipt| receipt.amount)
    }

    /// Whether the payer's app takes the code.
    pub fn is_payable(&self, mode: PayMode) -> bool {
        self.state == TradeState::Waiting
            || mode == PayMode::Late && self.state == TradeState::Closed
    }

    /// Takes the payer's money; the transaction's number follows the provider's form.
    pub fn pay(&mut self, transaction: String, mode: PayMode) {
        let amount = if mode == PayMode::Amount {
            self.amount - 1
        } else {
            self.amount
        };
        self.scanned = true;
        self.state = TradeState::Paid;
        self.receipt = Some(Receipt {
            transaction,
            amount,
            at: now(),
        });
    }
}

/// milliseconds since 1970
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// `220.00`
pub fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// `2026-11-20 18:05:00`, in China.
pub fn china_time(millis: i64) -> String {
    crate::pages::china_time(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// `digits` random decimal digits.
pub fn random_digits(digits: usize) -> anyhow::Result<String> {
    let mut bytes = vec![0; digits];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(b'0' + byte % 10))
        .collect())
}

/// All trades of one provider, by the merchant's number.
pub struct Book {
    file: PathBuf,
    trades: Mutex<BTreeMap<String, Trade>>,
}

impl Book {
    /// Reads `file`, or begins it.
    pub fn open(file: PathBuf) -> anyhow::Result<Self> {
        let trades = match std::fs::read(&file) {
            Ok(json) => serde_json::from_slice(&json)
                .with_context(|| format!("{} is damaged", file.display()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", file.display()));
            }
        };
        Ok(Self {
            file,
            trades: Mutex::new(trades),
        })
    }

    /// Reads or changes the trades, after those whose time is over have been closed, and keeps the outcome.
    pub fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Trade>) -> T) -> T {
        let mut trades = self.lock();
        let instant = now();
        for trade in trades.values_mut() {
            if trade.state == TradeState::Waiting && trade.expires <= instant {
                trade.state = TradeState::Closed;
            }
        }
        let outcome = work(&mut trades);
        if let Err(error) = keep(&self.file, &trades) {
            tracing::warn!(%error, "trades were not written");
        }
        outcome
    }

    pub fn get(&self, out_trade_no: &str) -> Option<Trade> {
        self.with(|trades| trades.get(out_trade_no).cloned())
    }

    /// Finds by the merchant's number or by the code's content.
    pub fn find(&self, text: &str) -> Option<Trade> {
        self.with(|trades| {
            trades
                .get(text)
                .or_else(|| trades.values().find(|trade| trade.code_url == text))
                .cloned()
        })
    }

    /// Newest first.
    pub fn all(&self) -> Vec<Trade> {
        let mut all: Vec<Trade> = self.with(|trades| trades.values().cloned().collect());
        all.sort_by_key(|trade| std::cmp::Reverse(trade.created));
        all
    }

    /// Books a refund that somebody makes at the provider's own console.
    pub fn give_back(&self, out_trade_no: &str, refund: Refund) -> anyhow::Result<Trade> {
        self.with(|trades| {
            let trade = trades.get_mut(out_trade_no).context("没有这笔交易")?;
            anyhow::ensure!(
                refund.amount > 0 && trade.refunded() + refund.amount <= trade.received(),
                "没有这么多钱可退"
            );
            trade.refunds.push(refund);
            Ok(trade.clone())
        })
    }

    pub fn delivered(&self, out_trade_no: &str, delivery: Delivery) {
        self.with(|trades| {
            if let Some(trade) = trades.get_mut(out_trade_no) {
                trade.deliveries.push(delivery);
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Trade>> {
        self.trades.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keep(file: &Path, trades: &BTreeMap<String, Trade>) -> anyhow::Result<()> {
    let draft = file.with_extension(format!("{}.draft", random_hex::<4>()?));
    std::fs::write(&draft, serde_json::to_vec_pretty(trades)?)?;
    std::fs::rename(&draft, file)?;
    Ok(())
}
