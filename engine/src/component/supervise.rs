use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

use crate::host::{Aside, Record};
use crate::types::{Clock, WallTime};

/// Asks a call to stop. Clones ask the same call.
///
/// # Example
///
/// ```
/// let cancel = engine::data::Cancel::new();
/// let asked = cancel.clone();
/// asked.cancel();
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    asked: AtomicBool,
    notify: Notify,
}

impl Cancel {
    /// Makes one that nobody has used.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks. A guest that computes stops at its next yield, one that waits at once; both within
    /// milliseconds.
    pub fn cancel(&self) {
        self.0.asked.store(true, Ordering::Release);
        self.0.notify.notify_waiters();
    }

    /// Waits until somebody asks.
    pub(crate) async fn asked(&self) {
        let mut notified = pin!(self.0.notify.notified());
        // Registered before the flag is looked at, so that no cancellation falls between the two.
        notified.as_mut().enable();
        if !self.is_cancelled() {
            notified.await;
        }
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.asked.load(Ordering::Acquire)
    }
}

/// Watches a guest while it runs: the deadline, cancellation, processor time, output that waits.
#[derive(Debug)]
pub(super) struct Supervisor {
    clock: Arc<dyn Clock>,
    cancel: Cancel,
    record: Arc<Record>,
    /// What is done for the guest beside it.
    aside: Arc<Aside>,
    started: Duration,
    deadline: Duration,
    cpu: Duration,
    /// What the thread's processor time was when the guest last stopped of itself, for whoever goes on at once: to read it is
    /// a call of the system.
    read: Option<Duration>,
}

/// Why a guest was stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Deadline,
    Cancelled,
}

impl Supervisor {
    /// The clock starts now.
    pub(super) fn new(
        clock: Arc<dyn Clock>,
        cancel: Cancel,
        record: Arc<Record>,
        aside: Arc<Aside>,
        wall: WallTime,
    ) -> Self {
        let started = clock.elapsed();
        let deadline = started.saturating_add(wall.get());
        aside.ends_at(clock.clone(), deadline);
        Self {
            clock,
            cancel,
            record,
            aside,
            started,
            deadline,
            cpu: Duration::ZERO,
            read: None,
        }
    }

    /// The clock that the guest's time is measured with.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Whether it is time to stop, for work of the host on the guest's account.
    pub(super) fn overdue(&self) -> Option<Stopped> {
        if self.cancel.is_cancelled() {
            Some(Stopped::Cancelled)
        } else if self.clock.elapsed() >= self.deadline {
            Some(Stopped::Deadline)
        } else {
            None
        }
    }

    /// Time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.elapsed().saturating_sub(self.started)
    }

    /// Processor time of everything that was watched.
    pub(super) fn cpu(&self) -> Duration {
        self.cpu
    }

    /// Polls a guest's future until it is done, its time is over, or somebody cancels.
    ///
    /// A guest that computes yields every tenth of a millisecond, and each time the deadline is looked
    /// at before it goes on; so a timer that starves does not matter. For a guest that waits in a host
    /// call there is a timer as well. The future is dropped by the caller, with the guest inside it.
    pub(super) async fn watch<F: Future>(
        &mut self,
        mut guest: Pin<&mut F>,
    ) -> Result<F::Output, Stopped> {
        // Made at the first wait: most calls end without one.
        let mut timer = pin!(None::<Sleep>);
        let cancel = self.cancel.clone();
        let mut cancelled = pin!(cancel.asked());
        let mut relay = None;
        poll_fn(|cx| {
            let before = self.read.take().unwrap_or_else(|| self.clock.thread_cpu());
            let turned = self.turn(guest.as_mut(), Relay::to(&mut relay, cx.waker()));
            let after = self.clock.thread_cpu();
            self.cpu += after.saturating_sub(before);
            let waits = match turned {
                Err(stopped) => return Poll::Ready(Err(stopped)),
                Ok(Turned::Done(output)) => {
                    self.read = Some(after);
                    return Poll::Ready(Ok(output));
                }
                Ok(Turned::Waits) => true,
                Ok(Turned::Yields) => false,
            };
            let now = self.clock.elapsed();
            let mut wake_at = self.deadline;
            if let Some(flush_at) = self.record.flush_at() {
                if now >= flush_at {
                    self.record.flush();
                } else {
                    wake_at = wake_at.min(flush_at);
                }
            }
            if !waits {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            // Whoever cancels from here on wakes this up; most calls end without a wait.
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Stopped::Cancelled));
            }
            timer.set(Some(sleep(wake_at.saturating_sub(now))));
            if timer
                .as_mut()
                .as_pin_mut()
                .is_some_and(|timer| timer.poll(cx).is_ready())
            {
                // Already due: look at everything again.
                cx.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await
    }

    /// Polls a guest until it is done, waits for something else, or has had its turn.
    fn turn<F: Future>(
        &self,
        mut guest: Pin<&mut F>,
        relay: &Arc<Relay>,
    ) -> Result<Turned<F::Output>, Stopped> {
        let waker = Waker::from(relay.clone());
        let mut cx = TaskContext::from_waker(&waker);
        for _ in 0..AT_A_TIME {
            if let Some(stopped) = self.overdue() {
                return Err(stopped);
            }
            relay.begin();
            if let Poll::Ready(output) = guest.as_mut().poll(&mut cx) {
                return Ok(Turned::Done(output));
            }
            let beside = self.aside.poll(&mut cx);
            if !relay.end() {
                return Ok(Turned::Waits);
            }
            // What is done beside it had a turn of its own, and turns are not to multiply.
            if beside {
                return Ok(Turned::Yields);
            }
        }
        Ok(Turned::Yields)
    }
}

