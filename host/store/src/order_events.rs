//! What happened to an order and its money, and by whom. Written once, never changed.

use crate::words::words;
use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::{
    ids::{AccountId, ClerkId, OrderId, SiteId},
    money::Fen,
    time::Millis,
};

words! {
    /// Who did it.
    "who acted on an order" ByKind {
        Applicant = "applicant",
        Clerk = "clerk",
        /// Nobody: time, a gateway's answer, a rule.
        Host = "host",
    }
}

words! {
    /// What happened.
    "what happened to an order" OrderEventKind {
        /// Amount: the total.
        Opened = "opened",
        /// Its cases or their price. Amount: the new total.
        Changed = "changed",
        /// Note: the way to pay.
        MethodChosen = "method-chosen",
        /// About: the file.
        SlipUploaded = "slip-uploaded",
        /// Note: why.
        SlipRefused = "slip-refused",
        /// A clerk found the money on the account. Note: the bank's number.
        TransferVerified = "transfer-verified",
        /// Less than is due came, and stays with the order. Amount: what is still due.
        Partial = "partial",
        /// More than is due came. Amount: what goes back.
        Excess = "excess",
        /// Money came for an order that was paid or over; it goes back.
        Surplus = "surplus",
        /// Another amount came over a gateway than was asked for.
        Mismatch = "mismatch",
        /// A gateway told of a payment, and when asked does not know of it. About: the payment.
        NoticeUnconfirmed = "notice-unconfirmed",
        /// Money went back at the gateway's own console, without us. About: the payment. Note: the gateway's number of the
        /// refund, where it is known.
        RefundedElsewhere = "refunded-elsewhere",
        /// Money that came for another order pays this one. Note: the other's number.
        AssignedFrom = "assigned-from",
        /// Money that came for this order pays another. Note: the other's number.
        AssignedTo = "assigned-to",
        /// About: the payment that completed it. Note: the way to pay.
        Paid = "paid",
        Cancelled = "cancelled",
        Expired = "expired",
        /// Note: the reason.
        RefundRequested = "refund-requested",
        /// Note: the gateway's word for why.
        RefundFailed = "refund-failed",
        RefundRetried = "refund-retried",
        /// Paid out by a clerk. Note: the bank's number.
        RefundByHand = "refund-by-hand",
        RefundDone = "refund-done",
        /// The money that was to go back was assigned to an order instead.
        RefundWithdrawn = "refund-withdrawn",
        InvoiceAsked = "invoice-asked",
        /// Note: the invoice's number.
        InvoiceIssued = "invoice-issued",
        /// Note: the provider's word for why.
        InvoiceFailed = "invoice-failed",
        InvoiceRetried = "invoice-retried",
        /// By a red-letter invoice. Note: its number.
        InvoiceVoided = "invoice-voided",
        /// It was never issued, and will not be.
        InvoiceWithdrawn = "invoice-withdrawn",
        /// A clerk put it there by hand. Note: the invoice's number.
        InvoiceUploaded = "invoice-uploaded",
    }
}

/// Who did something to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    pub kind: ByKind,
    /// Account or clerk; empty for the host.
    pub id: String,
    /// As colleagues know the clerk; empty for others.
    pub name: String,
}

impl By {
    pub fn host() -> Self {
        Self {
            kind: ByKind::Host,
            id: String::new(),
            name: String::new(),
        }
    }

    pub fn applicant(account: &AccountId) -> Self {
        Self {
            kind: ByKind::Applicant,
            id: account.to_string(),
            name: String::new(),
        }
    }

    pub fn clerk(id: &ClerkId, name: &str) -> Self {
        Self {
            kind: ByKind::Clerk,
            id: id.to_string(),
            name: name.to_owned(),
        }
    }

    /// As a refund keeps it: the id, or `host`.
    pub fn word(&self) -> &str {
        match self.kind {
            ByKind::Host => "host",
            ByKind::Applicant | ByKind::Clerk => &self.id,
        }
    }
}

/// An event to be written.
#[derive(Clone, Debug)]
pub struct NewOrderEvent<'a> {
    pub order: &'a OrderId,
    pub kind: OrderEventKind,
    pub by: &'a By,
    /// fen; 0 where it is about none.
    pub amount: Fen,
    /// Id of the payment, refund, file or invoice that it is about, or empty.
    pub about: &'a str,
    /// A reason or a number, as [`OrderEventKind`] says.
    pub note: &'a str,
    pub at: Millis,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderEvent {
    /// UUID v7: sorts by time.
    pub id: String,
    pub kind: OrderEventKind,
    pub by: By,
    pub amount: Fen,
    pub about: String,
    pub note: String,
    pub at: Millis,
}

/// Writes an event under a new id.
pub async fn append(
    conn: &mut Connection,
    site: &SiteId,
    event: &NewOrderEvent<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO order_events (site, id, order_id, kind, by_kind, by_id, by_name, amount, about, note, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(site.as_str().to_owned())
    .bind(uuid::Uuid::now_v7().to_string())
    .bind(event.order.to_string())
    .bind(event.kind.as_str())
    .bind(event.by.kind.as_str())
    .bind(event.by.id.clone())
    .bind(event.by.name.clone())
    .bind(event.amount.0)
    .bind(event.about.to_owned())
    .bind(event.note.to_owned())
    .bind(event.at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// All that happened to an order, oldest first.
pub async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Vec<OrderEvent>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, kind, by_kind, by_id, by_name, amount, about, note, at FROM order_events
         WHERE site = $1 AND order_id = $2 ORDER BY id",
    )
    .bind(site.as_str().to_owned())
    .bind(order.to_string())
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let text = |name: &str| row.try_get::<String, _>(name);
            Ok(OrderEvent {
                id: text("id")?,
                kind: OrderEventKind::from_stored(&text("kind")?)?,
                by: By {
                    kind: ByKind::from_stored(&text("by_kind")?)?,
                    id: text("by_id")?,
                    name: text("by_name")?,
                },
                amount: Fen(row.try_get("amount")?),
                about: text("about")?,
                note: text("note")?,
                at: Millis(row.try_get("at")?),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::stores;

    #[tokio::test]
    async fn the_history_of_an_order_names_who_did_what() {
        let site = SiteId::parse("fujian").unwrap();
        let order = OrderId::generate();
        let clerk = By::clerk(&ClerkId::generate(), "林财务");
        for store in stores().await {
            let mut tx = store.begin().await.unwrap();
            let steps = [
                (OrderEventKind::Opened, By::host(), ""),
                (OrderEventKind::SlipRefused, clerk.clone(), "看不清"),
            ];
            for (kind, by, note) in &steps {
                let event = NewOrderEvent {
                    order: &order,
                    kind: *kind,
                    by,
                    amount: Fen(22000),
                    about: "",
                    note,
                    at: Millis(7),
                };
                append(&mut tx, &site, &event).await.unwrap();
            }
            let history = of_order(&mut tx, &site, &order).await.unwrap();
            assert_eq!(history.len(), 2, "{}", store.name);
            assert_eq!(history[0].kind, OrderEventKind::Opened);
            assert_eq!(
                (&history[1].by, history[1].note.as_str()),
                (&clerk, "看不清")
            );
        }
    }
}
