use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Cancel;

/// How often somebody who waits looks whether it still makes sense.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// The places that processes of a compiler take, and who waits for one, in order.
#[derive(Debug)]
pub(super) struct Places {
    most: u32,
    most_waiting: u32,
    taken: Mutex<Taken>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Taken {
    working: u32,
    /// Numbers of those who wait, first come first.
    waiting: VecDeque<u64>,
    next: u64,
}

/// A place that was taken; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Places);

impl Places {
    pub(super) fn new(most: u32, most_waiting: u32) -> Self {
        Self {
            most,
            most_waiting,
            taken: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Takes a place, and waits for one to be free; `None` if too many wait already, or somebody cancels.
    pub(super) fn take(&self, cancel: &Cancel) -> Option<Place<'_>> {
        let mut taken = self.taken();
        if taken.working >= self.most || !taken.waiting.is_empty() {
            if taken.waiting.len() as u64 >= u64::from(self.most_waiting) {
                return None;
            }
            let own = taken.next;
            taken.next += 1;
            taken.waiting.push_back(own);
            while taken.working >= self.most || taken.waiting.front() != Some(&own) {
                if cancel.is_cancelled() {
                    taken.waiting.retain(|number| *number != own);
                    self.changed.notify_all();
                    return None;
                }
                let woken = self.changed.wait_timeout(taken, LOOK);
                (taken, _) = woken.unwrap_or_else(PoisonError::into_inner);
            }
            taken.waiting.pop_front();
            // There may be a place for the next one, too.
            self.changed.notify_all();
        }
        taken.working += 1;
        Some(Place(self))
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.taken().waiting.len()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken().working -= 1;
        self.0.changed.notify_all();
    }
}
