//! Orders over several cases: which can be ordered, what they cost together, and putting them into an order, changing and
//! cancelling it until it is paid.
//!
//! A case can be ordered where its service is for baskets, its state is payable, and it is in no order that is alive. All
//! cases of an order are one account's and decided by one version of one plugin, whose `quote` has the last word.

use crate::Engine;
use crate::actor::Actor;
use crate::error::EngineError;
use crate::fitting::{fit, gather, one_plugin, payable};
use crate::inner::Inner;
use crate::order_history::{OrderNote, note};
use crate::pages::may_see;
use crate::pricing::{self, Priced};
use crate::situation::{Situation, read_all};
use crate::transition::ATTEMPTS;
use crate::views::{BasketCase, BasketChoice, BasketQuote};
use std::collections::{BTreeSet, HashMap};
use yinxin_core::definition::{Definition, Ordering};
use yinxin_core::ids::{AccountId, CaseId, OrderId, SiteId};
use yinxin_services::payments::{
    NewLines, NewOrder, Order, OrderDetails, OrderState, PaymentError,
};
use yinxin_store::cases::{self, Line};
use yinxin_store::order_events::By;
use yinxin_store::{Connection, StoreError, orders};

/// Cases offered for an order. Who has more orders some first.
const OFFERED: i64 = 200;
/// Orders that are looked through for the details of last time.
const LOOKED_THROUGH: i64 = 5;

impl Engine {
    /// The applicant's cases that can be put into an order now, newest first.
    pub async fn basket_cases(
        &self,
        site: &SiteId,
        account: &AccountId,
    ) -> Result<Vec<BasketCase>, EngineError> {
        let mut conn = self.inner.store.read().await?;
        let lines = cases::orderable(&mut conn, site, account, OFFERED).await?;
        let mut definitions = HashMap::new();
        let mut found = Vec::new();
        for line in lines {
            let key = (line.plugin.clone(), line.plugin_digest.clone());
            if !definitions.contains_key(&key) {
                let definition = self.definition_of(&mut conn, site, &key.0, &key.1).await?;
                definitions.insert(key.clone(), definition);
            }
            if let Some(definition) = definitions.get(&key)
                && is_for_baskets(definition, &line.service)
            {
                found.push(listed(definition, &line));
            }
        }
        Ok(found)
    }

    /// The cases of an order, oldest first; those that were deleted since are left out.
    pub async fn order_cases(
        &self,
        site: &SiteId,
        viewer: &Actor,
        order: &OrderId,
    ) -> Result<Vec<BasketCase>, EngineError> {
        let mut conn = self.inner.store.read().await?;
        let situations = cases_seen(&self.inner, &mut conn, site, viewer, order).await?;
        Ok(situations.iter().map(shown).collect())
    }

    /// What these cases cost as one order, or why they cannot be one. Cases that are in one and the same unpaid order are
    /// priced as if they were not, so that the order can be changed.
    pub async fn quote_basket(
        &self,
        site: &SiteId,
        account: &AccountId,
        ids: &[CaseId],
    ) -> Result<BasketQuote, EngineError> {
        let inner = &self.inner;
        let seen = {
            let mut conn = inner.store.read().await?;
            let seen = gather(inner, &mut conn, site, account, ids).await?;
            let mut ordered = seen.iter().filter_map(Situation::unpaid_order);
            let within = ordered.next().map(|order| order.id.clone());
            fit(inner, &seen, within.as_ref())?;
            seen
        };
        let plugin = one_plugin(inner, site, &seen)?;
        let priced = pricing::price(inner, site, plugin, account, seen, None).await?;
        payable(&priced)?;
        Ok(quote(&priced))
    }

    /// Orders these cases. Nothing is ordered when the price is another one than the applicant saw
    /// ([`EngineError::PriceChanged`]), or when another order was faster ([`EngineError::Problems`]).
    pub async fn open_basket(
        &self,
        site: &SiteId,
        account: &AccountId,
        ids: &[CaseId],
        choice: &BasketChoice,
    ) -> Result<OrderId, EngineError> {
        self.place(site, account, None, ids, choice).await
    }

    /// Gives an order that nobody has paid other cases, another way to pay or other details. What was begun to be paid is
    /// withdrawn when the price changes.
    pub async fn change_basket(
        &self,
        site: &SiteId,
        account: &AccountId,
        order: &OrderId,
        ids: &[CaseId],
        choice: &BasketChoice,
    ) -> Result<(), EngineError> {
        self.place(site, account, Some(order), ids, choice)
            .await
            .map(|_| ())
    }

