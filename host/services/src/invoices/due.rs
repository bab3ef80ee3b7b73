//! When an invoice is due, and what a refund does to it.

use super::{InvoiceError, Invoices, enqueue, record, sums};
use yinxin_core::ids::{CaseId, InvoiceId, OrderId, SiteId};
use yinxin_core::time::Millis;
use yinxin_store::invoices::{self as rows, Invoice, InvoiceKind, InvoiceState};
use yinxin_store::order_events::{By, OrderEventKind};
use yinxin_store::orders::{self, Order, OrderState};
use yinxin_store::refunds::{self, Purpose, Refund, RefundState};
use yinxin_store::{Connection, StoreError};

impl Invoices {
    pub(super) async fn note_ask(
        &self,
        conn: &mut Connection,
        site: &SiteId,
        order: &OrderId,
        case: &CaseId,
    ) -> Result<(), InvoiceError> {
        let order = orders::lock(conn, site, order).await?;
        let pays = matches!(order.state, OrderState::Paid | OrderState::Refunding);
        if !pays
            || !orders::cases_of(conn, site, &order.id)
                .await?
                .contains(case)
        {
            return Err(InvoiceError::NothingToInvoice);
        }
        let now = self.clock.now();
        if !rows::ask(conn, site, &order.id, case, now).await? {
            return Ok(());
        }
        match live(conn, site, &order.id).await? {
            Some(invoice) if invoice.state == InvoiceState::Issued => {
                self.tell(conn, site, &invoice, std::slice::from_ref(case))
                    .await
            }
            Some(_) => Ok(()),
            None => Ok(write_if_due(conn, site, &order, now).await?),
        }
    }
}

/// To be called in the transaction in which a refund of an order is done, after the refund says so: what was invoiced for
/// it is taken back, and when that is through, the rest is invoiced anew.
pub async fn refunded(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
    now: Millis,
) -> Result<(), StoreError> {
    let order = orders::lock(conn, site, order).await?;
    let Some(invoice) = live(conn, site, &order.id).await? else {
        return write_if_due(conn, site, &order, now).await;
    };
    let refunds = refunds::of_order(conn, site, &order.id).await?;
    if sums::total(&sums::remaining(&order.lines, &refunds)) == invoice.amount {
        return Ok(());
    }
    match invoice.state {
        InvoiceState::Waiting if invoice.sent_at.is_none() => {
            withdraw(conn, site, &order, invoice, now).await
        }
        InvoiceState::Waiting
        | InvoiceState::Requested
        | InvoiceState::Failed
        | InvoiceState::Issued => begin_to_void(conn, site, invoice, now).await,
        // When it is over, it is looked at what remains then.
        InvoiceState::Voiding | InvoiceState::VoidFailed => Ok(()),
        InvoiceState::Voided | InvoiceState::Withdrawn | InvoiceState::Replaced => {
            Err(StoreError::Damaged("a live invoice"))
        }
    }
}

/// The order's invoice that counts.
pub(super) async fn live(
    conn: &mut Connection,
    site: &SiteId,
    order: &OrderId,
) -> Result<Option<Invoice>, StoreError> {
    let all = rows::of_order(conn, site, order).await?;
    Ok(all.into_iter().find(|invoice| invoice.live))
}

/// Sees to it that an invoice goes: the worker finds out whether it was issued.
pub(super) async fn begin_to_void(
    conn: &mut Connection,
    site: &SiteId,
    mut invoice: Invoice,
    now: Millis,
) -> Result<(), StoreError> {
    invoice.state = InvoiceState::Voiding;
    invoice.error.clear();
    invoice.changed_at = now;
    rows::save(conn, site, &invoice).await?;
    if invoice.kind == InvoiceKind::Provider {
        enqueue(conn, site, &invoice.id, "void", now).await?;
    }
    Ok(())
}

/// Ends an invoice that was never issued; what is due instead follows.
pub(super) async fn withdraw(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
    invoice: Invoice,
    now: Millis,
) -> Result<(), StoreError> {
    end(
        conn,
        site,
        order,
        invoice,
        InvoiceState::Withdrawn,
        &By::host(),
        now,
    )
    .await
}

/// Ends an invoice: withdrawn, or voided by the red-letter invoice whose number it has; what is due instead follows.
pub(super) async fn end(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
    mut invoice: Invoice,
    state: InvoiceState,
    by: &By,
    now: Millis,
) -> Result<(), StoreError> {
    invoice.state = state;
    invoice.live = false;
    invoice.error.clear();
    invoice.changed_at = now;
    rows::save(conn, site, &invoice).await?;
    let kind = match state {
        InvoiceState::Withdrawn => OrderEventKind::InvoiceWithdrawn,
        _ => OrderEventKind::InvoiceVoided,
    };
    record(conn, site, &invoice, kind, by, &invoice.red_number, now).await?;
    write_if_due(conn, site, order, now).await
}

/// What is left of an order to invoice.
pub(super) struct Rest {
    pub lines: Vec<yinxin_core::money::FeeLine>,
    /// The cases whose money was kept.
    pub cases: Vec<CaseId>,
    /// A refund is under way, or failed and waits for a clerk: how much is left is not known yet.
    pub moving: bool,
}

pub(super) async fn rest(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
) -> Result<Rest, StoreError> {
    let refunds = refunds::of_order(conn, site, &order.id).await?;
    let cases = orders::cases_of(conn, site, &order.id).await?;
    let lines = sums::remaining(&order.lines, &refunds);
    let under_way = |refund: &Refund| {
        refund.purpose == Purpose::Order
            && !matches!(refund.state, RefundState::Done | RefundState::Withdrawn)
    };
    Ok(Rest {
        cases: sums::paying(&cases, &order.lines, &lines)
            .cloned()
            .collect(),
        moving: refunds.iter().any(under_way),
        lines,
    })
}

/// Writes the invoice of a locked order when all have asked whose money was kept, and there is none yet.
pub(super) async fn write_if_due(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
    now: Millis,
) -> Result<(), StoreError> {
    if !matches!(order.state, OrderState::Paid | OrderState::Refunding) {
        return Ok(());
    }
    let rest = rest(conn, site, order).await?;
    let asked = rows::asked(conn, site, &order.id).await?;
    // Where only what all share is left, nobody may have asked: then there is none.
    let all_asked = !asked.is_empty() && rest.cases.iter().all(|case| asked.contains(case));
    if rest.moving || rest.lines.is_empty() || !all_asked {
        return Ok(());
    }
    let invoice = new(order, InvoiceKind::Provider, rest.lines, now);
    if rows::insert(conn, site, &invoice).await? {
        let asked = OrderEventKind::InvoiceAsked;
        record(conn, site, &invoice, asked, &By::host(), "", now).await?;
        enqueue(conn, site, &invoice.id, "issue", now).await?;
    }
    Ok(())
}

/// A new invoice that waits.
pub(super) fn new(
    order: &Order,
    kind: InvoiceKind,
    lines: Vec<yinxin_core::money::FeeLine>,
    now: Millis,
) -> Invoice {
    Invoice {
        id: InvoiceId::generate(),
        order: order.id.clone(),
        live: true,
        kind,
        state: InvoiceState::Waiting,
        amount: sums::total(&lines),
        lines,
        provider_no: String::new(),
        tries: 0,
        sent_at: None,
        number: String::new(),
        issued_at: None,
        file: None,
        red_no: String::new(),
        red_sent_at: None,
        red_number: String::new(),
        error: String::new(),
        created_at: now,
        changed_at: now,
        version: 1,
    }
}
