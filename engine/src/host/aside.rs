use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use crate::types::Clock;

/// Work that a host function has begun and waits for.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work for a guest that is done on the stack of the thread, and not on the guest's own.
///
/// A guest's stack is small, and what looks for the end of its stack, as Cedar does, does not find it there. So a host
/// function leaves such work here and waits, and whoever polls the guest polls the work as well. It is dropped with whoever
/// polls it: nothing of it goes on when its guest was stopped.
#[derive(Default)]
pub(crate) struct Aside {
    work: Mutex<Option<Work>>,
    /// When the guest's time is over, by this clock.
    until: OnceLock<(Arc<dyn Clock>, Duration)>,
}

/// How much sooner than its caller an action ends.
const SOONER: Duration = Duration::from_millis(2);

impl Aside {
    /// Leaves work to be done. A guest waits for it, so there is one at a time.
    pub(crate) fn begin(&self, work: Work) {
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
    }

    /// The guest's time is over then; told once.
    pub(crate) fn ends_at(&self, clock: Arc<dyn Clock>, deadline: Duration) {
        self.until.set((clock, deadline)).ok();
    }

    /// How much time there is for work, so that it ends a little before the guest is stopped; `None` if nobody knows.
    pub(super) fn left(&self) -> Option<Duration> {
        let (clock, deadline) = self.until.get()?;
        let left = deadline.saturating_sub(clock.elapsed());
        Some(left.saturating_sub(SOONER).max(Duration::from_millis(1)))
    }

    /// Goes on with the work, if there is some, and says whether more of it is left.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> bool {
        let slot = || self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let work = slot().take();
        if let Some(mut work) = work
            && work.as_mut().poll(cx) == Poll::Pending
        {
            *slot() = Some(work);
            return true;
        }
        false
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside").finish_non_exhaustive()
    }
}
