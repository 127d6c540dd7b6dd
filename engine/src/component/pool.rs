//! Room for instances that is made before the first of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;

use super::supervise::Cancel;
use crate::types::{Bytes, Fault, FaultKind, Phase};

/// Tables in a place of a pool; it has one memory.
pub(super) const TABLES: u32 = 4;

/// Room for instances, made with the engine: the fastest way to start them.
///
/// Without one, each call maps the memory of its instance and gives it back, which costs several times what most calls
/// compute. With one, the memory is kept, and what a guest wrote there is overwritten before the next guest gets it. Calls for
/// which there is no room wait, and their time begins when they start; too many that wait are refused at once
/// (`E-LIMIT-BUSY`).
///
/// A pool reserves 4 GiB of addresses for each of its places, but hardly any memory, so that a limit on the addresses of the
/// process (`ulimit -v`) is in its way. Making it takes about a millisecond for each 200 instances. A component that needs more
/// than a place of the pool has runs without it.
///
/// # Example
///
/// ```
/// use engine::{Config, Engine};
/// use engine::data::Pool;
///
/// let config = Config::new().pool(Pool::new(16).waiting(100));
/// let engine = Engine::builder().config(config).build()?;
/// # Ok::<(), engine::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    instances: u32,
    waiting: u32,
    resident: Bytes,
}

impl Pool {
    /// The most instances that a pool can have: all of them have to fit the addresses of a process, and the 65,530 maps of memory
    /// that Linux lets a process have (`vm.max_map_count`).
    pub const MOST: u32 = 10_000;
    /// The most of the places for actions that others call.
    const MOST_INNER: u32 = 1_000;

    /// Room for so many instances at the same time, from 1 to [`Pool::MOST`]. Most of the components that languages
    /// make take one place; one with several memories takes as many. There is room for as many again, but at most 1,000, that
    /// are called by others through `engine:host/actions`.
    #[must_use]
    pub fn new(instances: u32) -> Self {
        Self {
            instances,
            waiting: instances.saturating_mul(8),
            resident: Bytes::mib(1),
        }
    }

    /// The most calls that wait for room. Default: eight times the instances.
    #[must_use]
    pub fn waiting(mut self, most: u32) -> Self {
        self.waiting = most;
        self
    }

    /// How much of an instance's memory stays with its place when it ends, at most. Default: 1 MiB.
    #[must_use]
    pub fn resident(mut self, most: Bytes) -> Self {
        self.resident = most;
        self
    }

    /// The instances that calls may have from outside.
    pub(super) fn instances(self) -> u32 {
        self.instances
    }

    /// The instances for what others call.
    fn inner(self) -> u32 {
        self.instances.min(Self::MOST_INNER)
    }

    /// All instances.
    pub(super) fn all(self) -> u32 {
        self.instances.saturating_add(self.inner())
    }

    /// What stays of each memory.
    pub(super) fn kept(self) -> usize {
        usize::try_from(self.resident.get()).unwrap_or(usize::MAX)
    }

    /// Refuses what no machine has room for.
    pub(super) fn check(self) -> Result<(), Fault> {
        if (1..=Self::MOST).contains(&self.instances) {
            return Ok(());
        }
        Err(Fault::config(format!(
            "a pool of {} instances: there can be 1 to {}",
            self.instances,
            Self::MOST
        )))
    }
}

/// The places of a pool, for whoever wants to start an instance.
#[derive(Debug)]
pub(super) struct Places {
    pool: Pool,
    outer: Arc<Semaphore>,
    inner: Arc<Semaphore>,
    waiting: AtomicU32,
}

/// The right to one instance. Given back when it is dropped, so it has to live longer than the instance.
#[derive(Debug)]
#[must_use = "the place is given back when this is dropped"]
pub(crate) struct Place(
    #[expect(dead_code, reason = "held until it is dropped")] Option<OwnedSemaphorePermit>,
);

impl Place {
    /// A place beside every pool, for a component that needs none.
    pub(super) fn beside() -> Self {
        Self(None)
    }
}

impl Places {
    pub(super) fn new(pool: Pool) -> Self {
        let semaphore =
            |places: u32| Arc::new(Semaphore::new(usize::try_from(places).unwrap_or(1)));
        Self {
            pool,
            outer: semaphore(pool.instances()),
            inner: semaphore(pool.inner()),
            waiting: AtomicU32::new(0),
        }
    }

    /// How many instances there is room for.
    pub(super) fn room(&self) -> u32 {
        self.pool.instances
    }

    /// How many places an instance of a component takes.
    pub(super) fn needed(component: &Component) -> u32 {
        let resources = component.resources_required();
        let (memories, tables) =
            resources.map_or((0, 0), |needs| (needs.num_memories, needs.num_tables));
        memories.max(tables.div_ceil(TABLES)).max(1)
    }

