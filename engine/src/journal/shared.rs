//! What the writer and those who wait for it share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::event::Queue;
use crate::types::StreamId;

/// How long events wait for others that go with them, while nobody waits for them: each transaction costs a sync, and a
/// run tells several events at a time.
const LINGER: Duration = Duration::from_millis(2);

/// What the writer and those who wait for it share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Queue,
    /// Speaks in the marks of events that had no room.
    pub(super) stream: StreamId,
    woken: Mutex<Woken>,
    wake: Condvar,
    linger: Duration,
    pub(super) progress: watch::Sender<Progress>,
}

/// Whether the writer has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    No,
    /// Nobody waits for it.
    Soon,
    Now,
}

/// How far the writer has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Of the events taken in, so many are durable.
    pub(super) durable: u64,
    /// Tries that failed so far.
    pub(super) failures: u64,
    /// Why the newest try failed; empty if it did not.
    pub(super) reason: String,
    /// The writer is gone.
    pub(super) ended: bool,
    /// How long the newest transaction took, its sync included.
    pub(super) latency: Duration,
    /// Events that had no room so far.
    pub(super) lost: u64,
}

impl Shared {
    pub(super) fn new(queue: Queue) -> Self {
        Self {
            queue,
            stream: StreamId::fresh(),
            woken: Mutex::new(Woken::No),
            wake: Condvar::new(),
            linger: LINGER,
            progress: watch::Sender::default(),
        }
    }

    pub(super) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Has the writer look at the queue now, because somebody waits.
    pub(super) fn wake(&self) {
        *self.lock() = Woken::Now;
        self.wake.notify_one();
    }

    /// Has the writer look at the queue in a moment.
    pub(super) fn wake_soon(&self) {
        let mut woken = self.lock();
        if *woken == Woken::No {
            *woken = Woken::Soon;
            self.wake.notify_one();
        }
    }

    /// Whoever woke the writer so far is heard: it looks at the queue now.
    pub(super) fn awake(&self) {
        *self.lock() = Woken::No;
    }

    /// Sleeps until it is woken, and says whether it was.
    pub(super) fn sleep(&self, longest: Option<Duration>) -> bool {
        let still = |found: Woken| move |woken: &mut Woken| *woken == found;
        let mut woken = self.lock();
        if *woken == Woken::No {
            woken = match longest {
                None => self
                    .wake
                    .wait_while(woken, still(Woken::No))
                    .unwrap_or_else(PoisonError::into_inner),
                Some(longest) => {
                    let slept = self
                        .wake
                        .wait_timeout_while(woken, longest, still(Woken::No));
                    slept.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        if *woken == Woken::Soon {
            let slept = self
                .wake
                .wait_timeout_while(woken, self.linger, still(Woken::Soon));
            woken = slept.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::replace(&mut *woken, Woken::No) != Woken::No
    }

    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the time that passes is what is tested"
)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::event::Room;

    const LONG: Duration = Duration::from_secs(60);
    const SOON: Duration = Duration::from_secs(30);
    const MOMENT: Duration = Duration::from_millis(20);

    fn shared(linger: Duration) -> Shared {
        Shared {
            linger,
            ..Shared::new(Queue::new(Room::default()))
        }
    }

    /// How long a writer sleeps that is asleep when somebody wakes it.
    fn slept(shared: &Shared, longest: Option<Duration>, wake: impl FnOnce()) -> Duration {
        std::thread::scope(|scope| {
            let start = Instant::now();
            let writer = scope.spawn(|| shared.sleep(longest));
            std::thread::sleep(MOMENT);
            wake();
            assert!(writer.join().unwrap());
            start.elapsed()
        })
    }

    #[test]
    fn whoever_waits_wakes_the_writer_at_once() {
        let lingering = shared(LONG);
        assert!(slept(&lingering, None, || lingering.wake()) < SOON);
        assert!(slept(&lingering, Some(LONG), || lingering.wake()) < SOON);
        // While it waits for more events, too.
        let both = || {
            lingering.wake_soon();
            std::thread::sleep(MOMENT);
            lingering.wake();
            // It is not taken back by an event that comes then.
            lingering.wake_soon();
        };
        assert!(slept(&lingering, None, both) < SOON);
    }

    #[test]
    fn what_nobody_waits_for_is_written_in_a_moment() {
        let shared = shared(MOMENT);
        let slept = slept(&shared, None, || shared.wake_soon());
        assert!((2 * MOMENT..SOON).contains(&slept), "{slept:?}");
        // There is nothing more.
        assert!(!shared.sleep(Some(Duration::from_millis(1))));
    }

    #[test]
    fn who_looks_at_the_queue_is_not_woken_for_what_it_finds() {
        let shared = shared(LONG);
        shared.wake();
        shared.awake();
        assert!(!shared.sleep(Some(Duration::from_millis(1))));
    }
}
