//! What finance clerks do: try again, upload an invoice that was issued elsewhere, void one elsewhere.

use super::due::{self, live, rest};
use super::{InvoiceError, Invoices, enqueue, record};
use crate::uploads::Taken;
use yinxin_core::ids::{InvoiceId, OrderId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::Connection;
use yinxin_store::invoices::{self as rows, Invoice, InvoiceKind, InvoiceState};
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::orders::{self, Order, OrderState};

/// Seconds after which a clerk need not wait for the provider any more: a working day has passed everywhere.
const TOO_LONG: i64 = 24 * 3600;

impl Invoices {
    /// Tries again what the provider refused; what is under way is looked at now.
    pub async fn retry(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &InvoiceId,
        by: &By,
    ) -> Result<(), InvoiceError> {
        let order = rows::get(conn, site, id).await?.order;
        orders::lock(conn, site, &order).await?;
        let mut invoice = rows::get(conn, site, id).await?;
        if invoice.kind != InvoiceKind::Provider {
            return Err(InvoiceError::NotNow);
        }
        match invoice.state {
            InvoiceState::Failed => invoice.state = InvoiceState::Waiting,
            InvoiceState::VoidFailed => {
                // A refused request stays refused; the next one has a number of its own.
                invoice.state = InvoiceState::Voiding;
                invoice.red_no.clear();
                invoice.red_sent_at = None;
            }
            InvoiceState::Waiting | InvoiceState::Requested | InvoiceState::Voiding => {}
            InvoiceState::Issued
            | InvoiceState::Voided
            | InvoiceState::Withdrawn
            | InvoiceState::Replaced => return Err(InvoiceError::NotNow),
        }
        invoice.error.clear();
        self.write(conn, site, &mut invoice).await?;
        let now = self.clock.now();
        let retried = OrderEventKind::InvoiceRetried;
        record(conn, site, &invoice, retried, by, "", now).await?;
        // The version is a new one each time, so that each try is a job of its own.
        let why = format!("retry-{}", invoice.version);
        Ok(enqueue(conn, site, id, &why, now).await?)
    }

    /// Whether [`Invoices::upload_by_hand`] is open for the order now.
    pub async fn can_upload(&self, site: &SiteId, order: &OrderId) -> Result<bool, InvoiceError> {
        let mut conn = self.store.read().await?;
        let order = orders::get(&mut conn, site, order).await?;
        let live = live(&mut conn, site, &order.id).await?;
        let rest = rest(&mut conn, site, &order).await?;
        Ok(is_invoiceable(&order)
            && !rest.moving
            && !rest.lines.is_empty()
            && live.is_none_or(|invoice| self.gives_way(site, &invoice, "")))
    }

    /// Puts an invoice into an order that was issued elsewhere: when there is no provider, it failed or takes more than a
    /// day, or in the place of a wrong upload. It is mailed, and the cases hear of it. What the provider may still issue
    /// for the order is voided. `taken`: by [`crate::uploads::Uploads::take_of_order`], a PDF.
    pub async fn upload_by_hand(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        number: &str,
        taken: Taken,
        by: &By,
    ) -> Result<InvoiceId, InvoiceError> {
        let number = checked(number)?;
        let order = orders::lock(conn, site, order).await?;
        let rest = rest(conn, site, &order).await?;
        if !is_invoiceable(&order) || rest.lines.is_empty() {
            return Err(InvoiceError::NothingToInvoice);
        }
        if rest.moving {
            return Err(InvoiceError::NotNow);
        }
        let others = rows::with_number(conn, site, &number).await?;
        if let Some(other) = others.iter().find(|other| other.order != order.id) {
            return Err(InvoiceError::NumberTaken(other.order.clone()));
        }
        let now = self.clock.now();
        let former = live(conn, site, &order.id).await?;
        if former
            .as_ref()
            .is_some_and(|former| !self.gives_way(site, former, &number))
        {
            return Err(InvoiceError::NotNow);
        }
        self.uploads.keep_of_order(conn, site, &taken).await?;
        let corrects = former
            .as_ref()
            .is_some_and(|former| former.state == InvoiceState::Issued);
        let is_the_same = former
            .as_ref()
            .is_some_and(|former| former.kind == InvoiceKind::Provider && former.number == number);
        let mut invoice = match former {
            // Only the file of what the provider has issued was missing.
            Some(former) if is_the_same => former,
            Some(former) => {
                self.supersede(conn, site, former, now).await?;
                written(
                    conn,
                    site,
                    due::new(&order, InvoiceKind::ByHand, rest.lines, now),
                )
                .await?
            }
            None => {
                written(
                    conn,
                    site,
                    due::new(&order, InvoiceKind::ByHand, rest.lines, now),
                )
                .await?
            }
        };
        invoice.state = InvoiceState::Issued;
        invoice.number = number;
        invoice.issued_at = invoice.issued_at.or(Some(now));
        invoice.file = Some(taken.id().clone());
        invoice.error.clear();
        self.write(conn, site, &mut invoice).await?;
        let uploaded = OrderEventKind::InvoiceUploaded;
        record(conn, site, &invoice, uploaded, by, &invoice.number, now).await?;
        self.mail(conn, site, &invoice).await?;
        if !corrects {
            self.tell_all(conn, site, &invoice).await?;
        }
        Ok(invoice.id)
    }

    /// Notes that a clerk voided an invoice elsewhere: an upload, or one whose red-letter invoice the provider refused.
    pub async fn void_by_hand(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        id: &InvoiceId,
        red_number: &str,
        by: &By,
    ) -> Result<(), InvoiceError> {
        let red_number = checked(red_number)?;
        let order = rows::get(conn, site, id).await?.order;
        let order = orders::lock(conn, site, &order).await?;
        let mut invoice = rows::get(conn, site, id).await?;
        let elsewhere = match invoice.state {
            InvoiceState::Voiding => invoice.kind == InvoiceKind::ByHand,
            InvoiceState::VoidFailed => true,
            _ => false,
        };
        if !elsewhere || red_number == invoice.number {
            return Err(InvoiceError::NotNow);
        }
        invoice.red_number = red_number;
        let (voided, now) = (InvoiceState::Voided, self.clock.now());
        Ok(due::end(conn, site, &order, invoice, voided, by, now).await?)
    }

    /// Whether an upload of this number may take the place of the order's live invoice.
    fn gives_way(&self, site: &SiteId, invoice: &Invoice, number: &str) -> bool {
        let takes_too_long = invoice.created_at.plus(TOO_LONG) <= self.clock.now();
        match invoice.state {
            InvoiceState::Failed => true,
            InvoiceState::Waiting => !self.has_provider(site) || takes_too_long,
            InvoiceState::Requested => {
                takes_too_long || (!number.is_empty() && invoice.number == number)
            }
            InvoiceState::Issued => invoice.kind == InvoiceKind::ByHand,
            InvoiceState::Voiding
            | InvoiceState::VoidFailed
            | InvoiceState::Voided
            | InvoiceState::Withdrawn
            | InvoiceState::Replaced => false,
        }
    }

    /// Takes the place from an invoice that gives way. What the provider was asked for it finds out and voids.
    async fn supersede(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        mut former: Invoice,
        now: Millis,
    ) -> Result<(), InvoiceError> {
        former.live = false;
        match (former.kind, former.sent_at) {
            (InvoiceKind::ByHand, _) => {
                former.state = InvoiceState::Replaced;
                self.write(conn, site, &mut former).await?;
            }
            (InvoiceKind::Provider, None) => {
                former.state = InvoiceState::Withdrawn;
                self.write(conn, site, &mut former).await?;
            }
            (InvoiceKind::Provider, Some(_)) => {
                due::begin_to_void(conn, site, former, now).await?;
            }
        }
        Ok(())
    }
}

fn is_invoiceable(order: &Order) -> bool {
    matches!(order.state, OrderState::Paid | OrderState::Refunding)
}

async fn written(
    conn: &mut Connection,
    site: &SiteId,
    invoice: Invoice,
) -> Result<Invoice, InvoiceError> {
    if rows::insert(conn, site, &invoice).await? {
        Ok(invoice)
    } else {
        Err(yinxin_store::StoreError::Conflict.into())
    }
}

/// An invoice can have this number, for a page that has more to look at.
pub fn is_number(text: &str) -> bool {
    checked(text).is_ok()
}

/// 20 digits, or 8 of an invoice from before 2024.
fn checked(number: &str) -> Result<String, InvoiceError> {
    let number: String = number.chars().filter(|c| !c.is_whitespace()).collect();
    if matches!(number.len(), 8 | 20) && number.bytes().all(|b| b.is_ascii_digit()) {
        Ok(number)
    } else {
        Err(InvoiceError::BadNumber)
    }
}
