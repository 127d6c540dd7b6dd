//! A second opinion on the machine: it looks at inputs and effects from outside, and objects.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// What an onlooker knows of a workflow.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Steps whose calls run, and their attempts.
    running: BTreeMap<usize, u32>,
    completed: BTreeSet<usize>,
    /// Steps that may have had an effect, that must not be repeated, and that nobody has decided about.
    doubtful: BTreeSet<usize>,
    undoing: Option<usize>,
    undone: BTreeSet<usize>,
    verifying: bool,
    ended: bool,
    killed: bool,
}

impl Model {
    /// Looks at one input that was taken, from the state before to the one after.
    pub(super) fn see(&mut self, before: &State, input: &Input, effects: &[Effect], after: &State) {
        assert!(!self.ended, "something was taken after the end");
        self.learn(before, input);
        for effect in effects {
            match effect {
                Effect::Call {
                    step,
                    attempt,
                    most,
                } => self.called(*step, *attempt, *most, after),
                Effect::Undo { step } => self.undoes(*step),
                Effect::Interrupt { step } => {
                    let recovered = matches!(input.what, What::Recovered { .. });
                    let runs = self.running.contains_key(step) || self.undoing == Some(*step);
                    assert!(
                        runs || recovered,
                        "an interruption of {step}, which does not run"
                    );
                }
                Effect::Verify => {
                    assert_eq!(after.open, 0);
                    assert_eq!(after.phase(), WorkflowState::Executing);
                    self.verifying = true;
                }
                Effect::Tell { .. } => {}
                Effect::Refuse { reason } => panic!("refused and taken: {reason}"),
            }
        }
        let completed: Vec<usize> = told(effects)
            .iter()
            .enumerate()
            .filter(|(_, kind)| matches!(kind, EventKind::WorkflowCompleted { .. }))
            .map(|(at, _)| at)
            .collect();
        self.ended = after.has_ended();
        if self.ended {
            let last = effects.len() - 1;
            assert!(
                matches!(&effects[last], Effect::Tell { kind, .. } if matches!(**kind, EventKind::WorkflowCompleted { .. })),
                "the end is not told last: {effects:?}"
            );
            assert_eq!(completed.len(), 1);
            assert!(
                self.running.is_empty() && self.undoing.is_none(),
                "it ended while something ran"
            );
        } else {
            assert!(completed.is_empty(), "an end is told that is none");
        }
        self.agrees(after);
        legal(after);
    }

    /// Takes in what an input says.
    fn learn(&mut self, before: &State, input: &Input) {
        match &input.what {
            What::Ended { step, attempt, end } => self.end(*step, *attempt, end, before),
            What::Asked { step, .. } => {
                assert!(self.running.remove(step).is_some());
            }
            What::Undone { step, end } => {
                assert_eq!(self.undoing.take(), Some(*step));
                self.killed |= end.killed;
            }
            What::Verified { .. } => {
                assert!(std::mem::take(&mut self.verifying), "nobody looked");
            }
            What::Acted { token, act, .. } => self.act(token.as_deref(), act, before),
            What::Recovered {
                known: _,
                runs: _,
                uncertain,
                not_started,
                ended,
            } => {
                self.verifying = false;
                for (step, attempt, end) in ended {
                    if self.undoing == Some(*step) {
                        self.undoing = None;
                        self.killed |= end.killed;
                    } else {
                        self.end(*step, *attempt, end, before);
                    }
                }
                for step in not_started {
                    if self.undoing == Some(*step) {
                        self.undoing = None;
                        self.undone.remove(step);
                    } else {
                        assert!(self.running.remove(step).is_some());
                    }
                }
                for step in uncertain {
                    if self.undoing == Some(*step) {
                        self.undoing = None;
                    } else {
                        assert!(self.running.remove(step).is_some());
                        if !before.steps()[*step].known.repeatable {
                            self.doubtful.insert(*step);
                        }
                    }
                }
            }
            What::Proposed(_)
            | What::Checked { .. }
            | What::Rejected { .. }
            | What::Decided { .. }
            | What::Ticked
            | What::Stalled(_)
            | What::Looped { .. } => {}
        }
    }

    fn end(&mut self, step: usize, attempt: u32, end: &CallEnd, before: &State) {
        assert_eq!(self.running.remove(&step), Some(attempt));
        self.killed |= end.killed;
        if end.status == Status::Ok && !end.killed {
            self.completed.insert(step);
        }
        let lost = matches!(end.status, Status::Cancelled | Status::Uncertain);
        if lost && end.started && !before.steps()[step].known.repeatable {
            self.doubtful.insert(step);
        }
    }

    fn act(&mut self, token: Option<&str>, act: &Act, before: &State) {
        let about = before
            .questions()
            .find(|question| Some(question.token.as_str()) == token)
            .map(|question| question.about.clone());
        match (act, about) {
            (Act::OverrideResult { step, .. }, _) => {
                let step = before.position(step).unwrap();
                self.doubtful.remove(&step);
                assert!(
                    self.completed.insert(step),
                    "a result of a completed step was overridden"
                );
            }
            (Act::MarkDone { .. }, Some(About::Uncertain { step })) => {
                assert!(self.doubtful.remove(&step));
                assert!(self.completed.insert(step));
            }
            (Act::Retry {}, Some(About::Uncertain { step })) => {
                assert!(self.doubtful.remove(&step))
            }
            // A person who restarts what failed says so of those that are asked about no more.
            (Act::Restart { .. }, _) => {
                let asked = |step: &usize| before.steps()[*step].status == StepStatus::Uncertain;
                self.doubtful.retain(asked);
            }
            _ => {}
        }
        if matches!(
            act,
            Act::AddAction { .. } | Act::OverrideResult { .. } | Act::Restart { .. }
        ) {
            self.verifying = false;
        }
    }

