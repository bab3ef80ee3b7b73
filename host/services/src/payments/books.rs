//! The entries that orders, payments and refunds make in the ledger of money; what each moves stands at
//! [`yinxin_store::postings`].

use super::{PaymentError, Payments};
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Millis;
use yinxin_store::Connection;
use yinxin_store::allocations::Allocation;
use yinxin_store::orders::Order;
use yinxin_store::payments::{Payment, gateway_word};
use yinxin_store::postings::{self, Account, Entry};
use yinxin_store::refunds::{Purpose, Refund};

/// The order is to be paid. Its version makes the entry once: it counts up whenever the order is locked.
pub(super) async fn charge(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
    total: Fen,
    at: Millis,
) -> Result<(), PaymentError> {
    let (from, to) = (Account::Fees, Account::Receivable);
    of_order(conn, site, "charge", order, (from, to, total), at).await
}

/// The order is not to be paid any more, or not so much.
pub(super) async fn uncharge(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
    at: Millis,
) -> Result<(), PaymentError> {
    let (from, to) = (Account::Receivable, Account::Fees);
    of_order(conn, site, "uncharge", order, (from, to, order.total), at).await
}

async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    what: &str,
    order: &Order,
    (from, to, amount): (Account, Account, Fen),
    at: Millis,
) -> Result<(), PaymentError> {
    let entry = Entry {
        id: format!("{what}:{}:{}", order.id, order.version),
        from,
        to,
        amount,
        order: order.id.as_str(),
        payment: "",
        refund: "",
        at,
    };
    postings::post(conn, site, &entry).await?;
    Ok(())
}

/// Money arrived.
pub(super) async fn receipt(
    conn: &mut Connection,
    site: &SiteId,
    payment: &Payment,
    amount: Fen,
    at: Millis,
) -> Result<(), PaymentError> {
    let entry = Entry {
        id: format!("receipt:{}", payment.id),
        from: Account::Unapplied,
        to: Account::Gateway(payment.method),
        amount,
        order: payment.order.as_str(),
        payment: payment.id.as_str(),
        refund: "",
        at,
    };
    postings::post(conn, site, &entry).await?;
    Ok(())
}

/// Money pays an order.
pub(super) async fn applied(
    conn: &mut Connection,
    site: &SiteId,
    allocation: &Allocation,
    at: Millis,
) -> Result<(), PaymentError> {
    let (from, to) = (Account::Receivable, Account::Unapplied);
    of_allocation(conn, site, "applied", allocation, (from, to), at).await
}

/// Money does not pay its order any more.
pub(super) async fn released(
    conn: &mut Connection,
    site: &SiteId,
    allocation: &Allocation,
    at: Millis,
) -> Result<(), PaymentError> {
    let (from, to) = (Account::Unapplied, Account::Receivable);
    of_allocation(conn, site, "released", allocation, (from, to), at).await
}

async fn of_allocation(
    conn: &mut Connection,
    site: &SiteId,
    what: &str,
    allocation: &Allocation,
    (from, to): (Account, Account),
    at: Millis,
) -> Result<(), PaymentError> {
    let entry = Entry {
        id: format!("{what}:{}", allocation.id),
        from,
        to,
        amount: allocation.amount,
        order: allocation.order.as_str(),
        payment: allocation.payment.as_str(),
        refund: "",
        at,
    };
    postings::post(conn, site, &entry).await?;
    Ok(())
}

/// Money is to go back.
pub(super) async fn refund_due(
    conn: &mut Connection,
    site: &SiteId,
    refund: &Refund,
    at: Millis,
) -> Result<(), PaymentError> {
    let to = match refund.purpose {
        Purpose::Order => Account::Fees,
        Purpose::Surplus => Account::Unapplied,
    };
    let from = Account::RefundsDue;
    of_refund(conn, site, "refund-due", refund, (from, to), at).await
}

/// A surplus is not to go back, after all.
pub(super) async fn refund_withdrawn(
    conn: &mut Connection,
    site: &SiteId,
    refund: &Refund,
    at: Millis,
) -> Result<(), PaymentError> {
    let (from, to) = (Account::Unapplied, Account::RefundsDue);
    of_refund(conn, site, "refund-withdrawn", refund, (from, to), at).await
}

/// Money went back.
pub(super) async fn refunded(
    conn: &mut Connection,
    site: &SiteId,
    refund: &Refund,
    paid_from: Method,
    at: Millis,
) -> Result<(), PaymentError> {
    let (from, to) = (Account::Gateway(paid_from), Account::RefundsDue);
    of_refund(conn, site, "refunded", refund, (from, to), at).await
}

async fn of_refund(
    conn: &mut Connection,
    site: &SiteId,
    what: &str,
    refund: &Refund,
    (from, to): (Account, Account),
    at: Millis,
) -> Result<(), PaymentError> {
    let entry = Entry {
        id: format!("{what}:{}", refund.id),
        from,
        to,
        amount: refund.amount,
        order: refund.order.as_str(),
        payment: refund.payment.as_str(),
        refund: &refund.id,
        at,
    };
    postings::post(conn, site, &entry).await?;
    Ok(())
}

impl Payments {
    /// Books what a gateway kept for its work, as its bill says; a negative amount is what it gave back of that. `key` says
    /// which line or day of the bill it is; false when that was booked before. Nothing is booked of 0.
    pub async fn post_gateway_fee(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        method: Method,
        amount: Fen,
        key: &str,
    ) -> Result<bool, PaymentError> {
        if amount.0 == 0 {
            return Ok(false);
        }
        let (gateway, fees) = (Account::Gateway(method), Account::GatewayFees);
        let (from, to) = if amount.0 > 0 {
            (gateway, fees)
        } else {
            (fees, gateway)
        };
        let entry = Entry {
            id: format!("fee:{}:{key}", gateway_word(method)),
            from,
            to,
            amount: Fen(amount.0.abs()),
            order: "",
            payment: "",
            refund: "",
            at: self.clock.now(),
        };
        Ok(postings::post(conn, site, &entry).await?)
    }
}
