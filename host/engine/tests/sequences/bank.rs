//! A payment provider in memory. It keeps what it promised, but it can be out of reach, and its notifications are anyone's
//! to send.

use async_trait::async_trait;
use axum::http::HeaderMap;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use yinxin_core::money::{Fen, Method};
use yinxin_services::payments::{
    About, Bill, Forged, Gateway, GatewayError, NewTrade, Notification, Receipt, RefundOrder,
    RefundStanding, TradeStanding,
};

pub struct Bank {
    method: Method,
    pub reachable: AtomicBool,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    trades: BTreeMap<String, Trade>,
    /// By our number: the trade and fen.
    refunds: BTreeMap<String, (String, i64)>,
}

#[derive(Clone, Debug)]
pub struct Trade {
    pub number: String,
    pub amount: i64,
    /// fen that came, once they have.
    pub paid: Option<i64>,
    closed: bool,
}

impl Bank {
    pub fn new(method: Method) -> Self {
        Self {
            method,
            reachable: AtomicBool::new(true),
            books: Mutex::default(),
        }
    }

    fn answering(&self) -> Result<std::sync::MutexGuard<'_, Books>, GatewayError> {
        if self.reachable.load(Ordering::SeqCst) {
            Ok(self.books.lock().unwrap())
        } else {
            Err(GatewayError::Unreachable("nobody answers".to_owned()))
        }
    }

    pub fn trades(&self) -> Vec<Trade> {
        self.books
            .lock()
            .unwrap()
            .trades
            .values()
            .cloned()
            .collect()
    }

    /// The payer's app pays, unless the trade was withdrawn in time.
    pub fn pay(&self, number: &str, amount: i64) -> bool {
        let mut books = self.books.lock().unwrap();
        match books.trades.get_mut(number) {
            Some(trade) if !trade.closed && trade.paid.is_none() => {
                trade.paid = Some(amount);
                true
            }
            _ => false,
        }
    }

    /// fen that the provider holds for us.
    pub fn holds(&self) -> Fen {
        let books = self.books.lock().unwrap();
        let came: i64 = books.trades.values().filter_map(|trade| trade.paid).sum();
        let went: i64 = books.refunds.values().map(|(_, amount)| amount).sum();
        Fen(came - went)
    }
}

#[async_trait]
impl Gateway for Bank {
    fn method(&self) -> Method {
        self.method
    }

    async fn prepare(&self, trade: &NewTrade<'_>) -> Result<String, GatewayError> {
        let mut books = self.answering()?;
        let number = trade.out_trade_no.to_owned();
        let known = books.trades.entry(number.clone()).or_insert(Trade {
            number: number.clone(),
            amount: trade.amount.0,
            paid: None,
            closed: false,
        });
        if known.closed || known.amount != trade.amount.0 {
            return Err(GatewayError::Refused("ORDER_CLOSED".to_owned()));
        }
        Ok(format!("pay://{number}"))
    }

    async fn query(&self, number: &str) -> Result<TradeStanding, GatewayError> {
        let books = self.answering()?;
        Ok(match books.trades.get(number) {
            None => TradeStanding::Unpaid,
            Some(trade) => match trade.paid {
                Some(paid) => TradeStanding::Paid(Receipt {
                    transaction: format!("T{number}"),
                    amount: Fen(paid),
                    payer: "某人".to_owned(),
                }),
                None if trade.closed => TradeStanding::Closed,
                None => TradeStanding::Unpaid,
            },
        })
    }

    async fn close(&self, number: &str) -> Result<(), GatewayError> {
        let mut books = self.answering()?;
        match books.trades.get_mut(number) {
            Some(trade) if trade.paid.is_some() => {
                Err(GatewayError::Refused("ORDER_PAID".to_owned()))
            }
            Some(trade) => {
                trade.closed = true;
                Ok(())
            }
            None => Err(GatewayError::Refused("ORDER_NOT_EXIST".to_owned())),
        }
    }

    async fn refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError> {
        let mut books = self.answering()?;
        let (number, trade) = (order.out_refund_no, order.out_trade_no);
        if let Some((of, amount)) = books.refunds.get(number) {
            assert!(
                of == trade && *amount == order.amount.0,
                "a refund's number stands for one refund"
            );
            return Ok(RefundStanding::Done(format!("R{number}")));
        }
        let paid = books.trades.get(trade).and_then(|trade| trade.paid);
        let back: i64 = books
            .refunds
            .values()
            .filter(|(of, _)| of == trade)
            .map(|(_, amount)| amount)
            .sum();
        if back + order.amount.0 > paid.unwrap_or(0) {
            return Ok(RefundStanding::Failed("NOT_ENOUGH".to_owned()));
        }
        books
            .refunds
            .insert(number.to_owned(), (trade.to_owned(), order.amount.0));
        Ok(RefundStanding::Processing)
    }

    async fn query_refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError> {
        let books = self.answering()?;
        Ok(match books.refunds.get(order.out_refund_no) {
            Some(_) => RefundStanding::Done(format!("R{}", order.out_refund_no)),
            None => RefundStanding::Unknown,
        })
    }

    fn verify_notification(&self, _: &HeaderMap, body: &[u8]) -> Result<Notification, Forged> {
        let text = std::str::from_utf8(body).map_err(|_| Forged::Form)?;
        let trade = text.strip_prefix("signed:").ok_or(Forged::Signature)?;
        Ok(Notification {
            id: format!("N{trade}"),
            about: About::Trade(trade.to_owned()),
        })
    }

    async fn bill(&self, _: jiff::civil::Date) -> Result<Bill, GatewayError> {
        Ok(Bill::NotYet)
    }
}
