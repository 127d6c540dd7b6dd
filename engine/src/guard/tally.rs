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

    /// What was counted before this action, which now counts as asked for.
    pub(crate) fn ask(&self, action: &Action) -> Counters {
        let same = Digest::of_parts([
            action.name.as_bytes(),
            action.digest.as_bytes(),
            action.arguments.as_bytes(),
        ]);
        let mut counts = self.lock();
        counts.repeats = if counts.last == Some(same) {
            counts.repeats.saturating_add(1)
        } else {
            1
        };
        counts.last = Some(same);
        Counters {
            calls: counts.calls,
            denials: counts.denials,
            of_this: counts.by_name.get(&action.name).copied().unwrap_or(0),
            repeats: counts.repeats,
        }
    }

    /// Counts a call that starts.
    pub(crate) fn started(&self, name: &str) {
        let mut counts = self.lock();
        counts.calls = counts.calls.saturating_add(1);
        if let Some(count) = counts.by_name.get_mut(name) {
            *count = count.saturating_add(1);
        } else if counts.by_name.len() < MOST_NAMES {
            counts.by_name.insert(name.to_owned(), 1);
        }
    }

    /// Counts an action that was denied.
    pub(crate) fn denied(&self) {
        let mut counts = self.lock();
        counts.denials = counts.denials.saturating_add(1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        // Every change is one addition, so the counts are whole even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