/// How often a guest that computes goes on before other tasks of the thread have their turn, about a millisecond.
const AT_A_TIME: u32 = 8;

/// What a guest did when it was polled.
enum Turned<T> {
    Done(T),
    /// It computes, and there is more to do.
    Yields,
    /// It waits for something else.
    Waits,
}

/// Keeps a wake-up that comes while the guest is polled, which is how a guest that computes yields, and passes others on: to
/// go through the runtime takes some calls of the system.
struct Relay {
    to: Waker,
    polling: AtomicBool,
    woken: AtomicBool,
}

impl Relay {
    /// The relay to a waker, as long as that stays the same.
    fn to<'a>(kept: &'a mut Option<Arc<Self>>, waker: &Waker) -> &'a Arc<Self> {
        kept.take_if(|relay| !relay.to.will_wake(waker));
        kept.get_or_insert_with(|| {
            Arc::new(Self {
                to: waker.clone(),
                polling: AtomicBool::new(false),
                woken: AtomicBool::new(false),
            })
        })
    }

    /// Wake-ups of before do not count.
    fn begin(&self) {
        // Whoever was overwritten has to be heard: the poll sees what came before that wake-up.
        self.woken.swap(false, Ordering::SeqCst);
        self.polling.store(true, Ordering::SeqCst);
    }

    /// Whether there was a wake-up since the beginning; later ones are passed on.
    fn end(&self) -> bool {
        self.polling.store(false, Ordering::SeqCst);
        self.woken.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if !self.polling.load(Ordering::SeqCst) {
            self.to.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;
    use crate::event::Emitter;
    use crate::types::{Bytes, RunId, Timestamp};

    /// It goes on without time.
    #[derive(Debug)]
    struct Still;

    impl Clock for Still {
        fn timestamp(&self) -> Timestamp {
            Timestamp::MIN
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }

        fn thread_cpu(&self) -> Duration {
            Duration::ZERO
        }
    }

    fn supervisor() -> Supervisor {
        let emitter = Emitter::new(RunId::fresh(), Arc::new(Still), Arc::new([]));
        let record = Record::new(Arc::new(emitter), Arc::new(Still), Bytes::mib(1), None);
        let (record, cancel) = (Arc::new(record), Cancel::new());
        let wall = WallTime::millis(1_000);
        Supervisor::new(Arc::new(Still), cancel, record, Arc::default(), wall)
    }

    #[derive(Default)]
    struct Counts(AtomicU32);

    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_wake_up_while_the_guest_is_polled_is_kept_and_others_are_passed_on() {
        let counts = Arc::new(Counts::default());
        let passed = || counts.0.load(Ordering::Relaxed);
        let (waker, mut kept) = (Waker::from(counts.clone()), None);
        let relay = Relay::to(&mut kept, &waker).clone();
        let own = Waker::from(relay.clone());
        relay.begin();
        own.wake_by_ref();
        assert!(relay.end());
        assert_eq!(passed(), 0);
        relay.begin();
        assert!(!relay.end());
        own.wake_by_ref();
        assert_eq!(passed(), 1);
        // What was passed on is no wake-up of the next poll.
        relay.begin();
        assert!(!relay.end());
        assert!(Arc::ptr_eq(Relay::to(&mut kept, &waker), &relay));
        let other = Waker::from(Arc::new(Counts::default()));
        assert!(!Arc::ptr_eq(Relay::to(&mut kept, &other), &relay));
    }

    #[test]
    fn who_computes_lets_others_have_their_turn_however_deep_it_was_called() {
        let (counts, polls) = (Arc::new(Counts::default()), Arc::new(Counts::default()));
        let told = |of: &Counts| of.0.load(Ordering::Relaxed);
        let waker = Waker::from(counts.clone());
        let mut cx = TaskContext::from_waker(&waker);
        let computes = {
            let polls = polls.clone();
            poll_fn(move |cx| {
                polls.0.fetch_add(1, Ordering::Relaxed);
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
        };
        let mut called = supervisor();
        let work = async move { called.watch(pin!(computes)).await.map_or((), |()| ()) };
        let (mut middle, mut caller) = (supervisor(), supervisor());
        middle.aside.begin(Box::pin(work));
        let work = async move {
            let waits = pin!(std::future::pending::<()>());
            middle.watch(waits).await.map_or((), |()| ())
        };
        caller.aside.begin(Box::pin(work));
        let waits = pin!(std::future::pending::<()>());
        let mut watched = pin!(caller.watch(waits));
        for round in 1..=3 {
            assert!(watched.as_mut().poll(&mut cx).is_pending());
            assert_eq!((told(&polls), told(&counts)), (round * AT_A_TIME, round));
        }
    }
}
