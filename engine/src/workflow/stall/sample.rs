use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::Bytes;

/// What a workflow looks like at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Milliseconds, on a clock that never goes back.
    pub(crate) at_ms: u64,
    /// When, on the same clock, a step last started or ended, or a running call last told something.
    pub(crate) moved_ms: u64,
    /// The part of the work that is done, from 0 to 1.
    pub(crate) progress: f64,
    /// What the workflow does, named the same whenever it does the same. A retry is nothing else.
    pub(crate) state: String,
    /// What the running steps hold together.
    pub(crate) memory: Bytes,
    /// Steps that run. One that waits for something outside is not among them.
    pub(crate) running: usize,
    /// Those of the running ones that are within their own time limit, since their first attempt; and those that wait
    /// until they are tried again.
    pub(crate) on_time: usize,
    /// Steps that have still to start.
    pub(crate) queued: usize,
    /// Those of the queued ones that wait for another step. One that waits to be tried again does not.
    pub(crate) blocked: usize,
    /// Since when, on the same clock, a step waits for something outside: an approval, the network.
    pub(crate) waiting_since_ms: Option<u64>,
    /// Attempts that ended so far, however they did.
    pub(crate) ended: u64,
    /// Those of the ended ones that failed, by the code of the failure.
    pub(crate) failures: BTreeMap<String, u64>,
}

impl Sample {
    /// For how long nothing happened.
    pub(super) fn still_ms(&self) -> u64 {
        self.at_ms.saturating_sub(self.moved_ms)
    }

    /// For how long a step has waited for something outside; 0 if none does.
    pub(super) fn waited_ms(&self) -> u64 {
        self.waiting_since_ms
            .map_or(0, |since_ms| self.at_ms.saturating_sub(since_ms))
    }

    /// Whether every step that is left waits for another one.
    pub(super) fn deadlocked(&self) -> bool {
        self.queued > 0
            && self.blocked >= self.queued
            && self.running == 0
            && self.waiting_since_ms.is_none()
    }

    /// Whether something particular explains that nothing moves.
    pub(super) fn explained(&self) -> bool {
        let waits = self.waiting_since_ms.is_some() && self.running == 0;
        self.on_time > 0 || waits || self.deadlocked()
    }
}
