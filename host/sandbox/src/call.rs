//! One call: a fresh store, an instance in it, the call, and the store is dropped.

use crate::engine::{Sandbox, Share, TICK};
use crate::error::{CallError, Failure, Stage};
use crate::limits::{Budget, Exceeded, Limits, Watch};
use crate::turns::Turn;
use futures::FutureExt;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::sync::SemaphorePermit;
use wasmtime::component::{Instance, InstancePre};
use wasmtime::{Store, StoreContextMut, UpdateDeadline};

/// Who is called, for the error's sake.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub plugin: &'a str,
    pub export: &'static str,
    pub limits: &'a Limits,
    /// What the plugin may hold of the places; none: all of them.
    pub share: Option<&'a Share>,
}

/// How many times as long as it may run a guest waits for its turns: what never ends does not hold its place for ever.
const QUEUED: u32 = 4;

/// What stands in a call's store: the host's part `T`, reached by imports, and the call's books.
pub struct Room<T> {
    pub host: T,
    pub budget: Budget,
    watch: Watch,
    /// Time that imports spent waiting; it does not count as the guest's.
    waited: Duration,
    /// Of one that takes turns.
    turn: Option<Turn>,
}

/// Where a call runs.
struct Place<'s> {
    _of_share: Option<SemaphorePermit<'s>>,
    _place: SemaphorePermit<'s>,
    /// Of one whose plugin is heavy. It lasts until the guest's memory is given back.
    turn: Option<Turn>,
}

impl<T> Room<T> {
    /// One without a guest in it, for what tries a host's imports by themselves.
    pub fn without_guest(limits: &Limits, host: T) -> Self {
        Self {
            host,
            budget: Budget::new(limits),
            watch: Watch::new(limits),
            waited: Duration::ZERO,
            turn: None,
        }
    }

    /// Says that an import begins to wait for something outside, such as the database; meanwhile it is another guest's
    /// turn. To be handed to [`Room::goes_on`].
    pub fn begins_to_wait(&mut self) -> Instant {
        if let Some(turn) = &self.turn {
            turn.end();
        }
        Instant::now()
    }

    /// Says that an import has waited for something outside since `since`, and waits for the guest's next turn, if it takes
    /// turns.
    pub async fn goes_on(&mut self, since: Instant) {
        self.waited += since.elapsed();
        if let Some(turn) = &self.turn {
            turn.next().await;
        }
    }
}

impl Sandbox {
    /// Runs one call of a component that was prepared by a linker. `run` gets the store and the instance in it, makes
    /// the typed call, and hands the store back; `host` comes back as the imports left it.
    ///
    /// The guest's own time is watched at each tick of the engine's clock, where one that runs for long also waits for its
    /// turn; the time in all by a timer, since waiting in an import is not guest code. Dropping the returned future ends the
    /// call at its next wait or tick.
    pub async fn call<T, R, Fut>(
        &self,
        call: Call<'_>,
        component: &InstancePre<Room<T>>,
        host: T,
        run: impl FnOnce(Store<Room<T>>, Instance) -> Fut,
    ) -> Result<(R, T), CallError>
    where
        T: Send + 'static,
        Fut: Future<Output = (Store<Room<T>>, wasmtime::Result<R>)>,
    {
        let Call {
            plugin,
            export,
            limits,
            share,
        } = call;
        let fail = |failure| CallError {
            plugin: plugin.to_owned(),
            export,
            failure,
        };

        let mut place = pin!(self.place(share));
        let place = match place.as_mut().now_or_never() {
            Some(place) => place,
            // Only who has to wait needs a timer.
            None => tokio::time::timeout(limits.total_time, place)
                .await
                .unwrap_or(None),
        };
        let Some(place) = place else {
            return Err(fail(Failure::Busy {
                waited: limits.total_time,
            }));
        };

        let work = async {
            let mut store = self.store(limits, host);
            store.data_mut().turn = place.turn.clone();
            let instance = match component.instantiate_async(&mut store).await {
                Ok(instance) => instance,
                Err(error) => return Err(Failure::classify(&error, Stage::Instantiating, limits)),
            };
            let (store, result) = run(store, instance).await;
            match result {
                Ok(value) => Ok((value, store.into_data().host)),
                Err(error) => Err(Failure::classify(&error, Stage::Running, limits)),
            }
        };
        let work = async {
            match share {
                Some(share) => share.usage.count(work).await,
                None => work.await,
            }
        };
        match tokio::time::timeout(limits.total_time, work).await {
            Ok(outcome) => outcome.map_err(fail),
            Err(_) => Err(fail(Failure::TotalTime {
                limit: limits.total_time,
            })),
        }
    }

    /// A place of one's own, instead of an error from the pool when many call at once, in the order of coming. The share
    /// comes first: who waits for it holds no place. The turn comes last: who waits for a place holds none.
    async fn place<'s>(&'s self, share: Option<&'s Share>) -> Option<Place<'s>> {
        let of_share = match share {
            Some(share) => Some(share.places.acquire().await.ok()?),
            None => None,
        };
        let place = self.places.acquire().await.ok()?;
        let turn = match share {
            Some(share) if share.usage.is_heavy() => Some(self.turns.first().await),
            _ => None,
        };
        Some(Place {
            _of_share: of_share,
            _place: place,
            turn,
        })
    }

    fn store<T: Send + 'static>(&self, limits: &Limits, host: T) -> Store<Room<T>> {
        let mut store = Store::new(&self.engine, Room::without_guest(limits, host));
        store.limiter(|room| &mut room.watch);
        store.set_hostcall_fuel(limits.hostcall_bytes);
        let began = Instant::now();
        let (guest_time, turns) = (limits.guest_time, self.turns.clone());
        store.epoch_deadline_callback(move |mut context: StoreContextMut<'_, Room<T>>| {
            let room = context.data_mut();
            let queued = room.turn.as_ref().map(Turn::waited).unwrap_or_default();
            let ran = began.elapsed().saturating_sub(room.waited + queued);
            if ran >= guest_time {
                return Err(Exceeded::GuestTime.into());
            }
            if queued >= guest_time * QUEUED {
                return Err(Exceeded::Turns { queued }.into());
            }
            if ran < TICK {
                return Ok(UpdateDeadline::Continue(1));
            }
            let turn = room.turn.get_or_insert_with(|| turns.none());
            Ok(UpdateDeadline::YieldCustom(1, turn.next()))
        });
        // Without a first deadline a store traps at once.
        store.set_epoch_deadline(1);
        store
    }
}
