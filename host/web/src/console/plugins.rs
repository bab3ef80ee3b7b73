//! `/console/plugins`: the rules that the site runs under, read-only: the operator activates them.

use super::visit::ClerkVisit;
use crate::error::WebError;
use axum::response::Response;
use serde::Serialize;
use yinxin_core::definition::lint::{Finding, lint};
use yinxin_core::definition::{Definition, Role};
use yinxin_engine::views::RefusedPlugin;
use yinxin_store::{StoreError, plugins};

#[derive(Serialize)]
struct PluginsPage {
    refused: Vec<RefusedPlugin>,
    plugins: Vec<PluginLine>,
}

#[derive(Serialize)]
struct PluginLine {
    name: String,
    title: String,
    version: String,
    digest: String,
    active: bool,
    activated: String,
    services: Vec<String>,
    warnings: Vec<Finding>,
}

pub async fn list(clerk: ClerkVisit) -> Result<Response, WebError> {
    clerk.require(Role::Administrator)?;
    let visit = &clerk.visit;
    let mut conn = visit.state.store.read().await?;
    let mut plugins = Vec::new();
    for activation in plugins::in_use(&mut conn, &visit.site.id).await? {
        let definition: Definition = serde_json::from_str(&activation.definition)
            .map_err(|_| StoreError::Damaged("a definition"))?;
        plugins.push(PluginLine {
            warnings: lint(&definition),
            title: definition.title,
            services: definition
                .services
                .iter()
                .map(|service| service.title.clone())
                .collect(),
            name: activation.plugin,
            version: activation.version,
            digest: activation.digest,
            active: activation.active,
            activated: activation.activated_at.minute(),
        });
    }
    let page = PluginsPage {
        refused: visit.state.engine.refused_plugins(&visit.site.id),
        plugins,
    };
    clerk.page("console/plugins.html", page)
}
