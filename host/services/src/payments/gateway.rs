//! What every payment provider can be asked, in words that none of them owns.

use async_trait::async_trait;
use jiff::civil::Date;
use reqwest::header::HeaderMap;
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::reconciliations::BillKind;

/// A payment provider, as one merchant of it. It holds no rows: what is asked, when and in which order is decided by
/// [`super::Payments`]. All calls may be repeated.
#[async_trait]
pub trait Gateway: Send + Sync {
    fn method(&self) -> Method;

    /// Announces a trade and gets the content of the QR code. The same trade again gives a code for the same trade.
    async fn prepare(&self, trade: &NewTrade<'_>) -> Result<String, GatewayError>;

    /// How a trade stands.
    async fn query(&self, out_trade_no: &str) -> Result<TradeStanding, GatewayError>;

    /// Withdraws an unpaid trade. A trade that the provider refuses to close has to be queried.
    async fn close(&self, out_trade_no: &str) -> Result<(), GatewayError>;

    /// Sends money back.
    async fn refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError>;

    /// How a refund stands.
    async fn query_refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError>;

    /// What the provider says of a day that is over, in China.
    async fn bill(&self, day: Date) -> Result<Bill, GatewayError>;

    /// Verifies what somebody posted to the notification address, over its raw bytes.
    fn verify_notification(&self, headers: &HeaderMap, body: &[u8])
    -> Result<Notification, Forged>;
}

/// A trade to announce.
#[derive(Clone, Debug)]
pub struct NewTrade<'a> {
    /// Our number: 32 letters and digits.
    pub out_trade_no: &'a str,
    /// What the payer reads in his app.
    pub subject: &'a str,
    pub amount: Fen,
    pub expires_at: Millis,
}

/// How a trade stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TradeStanding {
    /// Not paid, or not even known: an unpaid trade may be unknown to the provider until its code is scanned.
    Unpaid,
    Paid(Receipt),
    Closed,
    /// Paid and given back, by somebody at the provider's console: there is no money.
    Refunded,
}

/// Money that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's number of the transaction.
    pub transaction: String,
    pub amount: Fen,
    /// Who paid, as the provider names him.
    pub payer: String,
}

/// A refund to be made or asked about.
#[derive(Clone, Debug)]
pub struct RefundOrder<'a> {
    pub out_trade_no: &'a str,
    /// Our number: repeating it does not pay out twice.
    pub out_refund_no: &'a str,
    pub amount: Fen,
    /// What arrived on the trade.
    pub total: Fen,
    /// In words, for the payer.
    pub reason: &'a str,
}

/// How a refund stands at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundStanding {
    Processing,
    /// With the provider's number.
    Done(String),
    /// For good, with the provider's word for it.
    Failed(String),
    /// The provider does not know it, or does not say yet.
    Unknown,
}

/// A provider's bill of one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bill {
    /// All that moved.
    Ready(Vec<BillLine>),
    /// It is being made: ask later.
    NotYet,
    /// There is none. `sure`: because nothing moved; else it may also be late.
    Absent { sure: bool },
}

/// One payment or refund of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    pub kind: BillKind,
    /// Our number of the payment; of a refund, of the payment that it is of.
    pub out_trade_no: String,
    /// Our number of the refund; empty for a payment, and for a refund that was not asked for by us.
    pub out_refund_no: String,
    /// The provider's number.
    pub provider_no: String,
    /// As paid or given back: not negative.
    pub amount: Fen,
    /// What the provider keeps for it; negative where it gives back what it kept.
    pub fee: Fen,
    pub at: Millis,
}

/// What a provider told, verified. What it says about amounts is not believed but asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The provider's id, the same when it repeats itself.
    pub id: String,
    pub about: About,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Our number of a trade, which is said to be paid.
    Trade(String),
    /// Our number of a trade, which is said to be over.
    Closed(String),
    Refund {
        /// Our number; the provider's where we did not ask for it.
        number: String,
        /// Our number of the trade.
        trade: String,
    },
    /// Nothing that we act on.
    Other,
}

/// Why a provider did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// Not reached, no answer in time, or it has troubles of its own: ask again.
    #[error("the payment provider cannot be reached: {0}")]
    Unreachable(String),
    /// It understood and refused, with its own code.
    #[error("the payment provider refused: {0}")]
    Refused(String),
    /// The answer is not signed by it; nothing in it is believed.
    #[error("the answer is not the payment provider's: {0}")]
    Unverified(#[from] Forged),
    /// The answer is not of the documented form.
    #[error("the payment provider's answer cannot be read: {0}")]
    Malformed(&'static str),
}

impl GatewayError {
    /// For a clerk, where the error's own text is for the log.
    pub fn in_words(&self) -> String {
        match self {
            Self::Unreachable(_) => "支付平台没有应答".to_owned(),
            Self::Refused(code) => format!("支付平台拒绝了请求（{code}）"),
            Self::Unverified(_) => "支付平台的答复验签不通过".to_owned(),
            Self::Malformed(_) => "支付平台的答复无法识别".to_owned(),
        }
    }
}

/// Why something is not believed to come from the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forged {
    #[error("it is not signed")]
    Unsigned,
    #[error("it is signed with a key that is not configured")]
    UnknownKey,
    #[error("its time is more than 300 seconds away")]
    Stale,
    /// The provider itself tests whether signatures are checked.
    #[error("it is the provider's probe")]
    Probe,
    #[error("its signature does not fit")]
    Signature,
    #[error("its content cannot be opened")]
    Sealed,
    #[error("its hash does not fit")]
    Hash,
    #[error("it is for another merchant")]
    Merchant,
    #[error("it is not of the documented form")]
    Form,
}

/// How to answer a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// HTTP status
    pub status: u16,
    pub content_type: &'static str,
    pub body: &'static str,
}

impl Acknowledgement {
    /// Understood: do not repeat it.
    pub const fn accepted(method: Method) -> Self {
        match method {
            Method::Wechat => Self {
                status: 204,
                content_type: "application/json",
                body: "",
            },
            _ => Self {
                status: 200,
                content_type: "text/plain",
                body: "success",
            },
        }
    }

    /// Not believed.
    pub const fn forged(method: Method) -> Self {
        match method {
            Method::Wechat => {
                let body = r#"{"code":"SIGN_ERROR","message":"验签失败"}"#;
                Self {
                    status: 401,
                    content_type: "application/json",
                    body,
                }
            }
            _ => Self {
                status: 401,
                content_type: "text/plain",
                body: "failure",
            },
        }
    }

    /// Believed, but it could not be kept: say it again later.
    pub const fn again(method: Method) -> Self {
        match method {
            Method::Wechat => {
                let body = r#"{"code":"FAIL","message":"暂时无法处理"}"#;
                Self {
                    status: 503,
                    content_type: "application/json",
                    body,
                }
            }
            _ => Self {
                status: 503,
                content_type: "text/plain",
                body: "failure",
            },
        }
    }
}
