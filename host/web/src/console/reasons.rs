//! Ready sentences for refusing an item: the material's own, and those that this clerk wrote before.

use super::case::Chosen;
use super::visit::ClerkVisit;
use crate::error::WebError;
use std::collections::BTreeMap;
use yinxin_engine::views::{CasePage, StepKind};

/// Sentences by item.
pub type Ready = BTreeMap<String, Vec<String>>;

/// What to offer for each item that a clerk judges.
pub async fn ready(clerk: &ClerkVisit, page: &CasePage) -> Result<Ready, WebError> {
    let mut ready: Ready = of_materials(page);
    for step in &page.steps {
        if let StepKind::Form(form) = &step.kind {
            for section in &form.sections {
                ready.entry(section.id.clone()).or_default();
            }
        }
    }
    let visit = &clerk.visit;
    for (item, sentences) in &mut ready {
        let kept = visit
            .state
            .staff
            .saved_reasons(&visit.site.id, &clerk.clerk.id, item)
            .await?;
        for reason in kept {
            if !sentences.contains(&reason.text) {
                sentences.push(reason.text);
            }
        }
    }
    Ok(ready)
}

/// Keeps what the clerk wrote; what the material offers anyway is not kept twice.
pub async fn keep(clerk: &ClerkVisit, page: &CasePage, chosen: &Chosen) -> Result<(), WebError> {
    let offered = of_materials(page);
    let visit = &clerk.visit;
    for (item, (passed, reason)) in chosen {
        let known = offered
            .get(item)
            .is_some_and(|sentences| sentences.contains(reason));
        if !passed && !known {
            visit
                .state
                .staff
                .save_reason(&visit.site.id, &clerk.clerk.id, item, reason)
                .await?;
        }
    }
    Ok(())
}

fn of_materials(page: &CasePage) -> Ready {
    let materials = page.materials.iter();
    materials
        .map(|view| {
            (
                view.material.id.clone(),
                view.material.refusal_reasons.clone(),
            )
        })
        .collect()
}
