use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Kind;

/// What counts as a stall, and when a person is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// How long nothing may happen, in milliseconds. Default: 30,000.
    pub(crate) threshold_ms: u64,
    /// Whether the threshold follows the pace of the last five attempts: half of it above two a minute,
    /// twice of it below one in two minutes. Default: yes.
    pub(crate) adaptive: bool,
    /// How many samples are looked at together, at least 5. Default: 10.
    pub(crate) window: usize,
    /// The smallest change of progress that is one, above 0 and up to 1. Default: 0.01.
    pub(crate) min_progress: f64,
    /// At which stall a person is asked, at least 1. Default: 3.
    pub(crate) stalls: u64,
    /// Which stalls a person is asked about. Default: progressive.
    pub(crate) escalation: Escalation,
    /// What is looked for. Default: everything.
    pub(crate) kinds: BTreeSet<Kind>,
}

/// Which stalls a person is asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Escalation {
    /// None.
    None,
    /// Every one.
    Immediate,
    /// Those from the configured number on.
    #[default]
    Progressive,
    /// Those from the configured number on, and before that those with a confidence above 0.7.
    Adaptive,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            threshold_ms: 30_000,
            adaptive: true,
            window: 10,
            min_progress: 0.01,
            stalls: 3,
            escalation: Escalation::default(),
            kinds: Kind::ALL.into(),
        }
    }
}

impl Config {
    /// The fewest samples from which every kind of stall can be told.
    const FEWEST: usize = 5;

    /// The defaults for a workflow of at most `most` steps: the threshold is 45 s above 20 steps and
    /// 60 s above 50.
    pub(crate) fn for_steps(most: usize) -> Self {
        let threshold_ms = match most {
            0..=20 => 30_000,
            21..=50 => 45_000,
            51.. => 60_000,
        };
        Self {
            threshold_ms,
            ..Self::default()
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.threshold_ms == 0 {
            return Err(ConfigError::NoThreshold);
        }
        if self.window < Self::FEWEST {
            return Err(ConfigError::Window {
                asked: self.window,
                fewest: Self::FEWEST,
            });
        }
        if !(self.min_progress > 0.0 && self.min_progress <= 1.0) {
            return Err(ConfigError::MinProgress {
                asked: self.min_progress,
            });
        }
        if self.stalls == 0 {
            return Err(ConfigError::NoStalls);
        }
        Ok(())
    }

    /// Whether a person is asked about the stall of this confidence that is the `nth`, from 1.
    pub(super) fn escalates(&self, nth: u64, confidence: f64) -> bool {
        match self.escalation {
            Escalation::None => false,
            Escalation::Immediate => true,
            Escalation::Progressive => nth >= self.stalls,
            Escalation::Adaptive => nth >= self.stalls || confidence > 0.7,
        }
    }
}

/// A configuration that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// Everything would be a stall.
    #[error("a stall threshold of 0 ms makes everything a stall: the smallest is 1 ms")]
    NoThreshold,
    /// Some kinds could never be told.
    #[error("a window of {asked} samples shows too little: the smallest is {fewest}")]
    Window {
        /// What was asked for.
        asked: usize,
        /// The smallest that does.
        fewest: usize,
    },
    /// Nothing, or everything, would be progress.
    #[error("a smallest progress of {asked} is not above 0 and up to 1")]
    MinProgress {
        /// What was asked for.
        asked: f64,
    },
    /// There is no stall before the first.
    #[error("asking a person at stall 0 comes before any stall: the smallest is 1")]
    NoStalls,
}
