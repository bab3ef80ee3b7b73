//! Which cases can be one order.

use crate::error::EngineError;
use crate::inner::Inner;
use crate::pricing::Priced;
use crate::situation::{Situation, read_all};
use std::collections::BTreeSet;
use std::sync::Arc;
use yinxin_capabilities::Plugin;
use yinxin_core::definition::StepContent;
use yinxin_core::ids::{AccountId, CaseId, OrderId, SiteId};
use yinxin_core::money::Standing;
use yinxin_core::rules::Problem;
use yinxin_store::Connection;

/// Cases of one order: a page to check by eye, and a price of at most three lines each.
const MOST: usize = 20;

/// The cases that the applicant means, each once, all of them the applicant's.
pub(crate) async fn gather(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    ids: &[CaseId],
) -> Result<Vec<Situation>, EngineError> {
    let ids: BTreeSet<CaseId> = ids.iter().cloned().collect();
    if ids.is_empty() {
        return Err(EngineError::sentence("请先勾选要下单的申请"));
    }
    if ids.len() > MOST {
        return Err(EngineError::sentence(format!(
            "一个订单最多放 {MOST} 件申请，请分几个订单"
        )));
    }
    let ids: Vec<CaseId> = ids.into_iter().collect();
    let seen = read_all(inner, conn, site, &ids).await?;
    let theirs = |one: &Situation| one.case.account == *account && !one.case.standing.deleted;
    if seen.iter().all(theirs) {
        Ok(seen)
    } else {
        Err(EngineError::NotFound)
    }
}

/// Each case can be put into an order, or into `within`, which it may be in already.
pub(crate) fn fit(
    inner: &Inner,
    seen: &[Situation],
    within: Option<&OrderId>,
) -> Result<(), EngineError> {
    let problems: Vec<Problem> = seen
        .iter()
        .filter_map(|one| {
            Some(Problem {
                item: Some(one.case.id.to_string()),
                message: unfit(inner, one, within)?,
                offer: None,
            })
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(EngineError::Problems(problems))
    }
}

/// A case with this share of its newest order is in none that is alive.
pub(crate) fn is_free(standing: Standing) -> bool {
    matches!(
        standing,
        Standing::None | Standing::Closed | Standing::Refunded
    )
}

/// Why a case cannot be put into an order; none where it can.
pub(crate) fn unfit(
    inner: &Inner,
    situation: &Situation,
    within: Option<&OrderId>,
) -> Option<String> {
    let name = &situation.case.number;
    let in_this = situation
        .order
        .as_ref()
        .is_some_and(|order| Some(&order.id) == within);
    match situation.share.standing {
        free if is_free(free) => {}
        Standing::Due if in_this => {}
        Standing::Due => {
            let order = situation.order.as_ref().map_or("", |order| &order.number);
            return Some(format!("申请 {name} 已经在订单 {order} 里"));
        }
        _ => {
            return Some(format!("申请 {name} 已经付过款"));
        }
    }
    if !situation.in_baskets() {
        return Some(format!("申请 {name} 单独付款，不能和其他申请一起下单"));
    }
    let state = situation.state().ok()?;
    if !state.payable {
        let label = &state.applicant_label;
        return Some(format!("申请 {name} 目前是“{label}”，还不能下单"));
    }
    let service = situation.service().ok()?;
    let unfinished = service.steps.iter().find(|step| {
        matches!(step.content, StepContent::Form(_))
            && situation.is_open(&step.id)
            && !situation.is_complete(inner, step)
    });
    unfinished.map(|step| format!("申请 {name} 的“{}”还有内容要改，改好后再下单", step.title))
}

/// The plugin that decides all of the cases.
pub(crate) fn one_plugin(
    inner: &Inner,
    site: &SiteId,
    seen: &[Situation],
) -> Result<Arc<Plugin>, EngineError> {
    let mut found: Option<Arc<Plugin>> = None;
    for one in seen {
        let plugin = inner.plugin(site, &one.case)?;
        match &found {
            None => found = Some(plugin),
            Some(first) if first.name != plugin.name => {
                return Err(EngineError::sentence(
                    "不同项目的申请不能放进同一个订单，请分开下单",
                ));
            }
            Some(first) if first.digest != plugin.digest => {
                return Err(EngineError::sentence(
                    "这些申请提交的时间不同，适用的规则不一样，请分开下单",
                ));
            }
            Some(_) => {}
        }
    }
    found.ok_or(EngineError::NotFound)
}

/// There is something to pay, and a way to pay it.
pub(crate) fn payable(priced: &Priced) -> Result<(), EngineError> {
    if priced.total.0 == 0 {
        return Err(EngineError::sentence("这些申请不用付款，不需要下单"));
    }
    if priced.methods.is_empty() {
        return Err(EngineError::sentence(
            "这些申请目前没有可用的付款方式，请联系客服",
        ));
    }
    Ok(())
}
