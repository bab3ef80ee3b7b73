//! What happened to an order, in words for its applicant.

use crate::page::Visit;
use crate::texts::fill;
use serde::Serialize;
use yinxin_core::money::Fen;
use yinxin_store::order_events::{OrderEvent, OrderEventKind};

/// One line of the history, newest first.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryEntry {
    pub at: String,
    pub label: String,
    pub note: String,
    pub actor: String,
}

pub fn history(visit: &Visit, events: &[OrderEvent]) -> Vec<HistoryEntry> {
    events
        .iter()
        .rev()
        .map(|event| {
            let amount = Fen(event.amount.0).to_string();
            let label = visit.text(&format!("orders.event.{}", event.kind.as_str()));
            HistoryEntry {
                at: event.at.minute(),
                label: fill(label, &[("amount", &amount)]),
                note: note(visit, event),
                // Which of the staff it was is their own affair.
                actor: visit
                    .text(&format!("orders.who.{}", event.by.kind.as_str()))
                    .to_owned(),
            }
        })
        .collect()
}

/// Reasons and numbers that are meant for the applicant; what a provider said to us is for the clerk.
fn note(visit: &Visit, event: &OrderEvent) -> String {
    match event.kind {
        OrderEventKind::SlipRefused
        | OrderEventKind::RefundRequested
        | OrderEventKind::AssignedFrom
        | OrderEventKind::AssignedTo
        | OrderEventKind::InvoiceIssued
        | OrderEventKind::InvoiceUploaded => event.note.clone(),
        OrderEventKind::MethodChosen | OrderEventKind::Paid => super::method_by_name(&event.note)
            .map(|method| super::method_text(visit, method).to_owned())
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// Why the slip that was uploaded last was sent back; empty when it was not, or when another has been uploaded since.
pub fn refusal(events: &[OrderEvent]) -> String {
    events
        .iter()
        .rev()
        .find(|event| {
            matches!(
                event.kind,
                OrderEventKind::SlipUploaded | OrderEventKind::SlipRefused
            )
        })
        .filter(|event| event.kind == OrderEventKind::SlipRefused)
        .map(|event| event.note.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::texts::Texts;
    use yinxin_services::invoices::InvoiceState;
    use yinxin_store::order_events::{ByKind, OrderEventKind};
    use yinxin_store::orders::OrderState;
    use yinxin_store::refunds::RefundState;

    #[test]
    fn everything_that_happens_to_an_order_has_its_words() {
        let texts = Texts::chinese().unwrap();
        let words = |table: &str, words: Vec<&str>| {
            for word in words {
                let path = format!("{table}.{word}");
                assert!(texts.find(&path).is_some(), "{path}");
            }
        };
        words(
            "orders.event",
            OrderEventKind::ALL
                .iter()
                .map(|kind| kind.as_str())
                .collect(),
        );
        words(
            "orders.who",
            ByKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        );
        words(
            "orders",
            OrderState::ALL.iter().map(|state| state.as_str()).collect(),
        );
        words(
            "orders.invoice",
            InvoiceState::ALL
                .iter()
                .map(|state| state.as_str())
                .collect(),
        );
        words(
            "orders.refund",
            RefundState::ALL
                .iter()
                .map(|state| state.as_str())
                .collect(),
        );
    }
}