    fn called(&mut self, step: usize, attempt: u32, most: Most, after: &State) {
        let found = &after.steps()[step];
        assert!(!self.killed, "a call after a kill");
        assert!(
            self.undoing.is_none(),
            "a call while effects are taken back"
        );
        assert_eq!(after.phase(), WorkflowState::Executing);
        assert!(
            !self.completed.contains(&step),
            "a completed step is called again"
        );
        assert!(
            !self.doubtful.contains(&step),
            "a step that may have had its effect is called again"
        );
        for need in &found.step.spec.depends_on {
            let need = after.position(need).unwrap();
            assert!(
                self.completed.contains(&need),
                "{step} is called before {need} is completed"
            );
        }
        assert_eq!(attempt, found.attempts);
        assert!(
            self.running.insert(step, attempt).is_none(),
            "{step} is called twice at once"
        );
        assert!(
            self.running.len() <= after.parallel(),
            "{} run at once",
            self.running.len()
        );
        let limits = &after.plan().unwrap().spec().resource_limits;
        assert!(most.fuel <= limits.max_fuel.unwrap_or(u64::MAX));
    }

    fn undoes(&mut self, step: usize) {
        assert!(!self.killed, "an effect is taken back after a kill");
        assert!(
            self.running.is_empty(),
            "an effect is taken back while steps run"
        );
        assert!(
            self.undoing.replace(step).is_none(),
            "two effects are taken back at once"
        );
        assert!(
            self.completed.contains(&step),
            "an effect is taken back that there is not"
        );
        assert!(self.undone.insert(step), "an effect is taken back twice");
    }

    /// Compares what the onlooker knows with the state.
    fn agrees(&self, state: &State) {
        let running: BTreeSet<usize> = self.running.keys().copied().collect();
        assert_eq!(running, state.running);
        assert_eq!(self.undoing, state.undoing());
        let completed = with_status(state, StepStatus::Completed);
        assert_eq!(self.completed, completed);
    }
}

fn with_status(state: &State, status: StepStatus) -> BTreeSet<usize> {
    let steps = state.steps().iter().enumerate();
    steps
        .filter(|(_, step)| step.status == status)
        .map(|(at, _)| at)
        .collect()
}

/// What is true of every state.
pub(super) fn legal(state: &State) {
    let mut at = WorkflowState::Initializing;
    for change in state.history() {
        assert_eq!(change.from, at);
        assert!(may_go(change.from, change.to), "{change:?}");
        at = change.to;
    }
    assert_eq!(at, state.phase(), "the history replays to the state");
    let open = state.steps().iter().filter(|step| !step.status.has_ended());
    assert_eq!(open.count(), state.open);
    assert!((0.0..=1.0).contains(&state.progress()));
    assert_eq!(with_status(state, StepStatus::Running), state.running);
    if state.has_ended() {
        assert_eq!((state.open, state.questions().count()), (0, 0));
        assert_eq!(state.wakes_at_ms(), None);
        return;
    }
    if state.is_ending() {
        assert!(
            !state.running.is_empty() || state.undoing().is_some(),
            "an end waits for nothing"
        );
        assert_eq!(state.questions().count(), 0);
        return;
    }
    assert_eq!(with_status(state, StepStatus::Ready), state.ready);
    let due: BTreeSet<usize> = state.due.iter().map(|(_, step)| *step).collect();
    assert_eq!(
        (due.len(), &with_status(state, StepStatus::Retrying)),
        (state.due.len(), &due)
    );
    for (at, step) in state.steps().iter().enumerate() {
        let open = |need: &&usize| state.steps()[**need].status != StepStatus::Completed;
        let blocked = state.graph.needs(at).iter().filter(open).count();
        if !step.status.has_ended() {
            assert_eq!(blocked, step.blocked, "{}", step.id());
            assert_eq!(
                blocked > 0,
                step.status == StepStatus::Pending,
                "{}",
                step.id()
            );
        }
    }
    asks(state);
    moves(state);
}

/// Whoever has to answer something is asked, once.
fn asks(state: &State) {
    let uncertain: Vec<usize> = state
        .questions()
        .filter_map(|question| match question.about {
            About::Uncertain { step } => Some(step),
            About::Paused | About::Criterion { .. } => None,
        })
        .collect();
    let once: BTreeSet<usize> = uncertain.iter().copied().collect();
    assert_eq!(once.len(), uncertain.len(), "a step is asked about twice");
    assert_eq!(once, with_status(state, StepStatus::Uncertain));
    let asked = state.questions().count() > 0;
    assert_eq!(
        asked,
        state.phase() == WorkflowState::Paused,
        "paused without a question, or asked without a pause"
    );
}

/// Something will happen, or somebody is asked.
fn moves(state: &State) {
    if state.phase() != WorkflowState::Executing {
        return;
    }
    let waits = !state.running.is_empty()
        || !state.due.is_empty()
        || state.is_verifying()
        || !with_status(state, StepStatus::Asking).is_empty();
    assert!(waits, "nothing will ever happen again");
    assert!(state.wakes_at_ms().is_some(), "there is a deadline");
}
