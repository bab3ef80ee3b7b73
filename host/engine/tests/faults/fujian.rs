//! Fujian's ways: paid by transfer or over a provider, to the certificate or to the money back.

use crate::filling::{self, UNIT};
use crate::house::{House, Streets, finance};
use crate::people::choice;
use crate::way::{End, Look, Way, clerk};
use jiff::civil::Date;
use std::sync::atomic::Ordering;
use yinxin_core::ids::OrderId;
use yinxin_core::money::{Fen, Method};
use yinxin_core::time::Clock;
use yinxin_engine::EngineError;
use yinxin_engine::views::{CasePage, OrderView};
use yinxin_services::invoices::InvoiceState;
use yinxin_services::payments::{PaymentError, RefundState, Transfer};
use yinxin_services::statements::{LineState, StatementError, SuggestionKind};
use yinxin_store::StoreError;

/// Refunds that wait for finance at once; there is one.
const FEW: i64 = 10;

/// Looks at the page, and does what it says is next.
pub async fn look(
    way: &mut Way,
    house: &House,
    streets: &Streets,
    page: &CasePage,
) -> Result<Look, EngineError> {
    let order = page.order.as_ref().filter(|order| order.state != "closed");
    match (page.state.id.as_str(), way.end) {
        ("sent" | "cancelled", _) => {
            // Who has his invoice, or its red-letter invoice, asks no more.
            let there = match way.end {
                End::Refunded => true,
                End::Sent => invoice(house, page).await? == Some(InvoiceState::Issued),
                _ => invoice(house, page).await? == Some(InvoiceState::Voided),
            };
            return Ok(if there { Look::Arrived } else { Look::Waits });
        }
        ("draft", _) => filling::fills_in(house, way.applicant(), page).await?,
        ("submitted", end) => match order {
            None => self::order(way, house, page).await?,
            Some(order) if order.paid_at.is_some() => clerk(house, &page.id, "accept").await?,
            Some(order) => match end {
                End::Sent => {
                    import(way, house, streets, order).await?;
                    confirm(house, order, SuggestionKind::Exact).await?;
                }
                // The bank's file comes later than the clerk looks at the account.
                End::Voided => book(way, house, streets, order).await?,
                _ => {
                    let order = OrderId::from_stored(order.id.clone());
                    way.pay(house, streets, &order).await?;
                }
            },
        },
        ("papers", End::Sent) => clerk(house, &page.id, "papers-pass").await?,
        // Whose money comes back before there is an invoice gets none.
        ("papers", End::Voided) if invoice(house, page).await? != Some(InvoiceState::Issued) => {
            return Ok(Look::Waits);
        }
        ("papers", _) => way.fires(house, page, "ask-refund").await?,
        ("refund-asked", End::Voided) => {
            let order = order.unwrap();
            import(way, house, streets, order).await?;
            confirm(house, order, SuggestionKind::Known).await?;
            clerk(house, &page.id, "approve-refund").await?;
        }
        ("making", _) => clerk(house, &page.id, "make").await?,
        ("ready", _) => clerk(house, &page.id, "ship").await?,
        ("refund-asked", _) => clerk(house, &page.id, "approve-refund").await?,
        ("refunding", End::Voided) => pay_out(way, house, streets, page).await?,
        ("issuing" | "refunding", _) => return Ok(Look::Waits),
        (state, end) => panic!("nobody meant to come to {state} on the way to {end:?}"),
    }
    Ok(Look::Done)
}

/// How the newest invoice of the case's order stands.
async fn invoice(house: &House, page: &CasePage) -> Result<Option<InvoiceState>, EngineError> {
    let Some(order) = &page.order else {
        return Ok(None);
    };
    let id = OrderId::from_stored(order.id.clone());
    let invoices = &house.services.invoices;
    let all = invoices.of_order(&house.site, &id).await?;
    Ok(all.last().map(|invoice| invoice.state))
}

async fn order(way: &Way, house: &House, page: &CasePage) -> Result<(), EngineError> {
    let (engine, applicant) = (&house.engine, way.applicant());
    let cases = std::slice::from_ref(&page.id);
    let quote = engine.quote_basket(&house.site, applicant, cases).await?;
    let method = match way.end {
        End::Refunded => Method::Wechat,
        _ => Method::BankTransfer,
    };
    let choice = choice(method, quote.total);
    engine
        .open_basket(&house.site, applicant, cases, &choice)
        .await?;
    Ok(())
}

