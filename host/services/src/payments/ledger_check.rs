//! Whether the ledger of money says the same as the orders, payments and refunds that it was written for.

use super::allocating::{free_of, sum};
use super::standing::wanted;
use super::{PaymentError, Payments};
use yinxin_core::ids::SiteId;
use yinxin_core::money::{Fen, Method};
use yinxin_store::orders::{self, Filter, Order, OrderState};
use yinxin_store::payments::{self as rows, Payment, gateway_word};
use yinxin_store::postings::{self, Account, Posting};
use yinxin_store::refunds::{self, RefundState};
use yinxin_store::{Connection, Store, StoreError, allocations};

/// Orders that are read at once.
const PAGE: i64 = 200;

/// Something in the books that cannot be true.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    #[error("entry {0} does not sum to zero")]
    Unbalanced(String),
    #[error("entry {0} is about an order or a payment that is not there")]
    Orphan(String),
    /// A sum that differs. `of` names the order, payment or refund.
    #[error("{of}: {what} is {found}, but {expected} follows from the rows")]
    Differs {
        of: String,
        what: &'static str,
        expected: Fen,
        found: Fen,
    },
    /// An order whose state its money contradicts.
    #[error("order {order} is {}, but {why}", .state.as_str())]
    State {
        order: String,
        state: OrderState,
        why: &'static str,
    },
    #[error("{} holds {found}, but {expected} follows from what came and went", gateway_word(*.method))]
    Gateway {
        method: Method,
        expected: Fen,
        found: Fen,
    },
}

/// Looks at all of a site's books. What other transactions do meanwhile is not taken for a fault: an order that looks
/// wrong is looked at again with its lock held.
pub async fn check_ledger(store: &Store, site: &SiteId) -> Result<Vec<LedgerFault>, StoreError> {
    let mut conn = store.read().await?;
    let mut faults = Vec::new();
    for entry in postings::unbalanced(&mut conn, site).await? {
        faults.push(LedgerFault::Unbalanced(entry));
    }
    for entry in postings::orphans(&mut conn, site).await? {
        faults.push(LedgerFault::Orphan(entry));
    }
    for method in [
        Method::Wechat,
        Method::Alipay,
        Method::Cpcn,
        Method::BankTransfer,
    ] {
        let held = postings::held(&mut conn, site, method).await?;
        let expected = Fen(held.received.0 - held.refunded.0);
        if held.posted != expected {
            faults.push(LedgerFault::Gateway {
                method,
                expected,
                found: held.posted,
            });
        }
    }
    let mut before: Option<String> = None;
    loop {
        let page =
            orders::newest(&mut conn, site, &Filter::default(), before.as_deref(), PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(faults);
        };
        before = Some(last.id.to_string());
        for order in &page {
            if !of_order(&mut conn, site, order).await?.is_empty() {
                let mut tx = store.begin().await?;
                let order = orders::lock(&mut tx, site, &order.id).await?;
                faults.extend(of_order(&mut tx, site, &order).await?);
            }
        }
    }
}

impl Payments {
    /// [`check_ledger`] over the service's own store.
    pub async fn check_ledger(&self, site: &SiteId) -> Result<Vec<LedgerFault>, PaymentError> {
        Ok(check_ledger(&self.store, site).await?)
    }
}

/// The sum of the postings to an account that fit.
fn posted(postings: &[Posting], account: Account, fits: impl Fn(&Posting) -> bool) -> Fen {
    let account = account.to_string();
    let sides = postings
        .iter()
        .filter(|posting| posting.account == account && fits(posting));
    Fen(sides.map(|posting| posting.amount.0).sum())
}

/// Faults found so far, of one thing.
struct Findings {
    of: String,
    faults: Vec<LedgerFault>,
}

impl Findings {
    fn compare(&mut self, what: &'static str, found: Fen, expected: i64) {
        if found.0 != expected {
            self.faults.push(LedgerFault::Differs {
                of: self.of.clone(),
                what,
                expected: Fen(expected),
                found,
            });
        }
    }
}

