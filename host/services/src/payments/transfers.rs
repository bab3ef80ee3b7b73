//! Bank transfers: the applicant uploads a slip, a finance clerk finds the money on the account.

use super::gateway::Receipt;
use super::{PaymentError, Payments, Settled};
use yinxin_core::ids::{OrderId, PaymentId, SiteId};
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::orders::{self, OrderState};
use yinxin_store::payments::{self as rows, Payment, PaymentState};
use yinxin_store::{Connection, StoreError};

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
    /// Keeps the slip's file; the order waits for a clerk, and does not end before he has looked.
    pub async fn upload_slip(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
        file: &str,
    ) -> Result<(), PaymentError> {
        let order = orders::lock(conn, site, id).await?;
        if !order.state.is_payable() {
            return Err(PaymentError::NotPayable(order.state));
        }
        if !order.methods.contains(&Method::BankTransfer) || !self.takes(site, Method::BankTransfer)
        {
            return Err(PaymentError::NoMethod(Method::BankTransfer));
        }
        orders::set_slip(conn, site, id, file).await?;
        orders::set_state(conn, site, id, OrderState::SlipUploaded).await?;
        Ok(())
    }

    /// The slip proves nothing: the applicant uploads another or pays otherwise.
    pub async fn refuse_slip(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
    ) -> Result<(), PaymentError> {
        let order = orders::lock(conn, site, id).await?;
        if order.state != OrderState::SlipUploaded {
            return Err(PaymentError::NotNow);
        }
        orders::set_slip(conn, site, id, "").await?;
        orders::set_state(conn, site, id, OrderState::AwaitingPayment).await?;
        Ok(())
    }

    /// Books a transfer that the clerk found; the cases hear `slip-verified`. A wrong amount is a mismatch, money for an
    /// order that is over a surplus.
    pub async fn verify_transfer(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &OrderId,
        transfer: &Transfer<'_>,
    ) -> Result<Settled, PaymentError> {
        let order = orders::lock(conn, site, id).await?;
        if transfer.amount.0 <= 0 || transfer.reference.is_empty() {
            return Err(PaymentError::BadPrice(
                "a transfer without amount or reference",
            ));
        }
        let now = self.clock.now();
        let payment = Payment {
            id: PaymentId::generate(),
            order: order.id,
            method: Method::BankTransfer,
            // The bank's number is unique: the same transfer is not booked twice.
            out_trade_no: format!("{site}:{}", transfer.reference),
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
            return Err(StoreError::Conflict.into());
        }
        let receipt = Receipt {
            transaction: transfer.reference.to_owned(),
            amount: transfer.amount,
            payer: transfer.payer.to_owned(),
        };
        self.settle_in(conn, site, &payment.id, &receipt, "slip-verified")
            .await
    }
}
