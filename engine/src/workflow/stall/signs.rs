use super::memory::{Seen, TURNS};
use super::{Kind, Sample, Severity};
use crate::types::{Bytes, line};

/// How many bytes of a state or an error code stand in the evidence.
const NAME: usize = 60;

/// A sign of a stall.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sign {
    pub(super) kind: Kind,
    pub(super) severity: Severity,
    /// From 0 to 1.
    pub(super) confidence: f64,
    /// For how many milliseconds, or how often, as the evidence says.
    pub(super) count: u64,
    pub(super) evidence: String,
}

/// What the signs are looked for in.
pub(super) struct View<'a> {
    pub(super) now: &'a Sample,
    pub(super) seen: &'a Seen,
    pub(super) threshold_ms: u64,
    pub(super) min_progress: f64,
}

impl View<'_> {
    /// Every sign there is, however weak.
    pub(super) fn signs(&self) -> Vec<Sign> {
        [
            self.time(),
            self.stagnation(),
            self.resource(),
            self.deadlock(),
            self.cycle(),
            self.repeated_error(),
            self.most_fail(),
            self.leak(),
            self.wait(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn time(&self) -> Option<Sign> {
        if self.now.explained() {
            return None;
        }
        let still_ms = self.now.still_ms();
        let times = ratio(still_ms, self.threshold_ms);
        Some(Sign {
            kind: Kind::TimeBased,
            severity: by_length(times),
            confidence: portion(times - 1.0),
            count: still_ms,
            evidence: format!(
                "nothing happened for {still_ms} ms, {times:.1} times the threshold of {} ms",
                self.threshold_ms
            ),
        })
    }

    fn stagnation(&self) -> Option<Sign> {
        let level = self.seen.level()?;
        let long_ms = self.now.at_ms.saturating_sub(level.since_ms);
        if self.now.explained()
            || self.period().is_some()
            || level.moves < 3
            || long_ms <= self.threshold_ms
        {
            return None;
        }
        let change = self.now.progress - level.progress;
        Some(Sign {
            kind: Kind::ProgressStagnation,
            severity: Severity::Medium,
            confidence: portion(1.0 - change / self.min_progress),
            count: level.moves,
            evidence: format!(
                "something happened {} times in {long_ms} ms, and progress changed by {change:.4} to {:.4}",
                level.moves, self.now.progress
            ),
        })
    }

    fn resource(&self) -> Option<Sign> {
        let before = self.seen.window().iter().rev().nth(1)?;
        if before.memory == Bytes::ZERO || self.comes_forward(before.progress) {
            return None;
        }
        let growth = ratio(self.now.memory.get(), before.memory.get());
        Some(Sign {
            kind: Kind::Resource,
            severity: Severity::High,
            confidence: portion((growth - 1.0) / 2.0),
            count: self.now.memory.get(),
            evidence: format!(
                "memory went from {} to {} bytes, {growth:.1} times as much, at a progress of {:.4}",
                before.memory.get(),
                self.now.memory.get(),
                self.now.progress
            ),
        })
    }

    fn deadlock(&self) -> Option<Sign> {
        self.now.deadlocked().then(|| Sign {
            kind: Kind::DependencyDeadlock,
            severity: Severity::Critical,
            confidence: 1.0,
            count: self.now.blocked as u64,
            evidence: format!(
                "no step runs, and all {} that are left wait for another one",
                self.now.queued
            ),
        })
    }

    fn cycle(&self) -> Option<Sign> {
        let period = self.period()?;
        let states: Vec<String> = self
            .seen
            .turns()
            .iter()
            .take(period)
            .map(|turn| format!("`{}`", line(&turn.state, NAME)))
            .collect();
        let times = TURNS / period;
        Some(Sign {
            kind: Kind::Cyclical,
            severity: Severity::High,
            confidence: 0.8,
            count: times as u64,
            evidence: format!(
                "{} came {times} times in a row, at a progress of {:.4}",
                states.join(", "),
                self.now.progress
            ),
        })
    }

    /// How many states are in the cycle that the workflow goes round in, if it does.
    ///
    /// States in a row differ, so one that stays is no cycle.
    fn period(&self) -> Option<usize> {
        let turns = self.seen.turns();
        if turns.len() < TURNS {
            return None;
        }
        (2..=3).find(|period| {
            let repeats = turns
                .iter()
                .zip(turns.iter().skip(*period))
                .all(|(turn, later)| turn.state == later.state);
            // The earliest turn in the state of now: progress is compared like with like.
            let alike = turns.get((TURNS - 1) % period);
            repeats && alike.is_some_and(|turn| !self.comes_forward(turn.progress))
        })
    }

    fn repeated_error(&self) -> Option<Sign> {
        let first = self.seen.window().front()?;
        let (code, count) = self
            .now
            .failures
            .iter()
            .map(|(code, count)| {
                let before = first.failures.get(code).copied().unwrap_or(0);
                (code, count.saturating_sub(before))
            })
            // Of several, the first in the order of their codes.
            .rev()
            .max_by_key(|(_, count)| *count)?;
        let sum = count.saturating_add(2);
        Some(Sign {
            kind: Kind::ErrorCascade,
            severity: Severity::High,
            confidence: ratio(count, sum),
            count,
            evidence: format!(
                "`{}` came {count} times within {} ms",
                line(code, NAME),
                self.now.at_ms.saturating_sub(first.at_ms)
            ),
        })
    }

    fn most_fail(&self) -> Option<Sign> {
        let failed = self
            .now
            .failures
            .values()
            .fold(0_u64, |sum, count| sum.saturating_add(*count));
        if self.now.ended < 4 {
            return None;
        }
        Some(Sign {
            kind: Kind::ErrorCascade,
            severity: Severity::High,
            confidence: portion(ratio(failed, self.now.ended)),
            count: failed,
            evidence: format!("{failed} of {} attempts failed", self.now.ended),
        })
    }

    fn leak(&self) -> Option<Sign> {
        let window = self.seen.window();
        let grown = window
            .iter()
            .rev()
            .zip(window.iter().rev().skip(1))
            .take_while(|(later, earlier)| later.memory > earlier.memory)
            .count();
        let first = window.iter().rev().nth(grown)?;
        let points = grown.saturating_add(1);
        if points < 5 || first.memory == Bytes::ZERO || self.comes_forward(first.progress) {
            return None;
        }
        let growth = ratio(self.now.memory.get(), first.memory.get());
        Some(Sign {
            kind: Kind::MemoryLeak,
            severity: Severity::High,
            confidence: portion(growth - 1.0),
            count: points as u64,
            evidence: format!(
                "memory grew in each of {points} samples, from {} to {} bytes, at a progress of {:.4}",
                first.memory.get(),
                self.now.memory.get(),
                self.now.progress
            ),
        })
    }

    fn wait(&self) -> Option<Sign> {
        self.now.waiting_since_ms?;
        let waited_ms = self.now.waited_ms();
        let times = ratio(waited_ms, self.threshold_ms);
        Some(Sign {
            kind: Kind::ExternalWait,
            severity: by_length(times),
            // Above a half from the threshold on.
            confidence: portion(times / 2.0),
            count: waited_ms,
            evidence: format!(
                "a step has waited {waited_ms} ms for something outside, above the threshold of {} ms",
                self.threshold_ms
            ),
        })
    }

    /// Whether progress is made since it was `before`.
    fn comes_forward(&self, before: f64) -> bool {
        self.now.progress - before >= self.min_progress
    }
}

fn by_length(times: f64) -> Severity {
    if times > 3.0 {
        Severity::Critical
    } else if times > 2.0 {
        Severity::High
    } else {
        Severity::Medium
    }
}

fn portion(number: f64) -> f64 {
    number.clamp(0.0, 1.0)
}

/// A quotient for people and thresholds; exact up to 2^53.
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
