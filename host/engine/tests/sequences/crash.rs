//! The process ends at some point of a piece of work.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

/// The future's outcome; none when the process ended after so many polls, before it was there. What it has committed by
/// then stays.
pub async fn or_crash<T>(polls: usize, work: impl Future<Output = T>) -> Option<T> {
    let mut left = polls;
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}