async fn of_order(
    conn: &mut Connection,
    site: &SiteId,
    order: &Order,
) -> Result<Vec<LedgerFault>, StoreError> {
    let entries = postings::of_order(conn, site, &order.id).await?;
    let held = sum(&allocations::of_order(conn, site, &order.id).await?).0;
    let all = refunds::of_order(conn, site, &order.id).await?;
    let (mut owed, mut back) = (0, 0);
    for refund in wanted(&all) {
        owed += refund.amount.0;
        if refund.state == RefundState::Done {
            back += refund.amount.0;
        }
    }
    let total = order.total.0;
    let charged = if order.state == OrderState::Closed {
        0
    } else {
        total
    };
    let due = if order.state.is_payable() {
        total - held
    } else {
        0
    };
    let mut findings = Findings {
        of: format!("order {}", order.number),
        faults: Vec::new(),
    };
    let of_account = |account| posted(&entries, account, |_| true);
    findings.compare("receivable", of_account(Account::Receivable), due);
    findings.compare("fees", of_account(Account::Fees), owed - charged);

    let why = match order.state {
        OrderState::Closed if held != 0 => Some("money still pays for it"),
        OrderState::Paid | OrderState::Refunding | OrderState::Refunded if held != total => {
            Some("its price is not covered by payments")
        }
        state if state.is_payable() && held >= total => Some("its price is covered"),
        OrderState::Refunded if back != total => Some("not all of its money went back"),
        OrderState::Paid | OrderState::Refunding if back == total => {
            Some("all of its money went back")
        }
        OrderState::Paid | OrderState::Refunding | OrderState::Refunded => None,
        _ if owed != 0 => Some("money of it is on its way back"),
        _ => None,
    };
    let mut faults = findings.faults;
    if let Some(why) = why {
        faults.push(LedgerFault::State {
            order: order.number.clone(),
            state: order.state,
            why,
        });
    }
    for payment in rows::of_order(conn, site, &order.id).await? {
        faults.extend(of_payment(conn, site, &payment).await?);
    }
    Ok(faults)
}

async fn of_payment(
    conn: &mut Connection,
    site: &SiteId,
    payment: &Payment,
) -> Result<Vec<LedgerFault>, StoreError> {
    let entries = postings::of_payment(conn, site, &payment.id).await?;
    let mut findings = Findings {
        of: format!("payment {}", payment.id),
        faults: Vec::new(),
    };
    let gateway = Account::Gateway(payment.method);
    let arrived = posted(&entries, gateway, |posting| posting.refund.is_empty());
    findings.compare("what arrived", arrived, payment.received.0);
    let free = free_of(conn, site, payment).await?.0;
    let unapplied = posted(&entries, Account::Unapplied, |_| true);
    findings.compare("unapplied", unapplied, -free);
    if free < 0 {
        findings.compare("what is left of it", Fen(free), 0);
    }
    let all = refunds::of_payment(conn, site, &payment.id).await?;
    for held in allocations::of_payment(conn, site, &payment.id).await? {
        let asked = wanted(&all).filter(|refund| refund.order == held.order);
        let back: i64 = asked.map(|refund| refund.amount.0).sum();
        if back > held.amount.0 {
            findings.compare("what goes back of it", Fen(back), held.amount.0);
        }
    }
    let mut faults = findings.faults;
    for refund in &all {
        let mut findings = Findings {
            of: format!("refund {}", refund.id),
            faults: Vec::new(),
        };
        let is_it = |posting: &Posting| posting.refund == refund.id;
        let owed = match refund.state {
            RefundState::Done | RefundState::Withdrawn => 0,
            _ => -refund.amount.0,
        };
        let due = posted(&entries, Account::RefundsDue, is_it);
        findings.compare("refunds-due", due, owed);
        let paid_from = refund.paid_from.unwrap_or(payment.method);
        let out = posted(&entries, Account::Gateway(paid_from), is_it);
        let is_done = refund.state == RefundState::Done;
        findings.compare(
            "what went out",
            out,
            if is_done { -refund.amount.0 } else { 0 },
        );
        faults.extend(findings.faults);
    }
    Ok(faults)
}
