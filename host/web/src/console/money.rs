//! What the finance clerk's pages share: words, days, pages of a list, and who was faster.

use super::visit::ClerkVisit;
use crate::error::WebError;
use crate::forms::Posted;
use crate::security::rate_limit::{self, ACTIONS};
use crate::texts::fill;
use serde::Serialize;
use yinxin_core::definition::Role;
use yinxin_core::ids::OrderId;
use yinxin_core::money::Method;
use yinxin_core::rules::Problem;
use yinxin_core::time::Millis;
use yinxin_services::payments::OrderState;
use yinxin_store::order_events::{By, ByKind, OrderEvent};
use yinxin_store::payments::gateway_word;
use yinxin_store::{Connection, order_events};

/// Lines of a page.
pub const LINES: usize = 30;
/// Seconds of a day; China has no summer time.
pub const DAY: i64 = 24 * 3600;

/// A button that narrows a list.
#[derive(Serialize)]
pub struct Choice {
    pub value: String,
    pub label: String,
    /// How many wait there; empty: not counted, or none.
    pub count: String,
}

impl Choice {
    pub fn new(value: &str, label: &str) -> Self {
        Self {
            value: value.to_owned(),
            label: label.to_owned(),
            count: String::new(),
        }
    }
}

/// What was fetched with one line more than a page shows: the page, and the last line's key where another page follows.
pub struct Paged<T> {
    pub lines: Vec<T>,
    pub next: Option<String>,
}

impl<T> Paged<T> {
    pub fn new(mut found: Vec<T>, key: impl Fn(&T) -> String) -> Self {
        let more = found.len() > LINES;
        found.truncate(LINES);
        let next = found.last().filter(|_| more).map(key);
        Self { lines: found, next }
    }
}

/// One more than a page shows, to know whether there is a next one.
pub fn one_more() -> i64 {
    i64::try_from(LINES + 1).unwrap_or(i64::MAX)
}

/// A number for a button; empty for none, and no more than two digits.
pub fn told(waiting: usize) -> String {
    match waiting {
        0 => String::new(),
        1..100 => waiting.to_string(),
        _ => "99+".to_owned(),
    }
}

/// The role of these pages, before anything is looked at.
pub fn may(clerk: &ClerkVisit) -> Result<(), WebError> {
    clerk.require(Role::Finance)
}

/// The role, and one more action of this client.
pub async fn may_act(clerk: &ClerkVisit) -> Result<(), WebError> {
    clerk.require(Role::Finance)?;
    rate_limit::allow(&clerk.visit, "finance", ACTIONS).await
}

/// Who does it, for the order's history.
pub fn by(clerk: &ClerkVisit) -> By {
    By::clerk(&clerk.clerk.id, &clerk.clerk.name)
}

/// A problem of an input, or of the page as a whole.
pub fn problem(item: &str, message: impl Into<String>) -> Problem {
    Problem {
        item: (!item.is_empty()).then(|| item.to_owned()),
        message: message.into(),
        offer: None,
    }
}

/// What was typed, without spaces around it.
pub fn typed(posted: &Posted, name: &str, characters: usize) -> String {
    posted.get(name).trim().chars().take(characters).collect()
}

/// The beginning in China of a day as browsers send it: `2026-11-20`.
pub fn start_of(text: &str) -> Option<Millis> {
    let day = text.trim().parse().ok()?;
    Some(Millis::start_of(day))
}

pub fn method_text(clerk: &ClerkVisit, method: Method) -> String {
    let path = format!("payment.{}", gateway_word(method));
    clerk.visit.text(&path).to_owned()
}

/// An order that nobody began to pay looks to its applicant like one that waits for money; a clerk tells them apart.
pub fn state_text(clerk: &ClerkVisit, state: OrderState) -> String {
    let path = match state {
        OrderState::Open => "console.order_open".to_owned(),
        other => format!("orders.{}", other.as_str()),
    };
    clerk.visit.text(&path).to_owned()
}