/// The number that the bank gives the transfer for an order.
fn serial(order: &OrderView) -> String {
    order.id.replace('-', "")
}

/// The money comes to the account, once. It came yesterday, so that the bank's day is over when its file is imported.
fn arrives(way: &mut Way, streets: &Streets, order: &OrderView) -> Date {
    let yesterday = streets.clock.now().day().yesterday().unwrap();
    *way.arrived.get_or_insert_with(|| {
        streets.account.fetch_add(order.total, Ordering::SeqCst);
        yesterday
    })
}

/// A clerk imports the bank's file with the transfer in it, by which its day is compared. In doubt he imports it again.
async fn import(
    way: &mut Way,
    house: &House,
    streets: &Streets,
    order: &OrderView,
) -> Result<(), EngineError> {
    let day = arrives(way, streets, order);
    let (amount, memo) = (Fen(order.total), &order.reference);
    let file = format!(
        "交易日期,借方发生额,贷方发生额,对方户名,摘要,交易流水号\n{day},,{amount},{UNIT},{memo},{}\n",
        serial(order),
    );
    let (statements, by) = (&house.statements, finance());
    let imported = statements.import(&house.site, "流水.csv", file.as_bytes(), &by);
    let imported = imported.await.map_err(failed)?;
    assert_eq!(imported.added + imported.known, 1);
    Ok(())
}

/// He says yes to what he is shown of the transfer's line. It stands in the file that had it first.
async fn confirm(
    house: &House,
    order: &OrderView,
    shown_as: SuggestionKind,
) -> Result<(), EngineError> {
    let (statements, site, by) = (&house.statements, &house.site, finance());
    for file in statements.list(site, None, FEW).await.map_err(failed)? {
        let shown = statements.get(site, &file.id, Some(LineState::Open), None, FEW);
        let mut lines = shown.await.map_err(failed)?.lines.into_iter();
        if let Some(view) = lines.find(|view| view.line.serial == serial(order)) {
            let id = OrderId::from_stored(order.id.clone());
            let seen = Some(shown_as);
            let said = statements.confirm(site, &view.line.id, &id, seen, &by);
            said.await.map_err(failed)?;
        }
    }
    Ok(())
}

fn failed(error: StatementError) -> EngineError {
    match error {
        StatementError::Store(error) => error.into(),
        StatementError::Payment(error) => error.into(),
        other => panic!("{other:?}"),
    }
}

/// The clerk finds the transfer on the account. In doubt he books it again, under the same number of the bank's.
async fn book(
    way: &mut Way,
    house: &House,
    streets: &Streets,
    order: &OrderView,
) -> Result<(), EngineError> {
    arrives(way, streets, order);
    let found = Transfer {
        reference: &serial(order),
        amount: Fen(order.total),
        payer: UNIT,
    };
    let (payments, by) = (&house.services.payments, finance());
    let id = OrderId::from_stored(order.id.clone());
    let mut tx = house.store.begin().await?;
    let booked = payments.verify_transfer(&mut tx, &house.site, &id, &found, &by);
    match booked.await {
        Ok(_) => tx.commit().await.map_err(StoreError::from)?,
        Err(PaymentError::AlreadyBooked) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Finance pays out at the bank what no provider can, once, and writes down the bank's number of it.
async fn pay_out(
    way: &mut Way,
    house: &House,
    streets: &Streets,
    page: &CasePage,
) -> Result<(), EngineError> {
    let (payments, site) = (&house.services.payments, &house.site);
    let order = page.order.as_ref().unwrap();
    let waiting = payments
        .refunds_in(site, RefundState::Requested, None, FEW)
        .await?;
    let mut waiting = waiting.into_iter();
    let Some(refund) = waiting.find(|refund| refund.order.as_str() == order.id) else {
        return Ok(());
    };
    if !way.paid_out {
        streets.account.fetch_sub(refund.amount.0, Ordering::SeqCst);
        way.paid_out = true;
    }
    let number = format!("O{}", refund.id);
    let mut tx = house.store.begin().await?;
    payments
        .finish_refund_by_hand(&mut tx, site, &refund.id, &number, &finance())
        .await?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(())
}
