//! Cancelling an order that is not paid, after a look at what that means.

use super::transfer::{late, refused};
use crate::console::money::{self, by, overtaken};
use crate::console::sure::Sure;
use crate::console::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::Posted;
use crate::texts::fill;
use axum::extract::Path;
use axum::response::Response;
use yinxin_core::ids::OrderId;
use yinxin_store::StoreError;

pub async fn ask(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    money::may(&clerk)?;
    let visit = &clerk.visit;
    let (site, id) = (&visit.site.id, OrderId::from_stored(id));
    let order = visit.state.payments.order_view(site, &id).await?;
    let history = visit.state.payments.history(site, &id).await?;
    if !order.state.is_payable() {
        let told = money::who_was_faster(&clerk, &history);
        return late(&clerk, &id, told, None).await;
    }
    let text = |name: &str| visit.text(name).to_owned();
    let back = format!("/console/orders/{id}");
    let parts = (order.received.0 > 0).then(|| {
        let amount = order.received.to_string();
        fill(
            visit.text("finance.sure_cancel_parts"),
            &[("amount", &amount)],
        )
    });
    Sure {
        title: text("finance.sure_cancel"),
        about: format!("{} {}", text("payment.order"), order.number),
        action: format!("{back}/cancel"),
        back,
        sentences: [text("finance.sure_cancel_text")]
            .into_iter()
            .chain(parts)
            .collect(),
        kept: vec![("_seen", money::seen(&history))],
        label: text("finance.cancel_yes"),
        danger: true,
        ..Sure::default()
    }
    .page(&clerk)
}

pub async fn cancel(
    clerk: ClerkVisit,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, WebError> {
    money::may_act(&clerk).await?;
    let visit = &clerk.visit;
    let (site, id) = (&visit.site.id, OrderId::from_stored(id));
    let mut tx = visit.state.store.begin().await?;
    let by = by(&clerk);
    let payments = &visit.state.payments;
    if let Err(error) = payments.cancel_order(&mut tx, site, &id, &by).await {
        drop(tx);
        return refused(&clerk, &id, error, None).await;
    }
    if let Some(told) = overtaken(&clerk, &mut tx, &id, &posted).await? {
        drop(tx);
        return late(&clerk, &id, told, None).await;
    }
    tx.commit().await.map_err(StoreError::from)?;
    tracing::info!(%site, order = %id, clerk = %clerk.clerk.id, "an order was cancelled");
    Ok(visit.go(&format!("/console/orders/{id}"), "order-cancelled"))
}
