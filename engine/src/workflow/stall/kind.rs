use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a workflow does not come forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Nothing happens, and nothing that is known explains it.
    TimeBased,
    /// Steps start, end and tell things, and no more of the work is done.
    ProgressStagnation,
    /// Memory more than doubled at once, for nothing.
    Resource,
    /// Every step that is left waits for another one.
    DependencyDeadlock,
    /// Two or three states come again and again.
    Cyclical,
    /// One failure comes often, or most attempts fail.
    ErrorCascade,
    /// Memory grows and grows, for nothing.
    MemoryLeak,
    /// A step waits too long for something outside.
    ExternalWait,
}

impl Kind {
    /// Every kind.
    pub(crate) const ALL: [Kind; 8] = [
        Kind::TimeBased,
        Kind::ProgressStagnation,
        Kind::Resource,
        Kind::DependencyDeadlock,
        Kind::Cyclical,
        Kind::ErrorCascade,
        Kind::MemoryLeak,
        Kind::ExternalWait,
    ];

    /// The word for it in events and journals.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Kind::TimeBased => "time_based",
            Kind::ProgressStagnation => "progress_stagnation",
            Kind::Resource => "resource",
            Kind::DependencyDeadlock => "dependency_deadlock",
            Kind::Cyclical => "cyclical",
            Kind::ErrorCascade => "error_cascade",
            Kind::MemoryLeak => "memory_leak",
            Kind::ExternalWait => "external_wait",
        }
    }

    /// What could help, most urgent first.
    pub(super) fn interventions(self, threshold_ms: u64) -> Vec<Intervention> {
        use InterventionKind as Way;
        match self {
            Kind::TimeBased => vec![Intervention {
                kind: Way::IncreaseTimeout,
                automatic: true,
                priority: 3,
                effectiveness: 0.7,
                parameter: Some(Parameter::NewTimeoutMs(threshold_ms.saturating_mul(2))),
            }],
            Kind::ProgressStagnation => vec![asked(Way::RestartAction, 2, 0.8)],
            Kind::Resource => vec![Intervention {
                kind: Way::ReduceResources,
                automatic: true,
                priority: 1,
                effectiveness: 0.9,
                parameter: Some(Parameter::MemoryLimitReduction(0.5)),
            }],
            Kind::DependencyDeadlock => vec![asked(Way::BreakDeadlock, 1, 0.85)],
            Kind::Cyclical => vec![asked(Way::ClearAndRestart, 2, 0.75)],
            Kind::ErrorCascade => vec![
                asked(Way::SkipAction, 2, 0.6),
                asked(Way::ManualIntervention, 3, 0.8),
            ],
            Kind::MemoryLeak => vec![asked(Way::RestartAction, 1, 0.8)],
            Kind::ExternalWait => vec![
                asked(Way::EscalateToHuman, 2, 0.8),
                asked(Way::SkipAction, 3, 0.5),
            ],
        }
    }
}

fn asked(kind: InterventionKind, priority: u8, effectiveness: f64) -> Intervention {
    Intervention {
        kind,
        automatic: false,
        priority,
        effectiveness,
        parameter: None,
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How bad a stall is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// It may resolve itself.
    Medium,
    /// It wastes what the workflow may use.
    High,
    /// The workflow does not go on by itself.
    Critical,
}

/// Something that could help a workflow that does not come forward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Intervention {
    /// What is to be done.
    pub(crate) kind: InterventionKind,
    /// Whether it is done at once; otherwise a person is asked.
    pub(crate) automatic: bool,
    /// How urgent it is; 1 comes first.
    pub(crate) priority: u8,
    /// How likely it helps, from 0 to 1.
    pub(crate) effectiveness: f64,
    /// With what, where it needs something.
    pub(crate) parameter: Option<Parameter>,
}

/// What can be done for a workflow that does not come forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InterventionKind {
    /// The action starts anew.
    RestartAction,
    /// The action is left out.
    SkipAction,
    /// The detector waits longer: see [`Detector::wait_at_least`](super::Detector::wait_at_least).
    IncreaseTimeout,
    /// The steps to come get less.
    ReduceResources,
    /// One of the steps that wait for each other starts or is left out.
    BreakDeadlock,
    /// What was done since the cycle began is dropped, and done anew.
    ClearAndRestart,
    /// A person changes something.
    ManualIntervention,
    /// A person is told.
    EscalateToHuman,
}

/// What an intervention needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parameter {
    /// The threshold from now on, in milliseconds.
    NewTimeoutMs(u64),
    /// By what part the memory limit shrinks, from 0 to 1.
    MemoryLimitReduction(f64),
}
