//! `/console`: how the queues stand, and what the clerk holds.

use super::due::{Due, due};
use super::queue::{CaseRow, rows};
use super::visit::{ClerkVisit, role_name};
use crate::error::WebError;
use crate::page::Visit;
use crate::texts::fill;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::definition::Role;
use yinxin_store::cases::COUNTED;

/// Cases that one clerk holds at a time; more are found in their queues.
const HELD: usize = 20;
const MINUTE: i64 = 60_000;

#[derive(Serialize)]
struct DeskPage {
    queues: Vec<QueueCard>,
    held: Vec<CaseRow>,
    unsent: usize,
    /// What waits for a finance clerk, beside the cases.
    money: Vec<Due>,
}

#[derive(Serialize)]
struct QueueCard {
    path: String,
    title: String,
    /// Empty for none.
    cases: String,
    overdue: String,
    /// How long the oldest has waited, in words, or empty.
    oldest: String,
}

pub async fn show(clerk: ClerkVisit) -> Result<Response, WebError> {
    let visit = &clerk.visit;
    let (site, engine) = (&visit.site.id, &visit.state.engine);
    let now = visit.state.clock.now();
    let queues = engine.queues(site, &clerk.clerk).await?;
    let queues = queues.into_iter().map(|queue| {
        let minutes = queue
            .oldest
            .map(|oldest| (now.0 - oldest.0).max(0) / MINUTE);
        QueueCard {
            path: format!("/console/queues/{}", role_name(queue.role)),
            title: visit
                .text(&format!("console.queue_{}", role_name(queue.role)))
                .to_owned(),
            cases: counted(queue.cases),
            overdue: counted(queue.overdue),
            oldest: minutes
                .map(|minutes| in_words(visit, minutes))
                .unwrap_or_default(),
        }
    });
    let held = engine.claimed(site, &clerk.clerk, HELD).await?;
    // One more than is shown says "99+".
    const LETTERS: i64 = 100;
    let unsent = visit
        .state
        .messaging
        .dead_letters(site, None, LETTERS)
        .await;
    // An administrator may do it too; it is not what he comes for.
    let is_finance = clerk.clerk.roles.contains(&Role::Finance);
    let page = DeskPage {
        money: if is_finance {
            due(&clerk).await?
        } else {
            Vec::new()
        },
        queues: queues.collect(),
        held: rows(held, now),
        unsent: unsent.map_err(WebError::internal)?.len(),
    };
    clerk.page("console/desk.html", page)
}

/// As far as they are counted: `199+` stands for two hundred and more.
fn counted(cases: i64) -> String {
    match cases {
        0 => String::new(),
        1..COUNTED => cases.to_string(),
        _ => format!("{}+", COUNTED - 1),
    }
}

/// `3 天`, `5 小时`, `12 分钟`.
fn in_words(visit: &Visit, minutes: i64) -> String {
    let (text, count) = unit(minutes);
    fill(visit.text(text), &[("n", &count.to_string())])
}

/// The unit that matters, and how many of it.
fn unit(minutes: i64) -> (&'static str, i64) {
    match minutes {
        minutes if minutes >= 48 * 60 => ("console.days", minutes / 60 / 24),
        minutes if minutes >= 60 => ("console.hours", minutes / 60),
        minutes => ("console.minutes", minutes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_three_digits_at_most() {
        assert_eq!(counted(0), "");
        assert_eq!(counted(199), "199");
        assert_eq!(counted(200), "199+");
    }

    #[test]
    fn ages_are_told_in_the_unit_that_matters() {
        assert_eq!(unit(12), ("console.minutes", 12));
        assert_eq!(unit(119), ("console.hours", 1));
        assert_eq!(unit(49 * 60), ("console.days", 2));
    }
}
