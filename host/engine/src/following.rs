//! What becomes of an unpaid order when one of its cases changes, so that it never charges for what is not so any more.
//!
//! | what happens to the case | what happens to the order |
//! |---|---|
//! | it is deleted, ends or goes back to a draft | cancelled by the host; its other cases can be ordered again |
//! | it goes where it is not payable, and its service is for baskets | cancelled likewise, also where the rule forgot `cancel` |
//! | it goes on and stays payable | nothing |
//! | its answers change, and the price with them | the order gets the new price, attempts at the old one are withdrawn |
//! | its answers change, and these cases are no order any more | cancelled by the host |
//! | the same, when money or a slip is there already | the change is refused, with the reason |
//!
//! An order that is paid is the rules' concern: their guards say what may still change, their `refund` what goes back.

use crate::error::EngineError;
use crate::inner::Inner;
use crate::pricing::{self, Priced};
use crate::situation::Situation;
use yinxin_core::definition::{State, Tone};
use yinxin_core::ids::{CaseId, OrderId, SiteId};
use yinxin_core::rules::CaseView;
use yinxin_services::payments::{NewLines, OrderState, PaymentError};
use yinxin_store::order_events::By;
use yinxin_store::{Connection, StoreError, orders};

/// What a change of a case means for its order, decided before the transaction that makes it.
pub(crate) enum Following {
    /// There is no unpaid order, or it stays as it is.
    Nothing,
    Cancel(OrderId),
    /// The rules were asked anew for all cases of the order.
    Reprice(OrderId, Box<Priced>),
}

/// Decides it for a case that was `before`, is going to be `after`, and comes into `state`.
pub(crate) async fn decide(
    inner: &Inner,
    site: &SiteId,
    before: &Situation,
    after: &CaseView,
    state: &State,
    deletes: bool,
) -> Result<Following, EngineError> {
    let Some(order) = before.unpaid_order() else {
        return Ok(Following::Nothing);
    };
    let over = state.ends || state.tone == Tone::Draft;
    if deletes || !state.payable && (over || before.in_baskets()) {
        return Ok(Following::Cancel(order.id.clone()));
    }
    if !before.in_baskets() || after.values == before.view().values {
        return Ok(Following::Nothing);
    }
    let others = {
        let mut conn = inner.store.read().await?;
        let mut others = Vec::new();
        for id in orders::cases_of(&mut conn, site, &order.id).await? {
            if id != before.case.id {
                others.push(Situation::read(inner, &mut conn, site, &id).await?);
            }
        }
        others
    };
    let plugin = inner.plugin(site, &before.case)?;
    let account = &before.case.account;
    match pricing::price(inner, site, plugin, account, others, Some(after)).await {
        Ok(priced) if priced.lines == order.lines && priced.methods == order.methods => {
            Ok(Following::Nothing)
        }
        Ok(priced) if priced.total.0 > 0 && !priced.methods.is_empty() => {
            Ok(Following::Reprice(order.id.clone(), Box::new(priced)))
        }
        Ok(_) | Err(EngineError::Problems(_)) => Ok(Following::Cancel(order.id.clone())),
        Err(EngineError::Rule(error)) if !error.is_passing() => {
            // Nobody knows the price: better none than a wrong one.
            tracing::error!(%site, order = %order.id, %error, "an order could not be priced anew and is cancelled");
            Ok(Following::Cancel(order.id.clone()))
        }
        Err(error) => Err(error),
    }
}

/// A conflict when the case went into an order, out of one, or was paid since it was read. To be asked behind the lock of
/// the case's row, which whoever orders it takes too.
pub(crate) async fn verify(
    inner: &Inner,
    tx: &mut Connection,
    site: &SiteId,
    before: &Situation,
) -> Result<(), EngineError> {
    let payments = &inner.services.payments;
    let share = payments.case_status(tx, site, &before.case.id).await?;
    if share == before.share {
        Ok(())
    } else {
        Err(StoreError::Conflict.into())
    }
}

/// Does it in the transaction that changes the case; `case` is locked already. Gives the order's other cases.
pub(crate) async fn apply(
    inner: &Inner,
    tx: &mut Connection,
    site: &SiteId,
    case: &CaseId,
    following: &Following,
) -> Result<Vec<CaseId>, EngineError> {
    let id = match following {
        Following::Nothing => return Ok(Vec::new()),
        Following::Cancel(id) | Following::Reprice(id, _) => id,
    };
    if let Following::Reprice(_, priced) = following {
        priced.verify(inner, tx, site).await?;
    }
    let order = orders::lock(tx, site, id).await?;
    let mut others = orders::cases_of(tx, site, id).await?;
    others.retain(|other| other != case);
    if order.state == OrderState::Closed {
        // The rule has cancelled it itself.
        return Ok(others);
    }
    if !order.state.is_payable() {
        // It was paid a moment ago: what that means is decided anew.
        return Err(StoreError::Conflict.into());
    }
    let payments = &inner.services.payments;
    let by = By::host();
    match following {
        Following::Reprice(_, priced) => {
            if order.state == OrderState::SlipUploaded {
                return Err(held());
            }
            let new = NewLines {
                cases: others.iter().chain([case]).cloned().collect(),
                lines: priced.lines.clone(),
                methods: priced.methods.clone(),
                chosen: order
                    .chosen
                    .filter(|chosen| priced.methods.contains(chosen)),
            };
            match payments.change_order(tx, site, id, new, &by).await {
                Err(PaymentError::PartlyPaid) => return Err(held()),
                changed => changed?,
            };
        }
        _ => payments.cancel_order(tx, site, id, &by).await?,
    }
    Ok(others)
}

/// Money that is on its way holds the price.
fn held() -> EngineError {
    EngineError::sentence(
        "这件申请所在的订单已经上传了汇款底单或收到一部分款，会改变价格的内容现在不能改。要改请先联系我们。",
    )
}