    /// Waits for so many places.
    ///
    /// A call that another one makes does not wait: whoever made it holds a place, and all of them could wait for each other.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Busy`] if too many wait already; [`FaultKind::Cancelled`].
    pub(super) async fn take(
        &self,
        places: u32,
        nested: bool,
        cancel: &Cancel,
    ) -> Result<Place, Fault> {
        let (of, instances) = if nested {
            (&self.inner, self.pool.inner())
        } else {
            (&self.outer, self.pool.instances)
        };
        if let Ok(place) = of.clone().try_acquire_many_owned(places) {
            return Ok(Place(Some(place)));
        }
        let busy = |waiting| Fault::new(FaultKind::Busy { instances, waiting }).at(Phase::Start);
        if nested {
            return Err(busy(0).hint("try again later, or have a larger pool"));
        }
        let turn = Turn::new(&self.waiting, self.pool.waiting).ok_or_else(|| {
            busy(self.pool.waiting)
                .hint("try again later, or have a larger pool or more of them wait")
        })?;
        let place = tokio::select! {
            place = of.clone().acquire_many_owned(places) => place,
            () = cancel.asked() => return Err(Fault::new(FaultKind::Cancelled).at(Phase::Start)),
        };
        drop(turn);
        // Nobody closes it.
        Ok(Place(place.ok()))
    }
}

/// One of those that wait.
struct Turn<'a>(&'a AtomicU32);

impl<'a> Turn<'a> {
    /// `None` if `most` wait already.
    fn new(waiting: &'a AtomicU32, most: u32) -> Option<Self> {
        waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                (waiting < most).then(|| waiting + 1)
            })
            .ok()
            .map(|_| Self(waiting))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether what a guest wrote can be found by asking the kernel which pages were written (`PAGEMAP_SCAN`, Linux 6.7).
///
/// wasmtime 48 can miss a page that was swapped out meanwhile, so only where this process cannot be swapped out; elsewhere what
/// is kept is overwritten as a whole.
#[expect(
    clippy::disallowed_methods,
    reason = "files of the kernel about this machine"
)]
pub(super) fn may_scan() -> bool {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    // The first line is a heading.
    let none = read("/proc/swaps").is_some_and(|swaps| swaps.lines().count() <= 1);
    none || read("/proc/self/cgroup")
        .and_then(|groups| {
            let own = groups
                .lines()
                .find_map(|line| line.strip_prefix("0::/"))?
                .to_owned();
            read(&format!("/sys/fs/cgroup/{own}/memory.swap.max"))
        })
        .is_some_and(|most| most.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    #[test]
    fn a_pool_has_at_least_one_place_and_no_more_than_fit() {
        assert!(Pool::new(1).check().is_ok());
        assert!(Pool::new(Pool::MOST).check().is_ok());
        assert!(
            Pool::new(0)
                .check()
                .unwrap_err()
                .to_string()
                .contains("a pool of 0 instances")
        );
        assert!(Pool::new(Pool::MOST + 1).check().is_err());
    }

    #[test]
    fn what_others_call_has_as_many_places_up_to_a_bound() {
        assert_eq!(Pool::new(16).all(), 32);
        assert_eq!(Pool::new(10_000).all(), 11_000);
        let places = Places::new(Pool::new(2_000));
        let cancel = Cancel::new();
        runtime().block_on(async {
            let held = places.take(1_000, true, &cancel).await.unwrap();
            let fault = places.take(1, true, &cancel).await.unwrap_err();
            assert_eq!(fault.to_string(), "1000 instances run already");
            drop(held);
            assert!(places.take(2_000, false, &cancel).await.is_ok());
        });
    }

    #[test]
    fn who_finds_no_room_waits_and_too_many_are_refused() {
        let places = Arc::new(Places::new(Pool::new(2).waiting(1)));
        let cancel = Cancel::new();
        runtime().block_on(async {
            let first = places.take(1, false, &cancel).await.unwrap();
            let second = places.take(1, false, &cancel).await.unwrap();
            let third = {
                let (places, cancel) = (places.clone(), cancel.clone());
                tokio::spawn(async move { places.take(1, false, &cancel).await.is_ok() })
            };
            tokio::task::yield_now().await;
            let fourth = places.take(1, false, &cancel).await.unwrap_err();
            assert_eq!(fourth.code().as_str(), "E-LIMIT-BUSY");
            assert_eq!(
                fourth.to_string(),
                "2 instances run and 1 call waits already"
            );
            // What others call has room of its own, and never waits.
            let inner = [
                places.take(1, true, &cancel).await,
                places.take(1, true, &cancel).await,
            ];
            assert!(inner.iter().all(Result::is_ok));
            assert!(places.take(1, true, &cancel).await.is_err());
            assert!(!third.is_finished());
            drop(first);
            assert!(third.await.unwrap());
            drop(second);
            let both = places.take(2, false, &cancel).await.unwrap();
            drop(both);
        });
        assert_eq!(places.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn who_waits_can_be_cancelled() {
        let places = Places::new(Pool::new(1));
        let cancel = Cancel::new();
        runtime().block_on(async {
            let held = places.take(1, false, &cancel).await.unwrap();
            let (fault, ()) =
                tokio::join!(places.take(1, false, &cancel), async { cancel.cancel() });
            assert_eq!(fault.unwrap_err().code().as_str(), "E-CANCELLED");
            drop(held);
        });
        assert_eq!(places.waiting.load(Ordering::Relaxed), 0);
    }
}
