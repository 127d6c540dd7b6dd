use std::collections::BTreeMap;
#[cfg(test)]
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::history::History;
use super::memory::Seen;
use super::signs::{Sign, View};
use super::{Config, ConfigError, Intervention, Kind, Sample, Severity};
#[cfg(test)]
use super::{Past, Statistics};

/// A sign with more confidence than this is a stall.
const SURE: f64 = 0.5;

/// A workflow does not come forward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stall {
    /// Why it does not.
    pub(crate) kind: Kind,
    /// How bad that is.
    pub(crate) severity: Severity,
    /// How sure it is, above 0.5 and up to 1.
    pub(crate) confidence: f64,
    /// For how many milliseconds, how often or how much, as the evidence says.
    pub(crate) count: u64,
    /// What was seen, in a sentence.
    pub(crate) evidence: String,
    /// What could help, most urgent first.
    pub(crate) interventions: Vec<Intervention>,
    /// Whether a person is to be asked, whatever could help.
    pub(crate) escalate: bool,
}

/// Watches one workflow, from sample to sample.
///
/// The same samples give the same stalls, always. All of it can be stored and read back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Detector {
    config: Config,
    /// The least threshold that somebody asked for.
    least_ms: u64,
    seen: Seen,
    history: History,
}

impl Detector {
    /// Starts with a workflow of which nothing is known.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the bound, if a number in `config` is outside of it.
    pub(crate) fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            least_ms: 0,
            seen: Seen::default(),
            history: History::default(),
        })
    }

    /// Takes in how the workflow is now, and returns the stalls that began, in the order of their kinds.
    ///
    /// A stall is told once, until a sample shows that it is over. How often a failure comes is counted
    /// from the first sample on, so that one belongs before the first step. A workflow that is paused or
    /// has ended is not to be observed.
    pub(crate) fn observe(&mut self, sample: Sample) -> Vec<Stall> {
        let at_ms = sample.at_ms;
        self.seen.add(sample, &self.config);
        let threshold_ms = self.threshold_ms();
        let signs = self.sure_signs(threshold_ms);
        self.history
            .clear_others(&signs.keys().copied().collect(), at_ms);
        let mut stalls = Vec::new();
        for (kind, sign) in signs {
            if self.history.goes_on(kind) {
                continue;
            }
            let stall = Stall {
                kind,
                severity: sign.severity,
                confidence: sign.confidence,
                count: sign.count,
                evidence: sign.evidence,
                interventions: kind.interventions(threshold_ms),
                escalate: self.config.escalates(self.history.next(), sign.confidence),
            };
            self.history.add(&stall, at_ms);
            stalls.push(stall);
        }
        stalls
    }

    /// Makes the threshold at least this long from now on; what `IncreaseTimeout` asks for.
    pub(crate) fn wait_at_least(&mut self, threshold_ms: u64) {
        self.least_ms = self.least_ms.max(threshold_ms);
    }

    /// How long nothing may happen now, in milliseconds.
    pub(crate) fn threshold_ms(&self) -> u64 {
        let base_ms = self.config.threshold_ms;
        let adapted_ms = if self.config.adaptive {
            self.seen.adapted_ms(base_ms)
        } else {
            base_ms
        };
        adapted_ms.max(self.least_ms)
    }

    /// The last 100 stalls, oldest first.
    #[cfg(test)]
    pub(crate) fn history(&self) -> &VecDeque<Past> {
        self.history.past()
    }

    /// The stalls so far in numbers.
    #[cfg(test)]
    pub(crate) fn statistics(&self) -> Statistics {
        self.history.statistics()
    }

    /// The surest sign of each kind that is looked for.
    fn sure_signs(&self, threshold_ms: u64) -> BTreeMap<Kind, Sign> {
        let mut sure: BTreeMap<Kind, Sign> = BTreeMap::new();
        let Some(now) = self.seen.window().back() else {
            return sure;
        };
        let view = View {
            now,
            seen: &self.seen,
            threshold_ms,
            min_progress: self.config.min_progress,
        };
        for sign in view.signs() {
            let wanted = self.config.kinds.contains(&sign.kind) && sign.confidence > SURE;
            let surer = sure
                .get(&sign.kind)
                .is_none_or(|other| sign.confidence > other.confidence);
            if wanted && surer {
                sure.insert(sign.kind, sign);
            }
        }
        sure
    }
}
