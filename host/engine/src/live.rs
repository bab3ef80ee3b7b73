//! News of a case for pages that wait.

use crate::Engine;
use futures::{Stream, StreamExt, stream};
use std::time::Duration;
use tokio_stream::wrappers::BroadcastStream;
use yinxin_core::ids::{CaseId, SiteId};

/// Another process of the same host may have made the change: the page looks again this often anyway.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

impl Engine {
    /// Yields whenever something about the case may have changed.
    pub fn watch(&self, site: &SiteId, case: &CaseId) -> impl Stream<Item = ()> + Send + use<> {
        let wanted = (site.clone(), case.clone());
        let here = BroadcastStream::new(self.inner.changes.subscribe());
        // A lagging receiver has missed some: that counts as news.
        let here = here.filter_map(move |change| {
            let news = change.map_or(true, |change| change == wanted);
            futures::future::ready(news.then_some(()))
        });
        let elsewhere = stream::unfold((), |()| async {
            tokio::time::sleep(LOOK_AGAIN).await;
            Some(((), ()))
        });
        stream::select(here, elsewhere)
    }
}
