//! Components and their activations. The bytes are kept, so that a case can go on under the version that it began with
//! and any instance of the host can load it.

use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::{ids::SiteId, time::Millis};

/// A version of a plugin that was activated on a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    pub plugin: String,
    /// lower-case hexadecimal SHA-256 of the component
    pub digest: String,
    pub version: String,
    /// JSON of the definition.
    pub definition: String,
    /// New cases begin under it.
    pub active: bool,
    pub activated_at: Millis,
}

/// Keeps a component's bytes.
pub async fn save_component(
    conn: &mut Connection,
    site: &SiteId,
    digest: &str,
    component: &[u8],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO plugin_components (site, digest, component, stored_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (site, digest) DO NOTHING",
    )
    .bind(site.as_str().to_owned())
    .bind(digest.to_owned())
    .bind(component.to_vec())
    .bind(Millis::now().0)
    .execute(conn)
    .await?;
    Ok(())
}

/// A component's bytes.
pub async fn component(
    conn: &mut Connection,
    site: &SiteId,
    digest: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row =
        sqlx::query("SELECT component FROM plugin_components WHERE site = $1 AND digest = $2")
            .bind(site.as_str().to_owned())
            .bind(digest.to_owned())
            .fetch_optional(conn)
            .await?;
    row.map(|row| row.try_get("component").map_err(StoreError::from))
        .transpose()
}

/// Makes this version the one under which new cases begin; the version before stays for its own cases.
pub async fn activate(
    conn: &mut Connection,
    site: &SiteId,
    activation: &Activation,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE plugin_activations SET active = 0 WHERE site = $1 AND plugin = $2")
        .bind(site.as_str().to_owned())
        .bind(activation.plugin.clone())
        .execute(&mut *conn)
        .await?;
    sqlx::query(
        "INSERT INTO plugin_activations (site, plugin, digest, version, definition, active, activated_at)
         VALUES ($1, $2, $3, $4, $5, 1, $6)
         ON CONFLICT (site, plugin, digest) DO UPDATE SET active = 1, activated_at = excluded.activated_at",
    )
    .bind(site.as_str().to_owned())
    .bind(activation.plugin.clone())
    .bind(activation.digest.clone())
    .bind(activation.version.clone())
    .bind(activation.definition.clone())
    .bind(activation.activated_at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// All versions that were ever activated on a site and still have a case that has not ended, and the active ones.
pub async fn in_use(conn: &mut Connection, site: &SiteId) -> Result<Vec<Activation>, StoreError> {
    let rows = sqlx::query(
        "SELECT plugin, digest, version, definition, active, activated_at FROM plugin_activations
         WHERE site = $1 AND (active = 1 OR EXISTS (
             SELECT 1 FROM cases WHERE site = $1 AND plugin_digest = plugin_activations.digest AND ended = 0))
         ORDER BY plugin, activated_at",
    )
    .bind(site.as_str().to_owned())
    .fetch_all(conn)
    .await?;
    rows.iter().map(activation_of).collect()
}

fn activation_of(row: &sqlx::any::AnyRow) -> Result<Activation, StoreError> {
    Ok(Activation {
        plugin: row.try_get("plugin")?,
        digest: row.try_get("digest")?,
        version: row.try_get("version")?,
        definition: row.try_get("definition")?,
        active: row.try_get::<i64, _>("active")? == 1,
        activated_at: Millis(row.try_get("activated_at")?),
    })
}

/// One version, however old: pages of its cases are rendered from its definition.
pub async fn activation(
    conn: &mut Connection,
    site: &SiteId,
    plugin: &str,
    digest: &str,
) -> Result<Option<Activation>, StoreError> {
    let row = sqlx::query(
        "SELECT plugin, digest, version, definition, active, activated_at FROM plugin_activations
         WHERE site = $1 AND plugin = $2 AND digest = $3",
    )
    .bind(site.as_str().to_owned())
    .bind(plugin.to_owned())
    .bind(digest.to_owned())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(activation_of).transpose()
}
