//! Ready sentences for refusing an item: what a clerk wrote before, most used first.

use super::Staff;
use yinxin_core::ids::{ClerkId, SiteId};
use yinxin_store::StoreError;
use yinxin_store::clerks::{self as rows, SavedReason};

/// Characters of a sentence for a refusal; the SMS that quotes it has room for about as many.
const REASON_LIMIT: usize = 200;

impl Staff {
    /// Keeps a sentence that the clerk refused an item with; kept twice, it counts as used once more.
    pub async fn save_reason(
        &self,
        site: &SiteId,
        clerk: &ClerkId,
        item: &str,
        text: &str,
    ) -> Result<(), StoreError> {
        let text: String = text.trim().chars().take(REASON_LIMIT).collect();
        if text.is_empty() {
            return Ok(());
        }
        let mut conn = self.store.read().await?;
        rows::save_reason(&mut conn, site, clerk, item, &text, self.clock.now()).await
    }

    /// The clerk's sentences for an item, most used first.
    pub async fn saved_reasons(
        &self,
        site: &SiteId,
        clerk: &ClerkId,
        item: &str,
    ) -> Result<Vec<SavedReason>, StoreError> {
        // As many as one takes in at a glance.
        const SHOWN: i64 = 12;
        let mut conn = self.store.read().await?;
        rows::saved_reasons(&mut conn, site, clerk, item, SHOWN).await
    }

    /// Drops one of the clerk's sentences; false when it is not theirs.
    pub async fn drop_reason(
        &self,
        site: &SiteId,
        clerk: &ClerkId,
        id: &str,
    ) -> Result<bool, StoreError> {
        let mut conn = self.store.read().await?;
        rows::drop_reason(&mut conn, site, clerk, id).await
    }
}
