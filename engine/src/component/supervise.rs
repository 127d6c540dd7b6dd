use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
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
    pub(super) async fn watch<F: Future>(&mut self, guest: F) -> Result<F::Output, Stopped> {
        let mut guest = pin!(guest);
        // Made at the first wait: most calls end without one.
        let mut timer = pin!(None::<Sleep>);
        let cancel = self.cancel.clone();
        let mut cancelled = pin!(cancel.asked());
        poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Stopped::Cancelled));
            }
            let now = self.clock.elapsed();
            if now >= self.deadline {
                return Poll::Ready(Err(Stopped::Deadline));
            }
            let before = self.read.take().unwrap_or_else(|| self.clock.thread_cpu());
            let polled = guest.as_mut().poll(cx);
            if polled.is_pending() {
                self.aside.poll(cx);
            }
            let after = self.clock.thread_cpu();
            self.cpu += after.saturating_sub(before);
            if let Poll::Ready(output) = polled {
                self.read = Some(after);
                return Poll::Ready(Ok(output));
            }
            let mut wake_at = self.deadline;
            if let Some(flush_at) = self.record.flush_at() {
                if now >= flush_at {
                    self.record.flush();
                } else {
                    wake_at = wake_at.min(flush_at);
                }
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
}
