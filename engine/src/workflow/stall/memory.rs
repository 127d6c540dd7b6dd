use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Config, Sample};

/// How many states in a row are looked at for a cycle: twice the longest, and three times the shorter.
pub(super) const TURNS: usize = 6;

/// How many ended attempts the pace is taken from.
const PACE: usize = 5;

/// What is kept of the samples so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// The last samples, newest last.
    window: VecDeque<Sample>,
    /// The last states that differ from the one before, newest last.
    turns: VecDeque<Turn>,
    /// Since when progress has been the same.
    level: Option<Level>,
    /// When the last attempts ended, newest last.
    ends: VecDeque<u64>,
}

/// The time that a workflow spent in one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Turn {
    pub(super) state: String,
    /// The progress when it began.
    pub(super) progress: f64,
}

/// A time in which progress stayed the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    pub(super) since_ms: u64,
    pub(super) progress: f64,
    /// How many samples showed that something had happened.
    pub(super) moves: u64,
}

impl Seen {
    /// Takes in one more sample.
    pub(super) fn add(&mut self, mut sample: Sample, config: &Config) {
        if !sample.progress.is_finite() {
            // No number is no progress; it must not poison the comparisons.
            sample.progress = 0.0;
        }
        let before = self.window.back();
        let moved = before.is_none_or(|before| sample.moved_ms > before.moved_ms);
        let ended = before.map_or(0, |before| sample.ended.saturating_sub(before.ended));
        self.note_level(&sample, moved, config.min_progress);
        self.note_turn(&sample);
        for _ in 0..ended.min(PACE as u64) {
            push(&mut self.ends, sample.at_ms, PACE);
        }
        push(&mut self.window, sample, config.window);
    }

    fn note_level(&mut self, sample: &Sample, moved: bool, min_progress: f64) {
        match &mut self.level {
            Some(level) if sample.progress - level.progress < min_progress => {
                level.moves = level.moves.saturating_add(u64::from(moved));
                // A plan that grew has less of it done; what is done from there on is progress.
                level.progress = level.progress.min(sample.progress);
            }
            level @ (Some(_) | None) => {
                *level = Some(Level {
                    since_ms: sample.at_ms,
                    progress: sample.progress,
                    moves: 1,
                });
            }
        }
    }

    fn note_turn(&mut self, sample: &Sample) {
        if self
            .turns
            .back()
            .is_none_or(|turn| turn.state != sample.state)
        {
            let turn = Turn {
                state: sample.state.clone(),
                progress: sample.progress,
            };
            push(&mut self.turns, turn, TURNS);
        }
    }

    pub(super) fn window(&self) -> &VecDeque<Sample> {
        &self.window
    }

    pub(super) fn turns(&self) -> &VecDeque<Turn> {
        &self.turns
    }

    pub(super) fn level(&self) -> Option<&Level> {
        self.level.as_ref()
    }

    /// The threshold for the pace of the last attempts; nothing is known of it before five have ended.
    pub(super) fn adapted_ms(&self, threshold_ms: u64) -> u64 {
        let (Some(first), Some(last), PACE) =
            (self.ends.front(), self.ends.back(), self.ends.len())
        else {
            return threshold_ms;
        };
        let minute_ms = 60_000;
        let steps = PACE as u64 - 1;
        let span_ms = last.saturating_sub(*first);
        if span_ms.saturating_mul(2) < steps * minute_ms {
            threshold_ms.div_ceil(2)
        } else if span_ms > steps * minute_ms * 2 {
            threshold_ms.saturating_mul(2)
        } else {
            threshold_ms
        }
    }
}

/// Adds the newest and drops what is then too old.
pub(super) fn push<T>(list: &mut VecDeque<T>, newest: T, most: usize) {
    list.push_back(newest);
    while list.len() > most {
        list.pop_front();
    }
}
