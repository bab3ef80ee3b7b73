//! Messages on both databases: the office from which they are sent, and what both kinds of them share.

mod mail;
mod sms;

use super::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use yinxin_store::testing::TestStore;

/// A clock that a test moves.
struct Clockwork(AtomicI64);

impl Clock for Clockwork {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

/// Messaging with a clock to move, and a worker.
struct Office<'a> {
    store: &'a TestStore,
    clock: Arc<Clockwork>,
    blobs: Arc<Blobs>,
    messaging: Messaging,
    _folder: tempfile::TempDir,
}

fn site() -> SiteId {
    SiteId::parse("jiangxi").unwrap()
}

impl<'a> Office<'a> {
    fn new(store: &'a TestStore, channels: Channels) -> Self {
        let clock = Arc::new(Clockwork(AtomicI64::new(Millis::now().0)));
        let folder = tempfile::tempdir().unwrap();
        let blobs = Arc::new(Blobs::folder(folder.path(), store.sealer.clone()).unwrap());
        let messaging = Messaging::new(
            store.store.clone(),
            store.sealer.clone(),
            clock.clone(),
            blobs.clone(),
            HashMap::from([(site(), channels)]),
        );
        Self {
            store,
            clock,
            blobs,
            messaging,
            _folder: folder,
        }
    }

    async fn queue(&self, new: NewMessage) -> MessageId {
        let mut tx = self.store.begin().await.unwrap();
        let id = self.messaging.queue(&mut tx, &site(), new).await.unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Does the jobs that are due; gives how each ended.
    async fn work(&self) -> Vec<JobEnd> {
        let mut ends = Vec::new();
        loop {
            let now = self.clock.now();
            let mut tx = self.store.begin().await.unwrap();
            let job = jobs::lease(&mut tx, now, now.plus(60)).await.unwrap();
            tx.commit().await.unwrap();
            let Some(job) = job else { return ends };
            assert!([MESSAGE_JOB, MAIL_JOB].contains(&job.kind.as_str()));
            let end = self.messaging.run(&site(), &job.payload).await.unwrap();
            let mut tx = self.store.begin().await.unwrap();
            match &end {
                JobEnd::Done => jobs::finish(&mut tx, &site(), &job.id).await.unwrap(),
                JobEnd::Again { at, why } => jobs::retry(&mut tx, &site(), &job.id, *at, why)
                    .await
                    .unwrap(),
            }
            tx.commit().await.unwrap();
            ends.push(end);
        }
    }

    /// Lets time pass until the next try is due.
    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    async fn message(&self, id: &MessageId) -> Message {
        let mut conn = self.store.read().await.unwrap();
        messages::find(&mut conn, &self.store.sealer, &site(), id)
            .await
            .unwrap()
            .unwrap()
    }
}

fn named(name: &str, value: &str) -> NamedValue {
    NamedValue {
        name: name.into(),
        value: value.into(),
    }
}
