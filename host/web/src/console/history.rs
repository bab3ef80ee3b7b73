//! `/console/cases/{id}/history`: the ledger's rows of a case, for an administrator.

use super::case::load;
use super::visit::ClerkVisit;
use crate::error::WebError;
use axum::extract::Path;
use axum::response::Response;
use serde::Serialize;
use std::collections::BTreeMap;
use yinxin_core::definition::Role;
use yinxin_store::ledger;

#[derive(Serialize)]
struct HistoryPage {
    path: String,
    number: String,
    subject: String,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    seq: i64,
    at: String,
    label: String,
    transition: String,
    actor: String,
    actor_id: String,
    from: String,
    to: String,
    note: String,
    plugin: String,
    digest: String,
    hash: String,
    previous: String,
}

pub async fn show(clerk: ClerkVisit, Path(id): Path<String>) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let page = load(&clerk, &id).await?;
    let lifecycles = page.definition.lifecycles.iter();
    let states = lifecycles
        .filter(|lifecycle| lifecycle.id == page.service.lifecycle)
        .flat_map(|lifecycle| &lifecycle.states);
    let labels: BTreeMap<&str, &str> = states
        .map(|state| (state.id.as_str(), state.clerk_label.as_str()))
        .collect();
    // A state of an older version of the rules has its id only.
    let label = |state: &str| labels.get(state).map_or(state, |label| *label).to_owned();
    let mut conn = visit.state.store.read().await?;
    let recorded = ledger::of_case(&mut conn, &visit.site.id, &page.id).await?;
    let rows = recorded.into_iter().map(|row| {
        let entry = row.entry;
        let kind = visit
            .text(&format!("console.actor_{}", entry.actor_kind))
            .to_owned();
        Row {
            seq: row.seq,
            at: entry.at.minute(),
            from: label(&entry.from_state),
            to: label(&entry.to_state),
            actor: if entry.actor_name.is_empty() {
                kind
            } else {
                entry.actor_name
            },
            actor_id: entry.actor,
            label: entry.label,
            transition: entry.transition,
            note: entry.note,
            plugin: entry.plugin,
            digest: entry.plugin_digest,
            hash: row.hash,
            previous: row.previous_hash,
        }
    });
    let view = HistoryPage {
        path: format!("/console/cases/{}", page.id),
        number: page.number.clone(),
        subject: page.subject.clone(),
        rows: rows.collect(),
    };
    clerk.page("console/history.html", view)
}
