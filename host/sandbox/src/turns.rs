//! Turns of guests that run for long. A call that ends within two ticks of the engine's clock, as nearly every one does,
//! has nothing to do with them, unless its plugin has lately had many that took long.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many guests may run for long at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

/// What a guest that runs for long has of its turns. Clones are the same guest's.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    turns: Turns,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    permit: Option<OwnedSemaphorePermit>,
    waited: Duration,
}

impl Turns {
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// For a guest that has none yet.
    pub fn none(&self) -> Turn {
        Turn {
            turns: self.clone(),
            held: Arc::default(),
        }
    }

    /// Waits for a guest's first turn, in the order of coming. That wait is not counted.
    pub async fn first(&self) -> Turn {
        let turn = self.none();
        turn.next().await;
        held(&turn.held).waited = Duration::ZERO;
        turn
    }
}

impl Turn {
    /// Time spent waiting for turns.
    pub fn waited(&self) -> Duration {
        held(&self.held).waited
    }

    /// Ends the turn that the guest has, if it has one.
    pub fn end(&self) {
        held(&self.held).permit = None;
    }

    /// Ends the turn that the guest has, and waits for its next one, in the order of coming.
    pub fn next(&self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let own = self.clone();
        let since = Instant::now();
        self.end();
        Box::pin(async move {
            tokio::task::yield_now().await;
            // The semaphore is never closed.
            let permit = own.turns.0.acquire_owned().await.ok();
            let mut own = held(&own.held);
            own.permit = permit;
            own.waited += since.elapsed();
        })
    }
}

fn held(turn: &Mutex<Held>) -> MutexGuard<'_, Held> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn guests_take_turns_and_their_waits_are_counted() {
        let turns = Turns::new(1);
        let (one, other) = (turns.first().await, turns.none());
        assert_eq!(one.waited(), Duration::ZERO);
        let mut waits = other.next();
        tokio::time::sleep(Duration::from_millis(2)).await;
        assert!((&mut waits).now_or_never().is_none());
        assert!((&mut waits).now_or_never().is_none());
        let mut again = one.next();
        waits.await;
        assert!(other.waited() >= Duration::from_millis(2));
        assert!((&mut again).now_or_never().is_none());
        drop(other);
        again.await;
    }
}
