//! A payment provider in memory, in a bad mood: it loses answers, is slow to refund, refuses now and then. It keeps its own
//! account of who paid what, with which the host's ledger is compared.

use async_trait::async_trait;
use jiff::civil::Date;
use reqwest::header::HeaderMap;
use std::collections::BTreeMap;
use std::sync::Mutex;
use yinxin_core::money::{Fen, Method};
use yinxin_services::payments::{
    About, Bill, Forged, Gateway, GatewayError, NewTrade, Notification, Receipt, RefundOrder,
    RefundStanding, TradeStanding,
};

/// A small generator of pseudo-random numbers (splitmix64): the same seed, the same sequence.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `sides` - 1.
    pub fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.next() % sides as u64).unwrap()
    }

    /// Once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }

    pub fn amount(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.next() % u64::try_from(most - least + 1).unwrap()).unwrap()
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() {
            return None;
        }
        let index = self.roll(of.len());
        of.get(index)
    }
}

#[derive(Clone, Debug, Default)]
struct Trade {
    asked: i64,
    paid: Option<i64>,
    closed: bool,
    /// By our number: amount, and whether it is through.
    refunds: BTreeMap<String, (i64, bool)>,
}

struct Inside {
    trades: BTreeMap<String, Trade>,
    dice: Dice,
    moody: bool,
}

pub struct Till {
    method: Method,
    inside: Mutex<Inside>,
}

impl Till {
    pub fn new(method: Method, seed: u64) -> Self {
        let inside = Inside {
            trades: BTreeMap::new(),
            dice: Dice(seed),
            moody: true,
        };
        Self {
            method,
            inside: Mutex::new(inside),
        }
    }

    /// From now on it does what it is asked, at once.
    pub fn calm(&self) {
        self.inside.lock().unwrap().moody = false;
    }

    pub fn trades(&self) -> Vec<String> {
        self.inside.lock().unwrap().trades.keys().cloned().collect()
    }

    /// Somebody scans the code and pays what is asked, or `off` fen more; false when the code is not valid any more.
    pub fn pay(&self, number: &str, off: i64) -> bool {
        let mut inside = self.inside.lock().unwrap();
        let trade = inside.trades.get_mut(number).unwrap();
        if trade.closed || trade.paid.is_some() {
            return false;
        }
        trade.paid = Some(trade.asked + off);
        true
    }

    /// fen that came in, and that went out.
    pub fn turnover(&self) -> (i64, i64) {
        let inside = self.inside.lock().unwrap();
        let (mut came, mut went) = (0, 0);
        for trade in inside.trades.values() {
            came += trade.paid.unwrap_or(0);
            let back: i64 = trade
                .refunds
                .values()
                .filter(|(_, through)| *through)
                .map(|(amount, _)| amount)
                .sum();
            assert!(back <= trade.paid.unwrap_or(0), "more went back than came");
            went += back;
        }
        (came, went)
    }

    fn lost(&self, times: usize) -> Result<(), GatewayError> {
        let mut inside = self.inside.lock().unwrap();
        if inside.moody && inside.dice.once_in(times) {
            return Err(GatewayError::Unreachable("the line is dead".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Gateway for Till {
    fn method(&self) -> Method {
        self.method
    }

    async fn prepare(&self, trade: &NewTrade<'_>) -> Result<String, GatewayError> {
        self.lost(8)?;
        let number = trade.out_trade_no.to_owned();
        let mut inside = self.inside.lock().unwrap();
        let known = inside.trades.entry(number.clone()).or_default();
        known.asked = trade.amount.0;
        drop(inside);
        // It knows of the trade, but the answer may be lost.
        self.lost(8)?;
        Ok(number)
    }

    async fn query(&self, out_trade_no: &str) -> Result<TradeStanding, GatewayError> {
        self.lost(6)?;
        let inside = self.inside.lock().unwrap();
        let Some(trade) = inside.trades.get(out_trade_no) else {
            return Ok(TradeStanding::Unpaid);
        };
        Ok(match trade.paid {
            Some(paid) => TradeStanding::Paid(Receipt {
                transaction: format!("T{out_trade_no}"),
                amount: Fen(paid),
                payer: "openid".to_owned(),
            }),
            None if trade.closed => TradeStanding::Closed,
            None => TradeStanding::Unpaid,
        })
    }

    async fn close(&self, out_trade_no: &str) -> Result<(), GatewayError> {
        self.lost(6)?;
        let mut inside = self.inside.lock().unwrap();
        let trade = inside.trades.entry(out_trade_no.to_owned()).or_default();
        if trade.paid.is_some() {
            return Err(GatewayError::Refused("ORDERPAID".to_owned()));
        }
        trade.closed = true;
        Ok(())
    }

    async fn refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError> {
        self.lost(6)?;
        let mut inside = self.inside.lock().unwrap();
        let (slow, refuses) = (inside.dice.once_in(3), inside.dice.once_in(8));
        let moody = inside.moody;
        let trade = inside.trades.get_mut(order.out_trade_no).unwrap();
        let number = order.out_refund_no.to_owned();
        if !trade.refunds.contains_key(&number) {
            if moody && refuses {
                return Ok(RefundStanding::Failed("NOT_ENOUGH".to_owned()));
            }
            let promised: i64 = trade.refunds.values().map(|(amount, _)| amount).sum();
            assert!(
                promised + order.amount.0 <= trade.paid.unwrap(),
                "asked to give back more than came"
            );
            trade
                .refunds
                .insert(number.clone(), (order.amount.0, false));
        }
        let refund = trade.refunds.get_mut(&number).unwrap();
        assert_eq!(refund.0, order.amount.0, "one number, two amounts");
        if moody && slow {
            return Ok(RefundStanding::Processing);
        }
        refund.1 = true;
        drop(inside);
        // The money is gone, but the answer may be lost.
        self.lost(8)?;
        Ok(RefundStanding::Done(format!("R{number}")))
    }

    async fn query_refund(&self, order: &RefundOrder<'_>) -> Result<RefundStanding, GatewayError> {
        self.lost(6)?;
        let known = {
            let inside = self.inside.lock().unwrap();
            let trade = &inside.trades[order.out_trade_no];
            trade.refunds.contains_key(order.out_refund_no)
        };
        if known {
            self.refund(order).await
        } else {
            Ok(RefundStanding::Unknown)
        }
    }

    async fn bill(&self, _: Date) -> Result<Bill, GatewayError> {
        Ok(Bill::NotYet)
    }

    fn verify_notification(&self, _: &HeaderMap, body: &[u8]) -> Result<Notification, Forged> {
        let text = std::str::from_utf8(body).map_err(|_| Forged::Form)?;
        let (id, number) = text.split_once(' ').ok_or(Forged::Form)?;
        Ok(Notification {
            id: id.to_owned(),
            about: About::Trade(number.to_owned()),
        })
    }
}
