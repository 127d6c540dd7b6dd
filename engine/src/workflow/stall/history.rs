#[cfg(test)]
use std::collections::BTreeMap;
use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::memory::push;
use super::{Kind, Severity, Stall};

/// How many stalls are kept.
const MOST: usize = 100;

/// A stall that was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Past {
    /// Why the workflow did not come forward.
    pub(crate) kind: Kind,
    /// How bad it was.
    pub(crate) severity: Severity,
    /// How sure that was, from 0 to 1.
    pub(crate) confidence: f64,
    /// When it was seen, on the clock of the samples.
    pub(crate) at_ms: u64,
    /// When it was seen no more; `None` while it goes on.
    pub(crate) cleared_ms: Option<u64>,
    /// Whether a person was asked.
    pub(crate) escalated: bool,
}

/// The stalls of a workflow in numbers.
#[cfg(test)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Statistics {
    /// How many there were.
    pub(crate) total: u64,
    /// How many go on.
    pub(crate) current: usize,
    /// How long those that cleared lasted, on average; `None` if none did. Of the last 100.
    pub(crate) mean_ms: Option<u64>,
    /// How many a person was asked about.
    pub(crate) escalations: u64,
    /// The kind that was seen most often. Of the last 100.
    pub(crate) most_common: Option<Kind>,
}

/// The stalls so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct History {
    past: VecDeque<Past>,
    current: BTreeSet<Kind>,
    total: u64,
    escalations: u64,
}

impl History {
    #[cfg(test)]
    pub(super) fn past(&self) -> &VecDeque<Past> {
        &self.past
    }

    pub(super) fn goes_on(&self, kind: Kind) -> bool {
        self.current.contains(&kind)
    }

    /// The number of the next stall, from 1.
    pub(super) fn next(&self) -> u64 {
        self.total.saturating_add(1)
    }

    pub(super) fn add(&mut self, stall: &Stall, at_ms: u64) {
        self.total = self.next();
        self.escalations = self.escalations.saturating_add(u64::from(stall.escalate));
        self.current.insert(stall.kind);
        let past = Past {
            kind: stall.kind,
            severity: stall.severity,
            confidence: stall.confidence,
            at_ms,
            cleared_ms: None,
            escalated: stall.escalate,
        };
        push(&mut self.past, past, MOST);
    }

    /// Ends every stall that is not among `kinds`.
    pub(super) fn clear_others(&mut self, kinds: &BTreeSet<Kind>, at_ms: u64) {
        self.current.retain(|kind| kinds.contains(kind));
        self.past
            .iter_mut()
            .filter(|past| past.cleared_ms.is_none() && !kinds.contains(&past.kind))
            .for_each(|past| past.cleared_ms = Some(at_ms));
    }

    #[cfg(test)]
    pub(super) fn statistics(&self) -> Statistics {
        let lengths: Vec<u64> = self
            .past
            .iter()
            .filter_map(|past| Some(past.cleared_ms?.saturating_sub(past.at_ms)))
            .collect();
        let sum = lengths
            .iter()
            .fold(0_u64, |sum, length| sum.saturating_add(*length));
        let mut counts = BTreeMap::new();
        for past in &self.past {
            let count: &mut u32 = counts.entry(past.kind).or_default();
            *count = count.saturating_add(1);
        }
        Statistics {
            total: self.total,
            current: self.current.len(),
            mean_ms: sum.checked_div(lengths.len() as u64),
            escalations: self.escalations,
            most_common: counts
                .into_iter()
                .rev()
                .max_by_key(|(_, count)| *count)
                .map(|(kind, _)| kind),
        }
    }
}
