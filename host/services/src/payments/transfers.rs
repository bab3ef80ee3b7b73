//! Bank transfers: the applicant uploads a slip, a finance clerk finds the money on the account.

use super::allocating::SECOND_CHANCE;
use super::bills::{bank_number, transfer_number};
use super::gateway::Receipt;
use super::{PaymentError, Payments, Settled};
use yinxin_core::ids::{FileId, OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::Connection;
use yinxin_store::order_events::{self, By, OrderEventKind};
use yinxin_store::orders::{self, OrderState};
use yinxin_store::payments::{self as rows, Payment, PaymentState};

/// Slips of one order. Each stays, because the order's history leads to it, so that there must be an end.
const MOST_SLIPS: usize = 20;

/// What the finance clerk found on the account.
#[derive(Clone, Debug)]
pub struct Transfer<'a> {
    /// The bank's number of the transfer.
    pub reference: &'a str,
    pub amount: Fen,
    /// Holder of the account that it came from.
    pub payer: &'a str,
}

impl Payments {
    /// Keeps the slip's file, instead of the one before; the order waits for a clerk, and does not end before he has
    /// looked.
    pub async fn upload_slip(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
        file: &FileId,
        by: &By,
    ) -> Result<(), PaymentError> {
        let order = self.payable(conn, site, id).await?;
        let method = Method::BankTransfer;
        if !order.methods.contains(&method) || !self.takes(site, method) {
            return Err(PaymentError::NoMethod(method));
        }
        let history = order_events::of_order(conn, site, id).await?;
        let slips = history
            .iter()
            .filter(|event| event.kind == OrderEventKind::SlipUploaded);
        if slips.count() >= MOST_SLIPS {
            return Err(PaymentError::TooManySlips);
        }
        self.chose(conn, site, &order, method).await?;
        orders::set_slip(conn, site, id, file.as_str()).await?;
        orders::set_state(conn, site, id, OrderState::SlipUploaded).await?;
        let what = (Fen(0), file.as_str(), "");
        self.note(conn, site, id, OrderEventKind::SlipUploaded, by, what)
            .await
    }

    /// The slip proves nothing: the applicant uploads another or pays otherwise, and gets time for it.
    pub async fn refuse_slip(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
        reason: &str,
        by: &By,
    ) -> Result<(), PaymentError> {
        let order = self.lock(conn, site, id).await?;
        if order.state != OrderState::SlipUploaded {
            return Err(PaymentError::NotNow);
        }
        self.refuse_own(conn, site, &order, by, "").await?;
        orders::set_slip(conn, site, id, "").await?;
        orders::set_state(conn, site, id, OrderState::AwaitingPayment).await?;
        orders::extend(conn, site, id, self.clock.now().plus(SECOND_CHANCE)).await?;
        let what = (Fen(0), order.slip.as_str(), reason);
        self.note(conn, site, id, OrderEventKind::SlipRefused, by, what)
            .await
    }

    /// Books a transfer that the clerk found. Parts add up until they are enough; the cases hear `slip-verified` then.
    /// More than enough goes back, as does money for an order that is over. [`PaymentError::AlreadyBooked`] when this
    /// number of the bank's was booked before, for whatever order.
    pub async fn verify_transfer(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
        transfer: &Transfer<'_>,
        by: &By,
    ) -> Result<Settled, PaymentError> {
        let order = self.lock(conn, site, id).await?;
        let reference = bank_number(transfer.reference);
        if transfer.amount.0 <= 0 || transfer.amount > Fen::LIMIT || reference.is_empty() {
            return Err(PaymentError::BadPrice(
                "a transfer without amount or reference",
            ));
        }
        self.refuse_own(conn, site, &order, by, transfer.payer)
            .await?;
        let now = self.clock.now();
        let payment = Payment {
            id: PaymentId::generate(),
            order: order.id,
            method: Method::BankTransfer,
            // The bank's number is unique: the same transfer is not booked twice.
            out_trade_no: transfer_number(site, &reference),
            code_url: String::new(),
            amount: order.total,
            state: PaymentState::Prepared,
            transaction: String::new(),
            received: Fen(0),
            created_at: now,
            expires_at: now,
            checked_at: Millis(0),
            notified_at: None,
            confirmed_at: None,
        };
        if !rows::insert(conn, site, &payment).await? {
            return Err(PaymentError::AlreadyBooked);
        }
        let receipt = Receipt {
            transaction: reference,
            amount: transfer.amount,
            payer: transfer.payer.trim().to_owned(),
        };
        let what = (
            receipt.amount,
            payment.id.as_str(),
            receipt.transaction.as_str(),
        );
        self.note(conn, site, id, OrderEventKind::TransferVerified, by, what)
            .await?;
        self.settle_in(conn, site, &payment.id, &receipt, by).await
    }
}
