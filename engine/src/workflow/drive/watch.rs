//! Watches whether a workflow comes forward.

use std::collections::BTreeMap;

use super::driving::Driving;
use crate::event::WorkflowState;
use crate::types::{Bytes, Code};
use crate::workflow::machine::{Remedy, Stalled, StepStatus};
use crate::workflow::plan::Plan;
use crate::workflow::stall::{
    Config, Detector, Escalation, Intervention, InterventionKind, Kind, Sample,
};

/// The parts of the threshold in which a workflow is looked at.
const LOOKS: u64 = 4;
/// The shortest time between two looks.
const SHORTEST_MS: u64 = 25;

/// What is known of the pace of a workflow.
#[derive(Default)]
pub(super) struct Watch {
    detector: Option<Detector>,
    moved_ms: u64,
    looked_ms: u64,
    ended: u64,
    failures: BTreeMap<String, u64>,
    /// Since when steps wait for approvals.
    asking: BTreeMap<usize, u64>,
    /// The memory of the newest call that ended.
    memory: Bytes,
}

impl Watch {
    /// Something happened.
    pub(super) fn moved(&mut self, now_ms: u64) {
        self.moved_ms = self.moved_ms.max(now_ms);
    }

    /// An attempt ended.
    pub(super) fn ended(&mut self, now_ms: u64, failed: Option<Code>, memory: Bytes) {
        self.moved(now_ms);
        self.ended += 1;
        self.memory = memory;
        if let Some(code) = failed {
            *self.failures.entry(code.as_str().to_owned()).or_insert(0) += 1;
        }
    }
}

impl Driving {
    /// Looks whether the workflow comes forward, from time to time.
    pub(super) fn look(&mut self, now_ms: u64) -> Option<Stalled> {
        let plan = self.state.plan()?;
        if self.state.phase() != WorkflowState::Executing || self.state.is_ending() {
            return None;
        }
        if self.watch.detector.is_none() {
            self.watch.detector = Detector::new(config(plan)).ok();
            self.watch.moved(now_ms);
        }
        let threshold = self.watch.detector.as_ref()?.threshold_ms();
        let every = (threshold / LOOKS).clamp(SHORTEST_MS, 5_000);
        if now_ms.saturating_sub(self.watch.looked_ms) < every && self.watch.looked_ms > 0 {
            return None;
        }
        self.watch.looked_ms = now_ms;
        let asking = self.state.steps().iter().enumerate();
        let asking = asking
            .filter(|(_, step)| step.status == StepStatus::Asking)
            .map(|(at, _)| (at, *self.watch.asking.get(&at).unwrap_or(&now_ms)));
        self.watch.asking = asking.collect();
        let sample = self.sample(now_ms);
        let stalls = self.watch.detector.as_mut()?.observe(sample);
        let stall = stalls.into_iter().max_by_key(|stall| stall.severity)?;
        let detector = self.watch.detector.as_mut()?;
        let mut remedies = Vec::new();
        let mut suggested = Vec::new();
        for Intervention {
            kind, automatic, ..
        } in &stall.interventions
        {
            match (kind, automatic) {
                (InterventionKind::IncreaseTimeout, true) => {
                    detector.wait_at_least(threshold.saturating_mul(2));
                }
                (InterventionKind::ReduceResources, true) => remedies.push(Remedy::FewerAtOnce),
                (kind, _) => suggested.push(in_words(*kind)),
            }
        }
        let escalates = stall.escalate
            && self
                .state
                .plan()
                .and_then(|plan| plan.spec().preferences.auto_escalation)
                .unwrap_or(true);
        // Where an approval is waited for somebody is asked already, and what failures mean is what the plan says:
        // a pause would only keep others from going on. See decision 11.
        let goes_on = matches!(stall.kind, Kind::ExternalWait | Kind::ErrorCascade);
        let helpless = remedies.is_empty() && !suggested.is_empty() && !goes_on;
        let suggested = if suggested.is_empty() {
            "look at what keeps it".to_owned()
        } else {
            format!("suggested: {}", suggested.join(", "))
        };
        let asked = (escalates || helpless).then(|| suggested.clone());
        Some(Stalled {
            issue: stall.kind.name().to_owned(),
            count: stall.count,
            evidence: if goes_on {
                format!("{}; {suggested}", stall.evidence)
            } else {
                stall.evidence
            },
            remedies,
            asked,
        })
    }

    fn sample(&self, now_ms: u64) -> Sample {
        let steps = self.state.steps();
        let count = |status: StepStatus| steps.iter().filter(|step| step.status == status).count();
        let on_time = steps
            .iter()
            .filter(|step| step.status == StepStatus::Running)
            .filter(|step| {
                let most = step
                    .step
                    .spec
                    .timeout_ms
                    .unwrap_or(u64::MAX)
                    .min(step.known.wall_ms);
                step.began_ms
                    .is_some_and(|began| now_ms.saturating_sub(began) <= most)
            })
            .count()
            // A retry waits as long as the plan says.
            + count(StepStatus::Retrying);
        let running: Vec<&str> = steps
            .iter()
            .filter(|step| matches!(step.status, StepStatus::Running | StepStatus::Retrying))
            .map(|step| step.id())
            .collect();
        Sample {
            at_ms: now_ms,
            moved_ms: self.watch.moved_ms,
            progress: self.state.progress(),
            state: running.join(" "),
            memory: self.watch.memory,
            running: count(StepStatus::Running),
            on_time,
            queued: count(StepStatus::Pending)
                + count(StepStatus::Ready)
                + count(StepStatus::Retrying),
            blocked: count(StepStatus::Pending),
            waiting_since_ms: self.watch.asking.values().min().copied(),
            ended: self.watch.ended,
            failures: self.watch.failures.clone(),
        }
    }
}

fn config(plan: &Plan) -> Config {
    let preferences = &plan.spec().preferences;
    let mut config = Config::for_steps(plan.steps().len());
    if let Some(threshold) = preferences.stall_detection_ms {
        config.threshold_ms = threshold;
    }
    if preferences.auto_escalation == Some(false) {
        config.escalation = Escalation::None;
    }
    config
}

fn in_words(kind: InterventionKind) -> &'static str {
    match kind {
        InterventionKind::RestartAction => "restart the action",
        InterventionKind::SkipAction => "remove the action",
        InterventionKind::IncreaseTimeout => "increase the timeout",
        InterventionKind::ReduceResources => "let fewer steps run at the same time",
        InterventionKind::BreakDeadlock => "remove a step that others wait for",
        InterventionKind::ClearAndRestart => "restart what failed",
        InterventionKind::ManualIntervention => "override a result",
        InterventionKind::EscalateToHuman => "have somebody answer what is waited for",
    }
}
