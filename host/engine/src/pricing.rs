//! What several cases cost as one order. The rules are asked outside of any transaction; what they saw is verified in the
//! one that acts on their price.

use crate::error::EngineError;
use crate::inner::Inner;
use crate::situation::{self, Situation};
use std::sync::Arc;
use yinxin_capabilities::{CaseFacts, Plugin, Read, reads};
use yinxin_core::ids::{AccountId, SiteId};
use yinxin_core::money::{FeeLine, Fen, Method, Standing};
use yinxin_core::rules::{Basket, CaseView, Quotation};
use yinxin_store::{Connection, StoreError, cases, plugin_storage};

/// A price, and all that it was made of.
pub(crate) struct Priced {
    pub plugin: Arc<Plugin>,
    /// Shipping and handling included.
    pub lines: Vec<FeeLine>,
    pub total: Fen,
    /// Those that the rules allow and the site has.
    pub methods: Vec<Method>,
    pub reads: Vec<Read>,
    /// The cases as they were; one that is being changed is not among them.
    pub seen: Vec<Situation>,
    account: AccountId,
}

/// Asks the rules for the price of the cases that were `seen`, with `changed` among them as it is going to be.
pub(crate) async fn price(
    inner: &Inner,
    site: &SiteId,
    plugin: Arc<Plugin>,
    account: &AccountId,
    seen: Vec<Situation>,
    changed: Option<&CaseView>,
) -> Result<Priced, EngineError> {
    let mut cases: Vec<CaseView> = seen.iter().map(Situation::view).collect();
    cases.extend(changed.cloned());
    // In the order in which they were begun, so that a basket has one price however it was ticked together.
    cases.sort_by(|one, other| one.id.cmp(&other.id));
    for case in &mut cases {
        // An order that is changed is priced like a new one.
        case.payment = Standing::None;
    }
    let facts = {
        let mut conn = inner.store.read().await?;
        facts(inner, &mut conn, site, account).await?
    };
    let basket = Basket {
        cases,
        at: inner.moment(),
    };
    let called = plugin
        .quote(inner.context(Some(facts.into())), &basket)
        .await?;
    let quotation = called.value.map_err(EngineError::Problems)?;
    let site_has = inner.services.payments.methods(site);
    let mut methods = Vec::new();
    for method in &quotation.methods {
        if site_has.contains(method) && !methods.contains(method) {
            methods.push(*method);
        }
    }
    let lines = lines(quotation);
    let total = lines
        .iter()
        .try_fold(Fen(0), |sum, line| sum.checked_add(Fen(line.amount)))
        .ok_or(StoreError::Damaged("a quotation"))?;
    Ok(Priced {
        plugin,
        lines,
        total,
        methods,
        reads: called.reads,
        seen,
        account: account.clone(),
    })
}

/// The lines with shipping and handling as two more, which are of the whole order.
fn lines(quotation: Quotation) -> Vec<FeeLine> {
    let extra = |code: &str, label: &str, amount| FeeLine {
        code: code.to_owned(),
        label: label.to_owned(),
        quantity: 1,
        amount,
        case_id: String::new(),
    };
    let extras = [
        extra("shipping", "邮寄费", quotation.shipping),
        extra("handling", "手续费", quotation.handling),
    ];
    let mut lines = quotation.lines;
    lines.extend(extras.into_iter().filter(|line| line.amount > 0));
    lines
}

/// What rules may read of an account while they price: no case stands behind the call.
async fn facts(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
) -> Result<CaseFacts, EngineError> {
    let profile = situation::profile(inner, conn, site, account).await?;
    Ok(CaseFacts {
        account_mobile: situation::mobile_of(inner, site, &profile),
        profile,
        profile_fields: situation::profile_fields(inner, site),
        in_baskets: true,
        methods: inner.services.payments.methods(site),
        ..CaseFacts::default()
    })
}

impl Priced {
    /// Holds the cases until the transaction ends, and a conflict when anything that the rules saw is not so any more.
    pub async fn verify(
        &self,
        inner: &Inner,
        tx: &mut Connection,
        site: &SiteId,
    ) -> Result<(), EngineError> {
        let name = &self.plugin.name;
        // The same order of locks as a commit's, and the cases in the order of their ids: nobody waits in a circle.
        plugin_storage::lock(tx, site, name).await?;
        let mut seen: Vec<&Situation> = self.seen.iter().collect();
        seen.sort_by(|one, other| one.case.id.as_str().cmp(other.case.id.as_str()));
        for before in seen {
            let id = &before.case.id;
            cases::lock(tx, site, id).await?;
            let now = Situation::read(inner, tx, site, id).await?;
            if now.case.version != before.case.version || !now.shows_the_same(before) {
                return Err(StoreError::Conflict.into());
            }
        }
        let facts = facts(inner, tx, site, &self.account).await?;
        if reads::hold(tx, site, name, &inner.sealer, &facts, &self.reads).await? {
            Ok(())
        } else {
            Err(StoreError::Conflict.into())
        }
    }
}
