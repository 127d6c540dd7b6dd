//! What a workflow has used, and what is left.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Known, Most, Output};
use crate::event::EventKind;
use crate::types::Usage;
use crate::workflow::plan::ResourceLimits;

/// The share of a budget at which it is warned of.
const WARNED_AT: f64 = 0.8;

/// The budgets of a workflow. A budget can be spent to the last unit; what would need more of it is refused.
///
/// A running call has the most that it may use set aside, so that calls at the same time cannot pass a budget
/// together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Budgets {
    limits: ResourceLimits,
    spent: Spent,
    /// Set aside for running calls.
    aside: Spent,
    warned: Vec<&'static str>,
    of: BTreeMap<String, u64>,
    total: Usage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent {
    calls: u64,
    fuel: u64,
    wall_ms: u64,
    output: u64,
}

/// Why a call cannot start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Short {
    /// What is left is set aside for calls that run.
    ForNow,
    /// It is spent: which budget, what was used of it, and how large it was.
    Spent {
        budget: String,
        used: u64,
        maximum: u64,
    },
}

impl Budgets {
    pub(super) fn new(limits: ResourceLimits) -> Self {
        Self {
            limits,
            spent: Spent::default(),
            aside: Spent::default(),
            warned: Vec::new(),
            of: BTreeMap::new(),
            total: Usage::default(),
        }
    }

    /// The sum over all calls.
    pub(super) fn total(&self) -> Usage {
        self.total
    }

    /// How many calls there were.
    pub(super) fn calls(&self) -> u64 {
        self.spent.calls
    }

    /// Sets aside what a call may use.
    pub(super) fn take(&mut self, capability: &str, known: &Known) -> Result<Most, Short> {
        let limits = &self.limits;
        let of = self.of.get(capability).copied().unwrap_or(0);
        if let Some(most) = limits.max_calls_of.get(capability)
            && of >= *most
        {
            return Err(Short::Spent {
                budget: format!("calls of `{capability}`"),
                used: of,
                maximum: *most,
            });
        }
        if let Some(most) = limits.max_calls
            && self.spent.calls >= most
        {
            return Err(Short::Spent {
                budget: "calls".to_owned(),
                used: self.spent.calls,
                maximum: most,
            });
        }
        let left = |budget: &str, most: Option<u64>, spent: u64, aside: u64, wanted: u64| {
            let Some(most) = most else {
                return Ok(wanted);
            };
            if spent >= most {
                return Err(Short::Spent {
                    budget: budget.to_owned(),
                    used: spent,
                    maximum: most,
                });
            }
            match most.saturating_sub(spent).saturating_sub(aside) {
                0 => Err(Short::ForNow),
                left => Ok(wanted.min(left)),
            }
        };
        let most = Most {
            fuel: left(
                "fuel",
                limits.max_fuel,
                self.spent.fuel,
                self.aside.fuel,
                known.fuel,
            )?,
            wall_ms: left(
                "wall_ms",
                limits.max_wall_ms,
                self.spent.wall_ms,
                self.aside.wall_ms,
                known.wall_ms,
            )?,
            output_bytes: left(
                "output_bytes",
                limits.max_output_bytes,
                self.spent.output,
                self.aside.output,
                known.output_bytes,
            )?,
        };
        self.spent.calls = self.spent.calls.saturating_add(1);
        *self.of.entry(capability.to_owned()).or_insert(0) += 1;
        self.aside.fuel = self.aside.fuel.saturating_add(most.fuel);
        self.aside.wall_ms = self.aside.wall_ms.saturating_add(most.wall_ms);
        self.aside.output = self.aside.output.saturating_add(most.output_bytes);
        Ok(most)
    }

    /// Takes back a call that was never made.
    pub(super) fn untake(&mut self, capability: &str, most: Most) {
        self.spent.calls = self.spent.calls.saturating_sub(1);
        if let Some(of) = self.of.get_mut(capability) {
            *of = of.saturating_sub(1);
        }
        self.put_back(most);
    }

    fn put_back(&mut self, most: Most) {
        self.aside.fuel = self.aside.fuel.saturating_sub(most.fuel);
        self.aside.wall_ms = self.aside.wall_ms.saturating_sub(most.wall_ms);
        self.aside.output = self.aside.output.saturating_sub(most.output_bytes);
    }

    /// Counts what a call used, its result included, and gives back the rest.
    pub(super) fn spend(&mut self, most: Option<Most>, usage: &Usage, output: Option<&Output>) {
        if let Some(most) = most {
            self.put_back(most);
        }
        self.total = self.total.and(usage);
        let wall = u64::try_from(usage.wall.as_millis()).unwrap_or(u64::MAX);
        self.spent.fuel = self.spent.fuel.saturating_add(usage.fuel);
        self.spent.wall_ms = self.spent.wall_ms.saturating_add(wall);
        let (stdout, stderr) = (usage.stdout.get(), usage.stderr.get());
        let result = output.map_or(0, |output| output.bytes);
        for bytes in [stdout, stderr, result] {
            self.spent.output = self.spent.output.saturating_add(bytes);
        }
    }

    /// Counts calls that are made besides the steps.
    pub(super) fn count(&mut self, calls: u64, usage: &Usage) {
        self.spent.calls = self.spent.calls.saturating_add(calls);
        self.spend(None, usage, None);
    }

    /// Warns once of each budget that is close to its end, and not at it.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of a budget need not be exact"
    )]
    pub(super) fn warnings(&mut self) -> Vec<EventKind> {
        let budgets = [
            ("calls", self.limits.max_calls, self.spent.calls),
            ("fuel", self.limits.max_fuel, self.spent.fuel),
            ("wall_ms", self.limits.max_wall_ms, self.spent.wall_ms),
            (
                "output_bytes",
                self.limits.max_output_bytes,
                self.spent.output,
            ),
        ];
        let mut warnings = Vec::new();
        for (name, most, used) in budgets {
            let Some(most) = most.filter(|most| used < *most) else {
                continue;
            };
            let fraction = used as f64 / most as f64;
            if (fraction >= WARNED_AT || most - used == 1)
                && used > 0
                && !self.warned.contains(&name)
            {
                self.warned.push(name);
                warnings.push(EventKind::BudgetWarned {
                    budget: name.to_owned(),
                    used,
                    maximum: most,
                    fraction,
                });
            }
        }
        warnings
    }

    /// The event of a budget that is spent.
    pub(super) fn exceeded(&self, budget: &str, used: u64, maximum: u64) -> EventKind {
        EventKind::BudgetExceeded {
            budget: budget.to_owned(),
            used,
            maximum,
            partial_usage: self.total,
        }
    }
}

/// What was used, as it is read back from the text of an input: whoever replays inputs counts the same.
pub(super) fn as_written(usage: &Usage) -> Usage {
    // In text, times are milliseconds to the microsecond.
    let rounded = |time: Duration| {
        let ms = (time.as_secs_f64() * 1e6).round() / 1e3;
        let read = Duration::try_from_secs_f64(ms / 1e3);
        read.unwrap_or(time)
    };
    Usage {
        wall: rounded(usage.wall),
        cpu: rounded(usage.cpu),
        ..*usage
    }
}
