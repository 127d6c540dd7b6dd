use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Counters;
use crate::types::{Action, Digest};

/// Counts what one caller does over several calls: a session of an agent, a workflow, a client.
///
/// Cheap to clone; clones count together. Policies see the counters as they were before an action.
///
/// # Example
///
/// ```
/// use engine::data::Tally;
/// use engine::Call;
/// use serde_json::json;
///
/// let tally = Tally::new();
/// let first = Call::function("count-words", json!(["a"])).tally(tally.clone());
/// let second = Call::function("count-words", json!(["b"])).tally(tally);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

/// The most capabilities that are counted one by one.
const MOST_NAMES: usize = 4096;

#[derive(Debug, Default)]
struct Counts {
    calls: u64,
    denials: u64,
    by_name: BTreeMap<String, u64>,
    last: Option<Digest>,
    repeats: u64,
}

impl Tally {
    /// Starts from nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on counting where somebody else stopped: calls, denials, and calls of each action.
    pub(crate) fn after(calls: u64, denials: u64, by_name: BTreeMap<String, u64>) -> Self {
        Self(Arc::new(Mutex::new(Counts {
            calls,
            denials,
            by_name,
            ..Counts::default()
        })))
    }

    /// What was counted before this action. It counts from now on, so that of several that are decided at the
    /// same time each sees the ones before it; dropped before it starts, it does not count any more.
    pub(crate) fn ask(&self, action: &Action) -> (Counters, Counted) {
        let same = same(action);
        let mut counts = self.lock();
        let counters = counts.counters(action, same);
        counts.repeats = counters.repeats;
        counts.last = Some(same);
        counts.calls = counts.calls.saturating_add(1);
        let known = counts.by_name.len();
        if let Some(count) = counts.by_name.get_mut(&action.name) {
            *count = count.saturating_add(1);
        } else if known < MOST_NAMES {
            counts.by_name.insert(action.name.clone(), 1);
        }
        let counted = Counted {
            tally: self.clone(),
            name: action.name.clone(),
            starts: false,
        };
        (counters, counted)
    }

    /// What was counted before this action, which is only looked at.
    pub(crate) fn look(&self, action: &Action) -> Counters {
        self.lock().counters(action, same(action))
    }

    /// Counts an action that was denied.
    pub(crate) fn denied(&self) {
        let mut counts = self.lock();
        counts.denials = counts.denials.saturating_add(1);
    }

    fn take_back(&self, name: &str) {
        let mut counts = self.lock();
        counts.calls = counts.calls.saturating_sub(1);
        if let Some(count) = counts.by_name.get_mut(name) {
            *count = count.saturating_sub(1);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        // Every change is one addition, so the counts are whole even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn counters(&self, action: &Action, same: Digest) -> Counters {
        Counters {
            calls: self.calls,
            denials: self.denials,
            of_this: self.by_name.get(&action.name).copied().unwrap_or(0),
            repeats: if self.last == Some(same) {
                self.repeats.saturating_add(1)
            } else {
                1
            },
        }
    }
}

/// Names an action by all that makes it the very same one.
fn same(action: &Action) -> Digest {
    Digest::of_parts([
        action.name.as_bytes(),
        action.digest.as_bytes(),
        action.arguments.as_bytes(),
    ])
}

/// An action that counts, and does not any more if it is dropped before it starts.
#[derive(Debug)]
pub(crate) struct Counted {
    tally: Tally,
    name: String,
    starts: bool,
}

impl Counted {
    /// It starts, and counts for ever.
    pub(crate) fn started(mut self) {
        self.starts = true;
    }

    /// It was denied.
    pub(crate) fn denied(&self) {
        self.tally.denied();
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if !self.starts {
            self.tally.take_back(&self.name);
        }
    }
}

#[cfg(test)]
mod tests;
