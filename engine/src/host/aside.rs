use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

/// Work that a host function has begun and waits for.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work for a guest that is done on the stack of the thread, and not on the guest's own.
///
/// A guest's stack is small, and what looks for the end of its stack, as Cedar does, does not find it there. So a host
/// function leaves such work here and waits, and whoever polls the guest polls the work as well. It is dropped with whoever
/// polls it: nothing of it goes on when its guest was stopped.
#[derive(Default)]
pub(crate) struct Aside(Mutex<Option<Work>>);

impl Aside {
    /// Leaves work to be done. A guest waits for it, so there is one at a time.
    pub(super) fn begin(&self, work: Work) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(work);
    }

    /// Goes on with the work, if there is some.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) {
        let slot = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let work = slot().take();
        if let Some(mut work) = work
            && work.as_mut().poll(cx) == Poll::Pending
        {
            *slot() = Some(work);
        }
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside").finish_non_exhaustive()
    }
}