    /// Cancels an order that nobody has paid: its cases can be ordered again, money that arrives later goes back.
    pub async fn cancel_basket(
        &self,
        site: &SiteId,
        account: &AccountId,
        order: &OrderId,
    ) -> Result<(), EngineError> {
        let inner = &self.inner;
        let mut tx = inner.store.begin().await?;
        let known = own(&mut tx, site, account, order).await?;
        let ids = orders::cases_of(&mut tx, site, &known.id).await?;
        let situations = read_all(inner, &mut tx, site, &ids).await?;
        if !situations.iter().all(Situation::in_baskets) {
            return Err(EngineError::NotAllowed);
        }
        let by = By::applicant(account);
        let payments = &inner.services.payments;
        payments
            .cancel_order(&mut tx, site, &known.id, &by)
            .await
            .map_err(order_error)?;
        for situation in &situations {
            note(inner, &mut tx, site, situation, &OrderNote::left(&known)).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        for id in &ids {
            inner.changed(site, id);
        }
        Ok(())
    }

    /// Invoice, contact and delivery that the account gave last time.
    pub async fn last_details(
        &self,
        site: &SiteId,
        account: &AccountId,
    ) -> Result<OrderDetails, EngineError> {
        let mut conn = self.inner.store.read().await?;
        let recent = orders::of_account(&mut conn, site, account, None, LOOKED_THROUGH).await?;
        for order in recent {
            let details = orders::details(&mut conn, &self.inner.sealer, site, &order.id).await?;
            if details != OrderDetails::default() {
                return Ok(details);
            }
        }
        Ok(OrderDetails::default())
    }

    async fn place(
        &self,
        site: &SiteId,
        account: &AccountId,
        order: Option<&OrderId>,
        ids: &[CaseId],
        choice: &BasketChoice,
    ) -> Result<OrderId, EngineError> {
        for attempt in 1..=ATTEMPTS {
            match self.try_to_place(site, account, order, ids, choice).await {
                Err(error) if error.is_conflict() => {
                    tracing::debug!(%site, attempt, "another transaction won, pricing anew");
                }
                outcome => return outcome,
            }
        }
        Err(EngineError::Stale)
    }

    async fn try_to_place(
        &self,
        site: &SiteId,
        account: &AccountId,
        order: Option<&OrderId>,
        ids: &[CaseId],
        choice: &BasketChoice,
    ) -> Result<OrderId, EngineError> {
        let inner = &self.inner;
        let (seen, before) = {
            let mut conn = inner.store.read().await?;
            let before = match order {
                Some(id) => changeable(inner, &mut conn, site, account, id).await?,
                None => Vec::new(),
            };
            let seen = gather(inner, &mut conn, site, account, ids).await?;
            fit(inner, &seen, order)?;
            (seen, before)
        };
        let plugin = one_plugin(inner, site, &seen)?;
        let priced = pricing::price(inner, site, plugin, account, seen, None).await?;
        payable(&priced)?;
        if priced.total != choice.expected_total {
            return Err(EngineError::PriceChanged(Box::new(quote(&priced))));
        }
        if !priced.methods.contains(&choice.method) {
            return Err(EngineError::sentence(
                "这个订单不能用所选的方式付款，请另选一种",
            ));
        }

        let mut tx = inner.store.begin().await?;
        priced.verify(inner, &mut tx, site).await?;
        let cases: Vec<CaseId> = priced.seen.iter().map(|one| one.case.id.clone()).collect();
        let payments = &inner.services.payments;
        let placed = match order {
            None => {
                let days = inner.site(site)?.order_days;
                let new = NewOrder {
                    account: account.clone(),
                    cases: cases.clone(),
                    lines: priced.lines.clone(),
                    methods: priced.methods.clone(),
                    chosen: Some(choice.method),
                    expires_at: inner.now().plus(days * 24 * 3600),
                };
                payments.open_order(&mut tx, site, new).await
            }
            Some(id) => {
                let new = NewLines {
                    cases: cases.clone(),
                    lines: priced.lines.clone(),
                    methods: priced.methods.clone(),
                    chosen: Some(choice.method),
                };
                self.change(&mut tx, site, account, id, new).await
            }
        };
        let placed = placed.map_err(order_error)?;
        payments
            .set_details(&mut tx, site, &placed.id, &choice.details)
            .await?;

        let were: BTreeSet<&CaseId> = before.iter().map(|one| &one.case.id).collect();
        for situation in priced.seen.iter().filter(|s| !were.contains(&s.case.id)) {
            let joined = OrderNote::joined(&placed, &priced);
            note(inner, &mut tx, site, situation, &joined).await?;
        }
        for situation in before.iter().filter(|s| !cases.contains(&s.case.id)) {
            note(inner, &mut tx, site, situation, &OrderNote::left(&placed)).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        for id in cases.iter().chain(were) {
            inner.changed(site, id);
        }
        Ok(placed.id)
    }
}

impl Engine {
    /// Another price is a change of the order; a code that is open for the same one stays.
    async fn change(
        &self,
        tx: &mut Connection,
        site: &SiteId,
        account: &AccountId,
        id: &OrderId,
        new: NewLines,
    ) -> Result<Order, PaymentError> {
        let payments = &self.inner.services.payments;
        let order = orders::lock(tx, site, id).await?;
        let same = order.lines == new.lines
            && order.methods == new.methods
            && orders::cases_of(tx, site, id).await? == new.cases;
        match new.chosen.filter(|_| same) {
            Some(method) => {
                payments.choose_method(tx, site, id, method).await?;
                Ok(orders::get(tx, site, id).await?)
            }
            None => {
                let by = By::applicant(account);
                payments.change_order(tx, site, id, new, &by).await
            }
        }
    }
}

/// The applicant's own order.
async fn own(
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    id: &OrderId,
) -> Result<Order, EngineError> {
    let order = orders::get(conn, site, id).await?;
    if order.account == *account {
        Ok(order)
    } else {
        Err(EngineError::NotFound)
    }
}

/// The cases of an order that the applicant may change: one of baskets, and not paid.
async fn changeable(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    account: &AccountId,
    id: &OrderId,
) -> Result<Vec<Situation>, EngineError> {
    let order = own(conn, site, account, id).await?;
    let ids = orders::cases_of(conn, site, id).await?;
    let situations = read_all(inner, conn, site, &ids).await?;
    if !situations.iter().all(Situation::in_baskets) {
        return Err(EngineError::NotAllowed);
    }
    if !order.state.is_payable() {
        return Err(order_error(PaymentError::NotPayable(order.state)));
    }
    Ok(situations)
}

/// The cases of an order, for its applicant or a clerk.
pub(crate) async fn cases_seen(
    inner: &Inner,
    conn: &mut Connection,
    site: &SiteId,
    viewer: &Actor,
    order: &OrderId,
) -> Result<Vec<Situation>, EngineError> {
    let order = match viewer {
        Actor::Applicant(account) => own(conn, site, account, order).await?,
        _ => orders::get(conn, site, order).await?,
    };
    let ids = orders::cases_of(conn, site, &order.id).await?;
    let mut situations = read_all(inner, conn, site, &ids).await?;
    situations.retain(|one| may_see(one, viewer).is_ok());
    Ok(situations)
}

fn quote(priced: &Priced) -> BasketQuote {
    BasketQuote {
        plugin: priced.plugin.name.clone(),
        cases: priced.seen.iter().map(shown).collect(),
        lines: priced.lines.clone(),
        total: priced.total,
        methods: priced.methods.clone(),
    }
}

/// The service puts its cases into orders.
pub(crate) fn is_for_baskets(definition: &Definition, service: &str) -> bool {
    let mut services = definition.services.iter();
    services.any(|one| one.id == service && one.ordering == Ordering::Basket)
}

fn shown(situation: &Situation) -> BasketCase {
    let case = &situation.case;
    BasketCase {
        id: case.id.clone(),
        number: case.number.clone(),
        subject: case.subject.clone(),
        plugin: case.plugin.clone(),
        project: situation.definition.title.clone(),
        service: situation
            .service()
            .map(|service| service.title.clone())
            .unwrap_or_default(),
        state: situation
            .state()
            .map(|state| state.applicant_label.clone())
            .unwrap_or_default(),
        since: case.entered_at,
    }
}

fn listed(definition: &Definition, line: &Line) -> BasketCase {
    let service = definition.services.iter().find(|s| s.id == line.service);
    let lifecycle = service.and_then(|service| {
        let mut lifecycles = definition.lifecycles.iter();
        lifecycles.find(|lifecycle| lifecycle.id == service.lifecycle)
    });
    let state = lifecycle.and_then(|l| l.states.iter().find(|state| state.id == line.state));
    BasketCase {
        id: line.id.clone(),
        number: line.number.clone(),
        subject: line.subject.clone(),
        plugin: line.plugin.clone(),
        project: definition.title.clone(),
        service: service.map(|one| one.title.clone()).unwrap_or_default(),
        state: state
            .map(|one| one.applicant_label.clone())
            .unwrap_or_default(),
        since: line.entered_at,
    }
}

/// What the applicant can do about it is said; the rest is for the log.
pub(crate) fn order_error(error: PaymentError) -> EngineError {
    match error {
        // Another order was faster: the next look says which.
        PaymentError::AlreadyOrdered(_) => StoreError::Conflict.into(),
        PaymentError::NotPayable(OrderState::Closed) => {
            EngineError::sentence("订单已经取消，不能再改")
        }
        PaymentError::NotPayable(_) => EngineError::sentence("订单已经付款，不能再改"),
        PaymentError::PartlyPaid => {
            EngineError::sentence("订单已经收到一部分汇款，只能继续用对公转账付清")
        }
        PaymentError::Expired => EngineError::sentence("订单已经过期，请重新下单"),
        other => other.into(),
    }
}
