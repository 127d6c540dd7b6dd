//! Watches whether a workflow comes forward.

use std::collections::BTreeMap;

use crate::event::WorkflowState;
use crate::types::{Bytes, Code};
use crate::workflow::machine::{Remedy, Stalled, State, StepStatus};
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

    /// Looks whether the workflow comes forward, from time to time.
    pub(super) fn look(&mut self, state: &State, now_ms: u64) -> Option<Stalled> {
        let plan = state.plan()?;
        if state.phase() != WorkflowState::Executing || state.is_ending() {
            return None;
        }
        if self.detector.is_none() {
            self.detector = Detector::new(config(plan)).ok();
            self.moved(now_ms);
        }
        let threshold = self.detector.as_ref()?.threshold_ms();
        let every = (threshold / LOOKS).clamp(SHORTEST_MS, 5_000);
        if now_ms.saturating_sub(self.looked_ms) < every && self.looked_ms > 0 {
            return None;
        }
        self.looked_ms = now_ms;
        let asking = state.steps().iter().enumerate();
        let asking = asking
            .filter(|(_, step)| step.status == StepStatus::Asking)
            .map(|(at, _)| (at, *self.asking.get(&at).unwrap_or(&now_ms)));
        self.asking = asking.collect();
        self.judge(self.sample(state, now_ms))
    }

    /// The worst that a sample shows, what is done about it at once, and what a person is asked.
    fn judge(&mut self, sample: Sample) -> Option<Stalled> {
        let detector = self.detector.as_mut()?;
        let threshold = detector.threshold_ms();
        let stalls = detector.observe(sample);
        let stall = stalls.into_iter().max_by_key(|stall| stall.severity)?;
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
        // Where an approval is waited for somebody is asked already, and what failures mean is what the plan says:
        // a pause would only keep others from going on. See decision 11.
        let goes_on = matches!(stall.kind, Kind::ExternalWait | Kind::ErrorCascade);
        let helpless = remedies.is_empty() && !suggested.is_empty() && !goes_on;
        let suggested = if suggested.is_empty() {
            "look at what keeps it".to_owned()
        } else {
            format!("suggested: {}", suggested.join(", "))
        };
        let asked = (stall.escalate || helpless).then(|| suggested.clone());
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

    fn sample(&self, state: &State, now_ms: u64) -> Sample {
        let steps = state.steps();
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
            moved_ms: self.moved_ms,
            progress: state.progress(),
            state: running.join(" "),
            memory: self.memory,
            running: count(StepStatus::Running),
            on_time,
            queued: count(StepStatus::Pending)
                + count(StepStatus::Ready)
                + count(StepStatus::Retrying),
            blocked: count(StepStatus::Pending),
            waiting_since_ms: self.asking.values().min().copied(),
            ended: self.ended,
            failures: self.failures.clone(),
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

#[cfg(test)]
mod tests;
