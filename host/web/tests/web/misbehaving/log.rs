//! A plugin that would fill the log.

use super::*;
use std::sync::atomic::AtomicUsize;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Counts what is written to the log: lines about a capability that is not granted, and lines about the log's own limit.
#[derive(Clone, Default)]
struct Lines {
    denied: Arc<AtomicUsize>,
    stopped: Arc<AtomicUsize>,
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("yinxin")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        for (mark, count) in [
            ("an interface that it is not granted", &self.denied),
            ("caused more than 16384 bytes of log", &self.stopped),
        ] {
            count.fetch_add(usize::from(text.0.contains(mark)), Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of an event, one after the other.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push_str(&format!("{field}={value:?} "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_would_fill_the_log_has_a_plain_page_and_a_hundred_lines() {
    let hall = withdrawn().await;
    let mut person = Person::new(&hall, "li").await;
    let case = begin(&mut person, &hall, "new").await;
    let path = format!("/cases/{case}/actions/denied-forever");
    let before = standing(&person, &hall, &case).await;
    let rows = kept(&hall).await;
    let lines = Lines::default();
    // For all tests of this process: with one of a thread's own, what another thread says first is never listened to.
    tracing::subscriber::set_global_default(lines.clone()).unwrap();
    let body = encoded(&format!("_version={}&remark=我写的说明", before.1));
    let answer = person.post(&hall, &path, &body).await;
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.body
    );
    is_plain(&answer, "denied-forever");
    for words in ["什么都没有改变，您填写的内容还在。请稍后再试", "我写的说明"]
    {
        assert!(answer.body.contains(words), "{}", answer.body);
    }
    assert_eq!(standing(&person, &hall, &case).await, before);
    assert_eq!(kept(&hall).await, rows);
    // It would have called for ever: it was the log that ended it, after 16 KiB of lines with 142 bytes each.
    let counted = [&lines.denied, &lines.stopped].map(|count| count.load(Ordering::Relaxed));
    assert_eq!(counted, [(16 << 10) / 142, 1]);
    // The next page is as usual, and so is the rule that calls nothing.
    let good = format!("/cases/{case}/actions/good");
    let body = encoded(&format!("_version={}&remark=x", before.1));
    let answer = person.post(&hall, &good, &body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
}
