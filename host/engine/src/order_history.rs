//! What a case's history says of the orders that it was in.

use crate::error::EngineError;
use crate::inner::Inner;
use crate::pricing::Priced;
use crate::situation::Situation;
use yinxin_core::ids::SiteId;
use yinxin_store::ledger::{self, Entry};
use yinxin_store::orders::Order;
use yinxin_store::{Connection, StoreError};

/// What a case's history says of an order.
pub(crate) struct OrderNote<'a> {
    transition: &'static str,
    label: &'static str,
    order: &'a Order,
    priced: Option<&'a Priced>,
}

impl<'a> OrderNote<'a> {
    pub(crate) fn joined(order: &'a Order, priced: &'a Priced) -> Self {
        Self {
            transition: "ordered",
            label: "加入订单",
            order,
            priced: Some(priced),
        }
    }

    pub(crate) fn left(order: &'a Order) -> Self {
        Self {
            transition: "unordered",
            label: "移出订单",
            order,
            priced: None,
        }
    }
}

/// A row of the case's ledger, with what the rules read and said where they priced it.
pub(crate) async fn note(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    situation: &Situation,
    note: &OrderNote<'_>,
) -> Result<(), EngineError> {
    let case = &situation.case;
    let context = format!("{site}/ledger/{}", case.id);
    let damaged = |_| StoreError::Damaged("a ledger entry");
    let order = serde_json::to_vec(&note.order.id).map_err(damaged)?;
    let lines = note.priced.map(|priced| priced.lines.as_slice());
    let effects = serde_json::to_vec(lines.unwrap_or_default()).map_err(damaged)?;
    let reads = note.priced.map(|priced| priced.reads.as_slice());
    let plugin = note.priced.map(|priced| &priced.plugin);
    let entry = Entry {
        at: inner.now(),
        case_id: case.id.clone(),
        transition: note.transition.to_owned(),
        label: note.label.to_owned(),
        actor_kind: "applicant".to_owned(),
        actor: case.account.to_string(),
        actor_name: String::new(),
        plugin: case.plugin.clone(),
        plugin_digest: plugin
            .map_or(&case.plugin_digest, |one| &one.digest)
            .clone(),
        from_state: case.state.clone(),
        to_state: case.state.clone(),
        note: format!("订单号 {}", note.order.number),
        input: inner.sealer.seal(&context, &order)?,
        reads: serde_json::to_string(reads.unwrap_or_default()).map_err(damaged)?,
        effects: inner.sealer.seal(&context, &effects)?,
    };
    ledger::append(conn, site, &entry).await?;
    Ok(())
}
