//! Keys and values of one plugin on one site: what stands behind the interface `yinxin:storage`.

use crate::{Connection, StoreError};
use sqlx::Row;
use yinxin_core::ids::SiteId;

/// The value under a key.
pub async fn get(
    conn: &mut Connection,
    site: &SiteId,
    plugin: &str,
    key: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query(
        "SELECT value FROM plugin_storage WHERE site = $1 AND plugin = $2 AND key = $3",
    )
    .bind(site.as_str().to_owned())
    .bind(plugin.to_owned())
    .bind(key.to_owned())
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.try_get("value").map_err(StoreError::from))
        .transpose()
}

/// Entries whose key begins with `prefix`, in order of the keys, after `after`.
pub async fn scan(
    conn: &mut Connection,
    site: &SiteId,
    plugin: &str,
    prefix: &str,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    // Keys are compared as bytes on both databases. `substr` finds the prefix, since LIKE would give `%` and `_` a meaning.
    let rows = sqlx::query(
        "SELECT key, value FROM plugin_storage
         WHERE site = $1 AND plugin = $2 AND key > $3 AND key >= $4 AND substr(key, 1, length($4)) = $4 ORDER BY key LIMIT $5",
    )
    .bind(site.as_str().to_owned())
    .bind(plugin.to_owned())
    .bind(after.unwrap_or_default().to_owned())
    .bind(prefix.to_owned())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get("key")?, row.try_get("value")?)))
        .collect()
}

/// Bytes that the plugin uses on this site, keys included.
pub async fn room(conn: &mut Connection, site: &SiteId, plugin: &str) -> Result<i64, StoreError> {
    let row = sqlx::query("SELECT bytes FROM plugin_rooms WHERE site = $1 AND plugin = $2")
        .bind(site.as_str().to_owned())
        .bind(plugin.to_owned())
        .fetch_optional(conn)
        .await?;
    row.map_or(Ok(0), |row| row.try_get("bytes").map_err(StoreError::from))
}

/// Makes every other commit of this plugin on this site wait until this transaction ends, so that reads can be verified
/// and writes follow without a third in between.
pub async fn lock(conn: &mut Connection, site: &SiteId, plugin: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO plugin_rooms (site, plugin, bytes, revision) VALUES ($1, $2, 0, 1)
         ON CONFLICT (site, plugin) DO UPDATE SET revision = plugin_rooms.revision + 1",
    )
    .bind(site.as_str().to_owned())
    .bind(plugin.to_owned())
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes a value, or removes the key when there is none. Call [`lock`] first.
pub async fn write(
    conn: &mut Connection,
    site: &SiteId,
    plugin: &str,
    key: &str,
    value: Option<&[u8]>,
) -> Result<(), StoreError> {
    let size = |value: Option<usize>| value.map_or(0, |bytes| bytes + key.len());
    let before = get(conn, site, plugin, key).await?;
    let growth = i64::try_from(size(value.map(<[u8]>::len))).unwrap_or(i64::MAX)
        - i64::try_from(size(before.as_ref().map(Vec::len))).unwrap_or(0);
    match value {
        Some(value) => {
            sqlx::query(
                "INSERT INTO plugin_storage (site, plugin, key, value) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (site, plugin, key) DO UPDATE SET value = excluded.value",
            )
            .bind(site.as_str().to_owned())
            .bind(plugin.to_owned())
            .bind(key.to_owned())
            .bind(value.to_vec())
            .execute(&mut *conn)
            .await?;
        }
        None => {
            sqlx::query("DELETE FROM plugin_storage WHERE site = $1 AND plugin = $2 AND key = $3")
                .bind(site.as_str().to_owned())
                .bind(plugin.to_owned())
                .bind(key.to_owned())
                .execute(&mut *conn)
                .await?;
        }
    }
    sqlx::query("UPDATE plugin_rooms SET bytes = bytes + $3 WHERE site = $1 AND plugin = $2")
        .bind(site.as_str().to_owned())
        .bind(plugin.to_owned())
        .bind(growth)
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{postgres_in_chinese, stores};

    #[tokio::test]
    async fn keys_come_in_the_order_of_their_bytes_whatever_the_databases_language() {
        let site = SiteId::parse("jiangxi").unwrap();
        let mut stores = stores().await;
        stores.push(postgres_in_chinese().await);
        for store in stores {
            let mut tx = store.begin().await.unwrap();
            lock(&mut tx, &site, "yingtan").await.unwrap();
            for key in ["b", "阿", "Z", "a-1", "a", "钥", "a1", "B"] {
                write(&mut tx, &site, "yingtan", key, Some(b"v"))
                    .await
                    .unwrap();
            }
            let keys = async |tx: &mut Connection, after, limit| {
                let found = scan(tx, &site, "yingtan", "", after, limit);
                let keys = found.await.unwrap().into_iter().map(|(key, _)| key);
                keys.collect::<Vec<_>>()
            };
            assert_eq!(
                keys(&mut tx, None, 10).await,
                ["B", "Z", "a", "a-1", "a1", "b", "钥", "阿"],
                "{}",
                store.name
            );
            assert_eq!(keys(&mut tx, Some("Z"), 2).await, ["a", "a-1"]);
        }
    }

    #[tokio::test]
    async fn a_plugin_sees_its_own_keys_only() {
        let site = SiteId::parse("jiangxi").unwrap();
        for store in stores().await {
            let mut tx = store.begin().await.unwrap();
            lock(&mut tx, &site, "yingtan").await.unwrap();
            for key in ["main-key/a", "main-key/b", "main-key/钥", "zz", "main%"] {
                write(&mut tx, &site, "yingtan", key, Some(b"12345"))
                    .await
                    .unwrap();
            }
            let found = scan(
                &mut tx,
                &site,
                "yingtan",
                "main-key/",
                Some("main-key/a"),
                10,
            )
            .await
            .unwrap();
            let keys: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
            assert_eq!(keys, ["main-key/b", "main-key/钥"], "{}", store.name);
            assert_eq!(
                scan(&mut tx, &site, "yingtan", "main%", None, 10)
                    .await
                    .unwrap()
                    .len(),
                1
            );
            assert!(
                get(&mut tx, &site, "jiangxi", "zz")
                    .await
                    .unwrap()
                    .is_none()
            );
            let before = room(&mut tx, &site, "yingtan").await.unwrap();
            write(&mut tx, &site, "yingtan", "zz", Some(b"1"))
                .await
                .unwrap();
            assert_eq!(room(&mut tx, &site, "yingtan").await.unwrap(), before - 4);
            write(&mut tx, &site, "yingtan", "zz", None).await.unwrap();
            assert_eq!(room(&mut tx, &site, "yingtan").await.unwrap(), before - 7);
        }
    }
}