pub fn state_tone(state: OrderState) -> &'static str {
    match state {
        OrderState::SlipUploaded => "action",
        OrderState::Open | OrderState::AwaitingPayment | OrderState::Refunding => "waiting",
        OrderState::Paid => "done",
        OrderState::Refunded | OrderState::Closed => "",
    }
}

/// As colleagues know who did it.
pub fn name_of(clerk: &ClerkVisit, by: &By) -> String {
    match by.kind {
        ByKind::Clerk => by.name.clone(),
        ByKind::Applicant => clerk.visit.text("finance.by_applicant").to_owned(),
        ByKind::Host => clerk.visit.text("finance.by_host").to_owned(),
    }
}

pub fn event_text(clerk: &ClerkVisit, event: &OrderEvent) -> String {
    let path = format!("finance_events.{}", event.kind.as_str());
    clerk.visit.text(&path).to_owned()
}

/// What the page showed last of an order's history; it goes with its forms.
pub fn seen(history: &[OrderEvent]) -> String {
    history
        .last()
        .map(|event| event.id.clone())
        .unwrap_or_default()
}

/// To be asked behind an action, in its transaction, which holds the order: whether somebody had done something with the
/// order after the clerk's page was made, as a sentence. The action is taken back then.
pub async fn overtaken(
    clerk: &ClerkVisit,
    conn: &mut Connection,
    order: &OrderId,
    posted: &Posted,
) -> Result<Option<String>, WebError> {
    let history = order_events::of_order(conn, &clerk.visit.site.id, order).await?;
    let seen = history
        .iter()
        .position(|event| event.id == posted.get("_seen"));
    // What follows what the page showed is this clerk's own doing, or there was something in between.
    let first = seen.and_then(|seen| history.get(seen + 1));
    match (seen, first) {
        (Some(_), None) => Ok(None),
        (Some(_), Some(event)) if event.by.id == clerk.clerk.id.as_str() => Ok(None),
        (Some(_), Some(event)) => Ok(Some(faster(clerk, event))),
        (None, _) => Ok(Some(clerk.visit.text("finance.changed").to_owned())),
    }
}

/// Who did something with the order last, for whoever comes too late to a part of it.
pub async fn who_was_faster_with(clerk: &ClerkVisit, order: &OrderId) -> Result<String, WebError> {
    let visit = &clerk.visit;
    let history = visit.state.payments.history(&visit.site.id, order).await?;
    Ok(who_was_faster(clerk, &history))
}

/// The sentence for a page that is behind.
pub fn who_was_faster(clerk: &ClerkVisit, history: &[OrderEvent]) -> String {
    let visit = &clerk.visit;
    let colleague = |event: &&OrderEvent| event.by.kind == ByKind::Clerk;
    // What the host notes of a colleague's doing follows it in the same transaction.
    let told = history
        .iter()
        .rev()
        .take(3)
        .find(colleague)
        .or(history.last());
    match told {
        Some(event) => faster(clerk, event),
        None => visit.text("finance.changed").to_owned(),
    }
}

fn faster(clerk: &ClerkVisit, event: &OrderEvent) -> String {
    let text = if event.by.kind == ByKind::Clerk {
        "finance.faster"
    } else {
        "finance.faster_host"
    };
    let (name, at) = (name_of(clerk, &event.by), event.at.minute());
    let what = event_text(clerk, event);
    fill(
        clerk.visit.text(text),
        &[("name", &name), ("at", &at), ("what", &what)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_in_china() {
        assert_eq!(start_of("2026-11-21"), Some(Millis(1_795_190_400_000)));
        for wrong in ["", "2026-13-01", "20261121x", "昨天"] {
            assert_eq!(start_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_page_knows_whether_another_follows() {
        let full = Paged::new((0..=LINES).collect(), ToString::to_string);
        assert_eq!(
            (full.lines.len(), full.next.as_deref()),
            (LINES, Some("29"))
        );
        let last = Paged::new((0..LINES).collect::<Vec<_>>(), ToString::to_string);
        assert_eq!((last.lines.len(), last.next), (LINES, None));
    }
}
