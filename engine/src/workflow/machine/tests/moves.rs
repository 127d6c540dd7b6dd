//! Random plans and random inputs, legal and not.

use proptest::prelude::*;
use serde_json::json;

use super::model::Model;
use super::*;

/// A plan, and what is known of its actions.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub(super) plan: Value,
    pub(super) repeatable: Vec<bool>,
}

/// One thing that happens; the numbers choose among what is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    kind: u8,
    which: usize,
    how: u8,
    after_ms: u64,
}

prop_compose! {
    pub(super) fn moves()(
        kind in 0u8..36, which in 0usize..64, how in any::<u8>(), after_ms in prop_oneof![0u64..50, 0u64..5_000],
    ) -> Move {
        Move { kind, which, how, after_ms }
    }
}

prop_compose! {
    fn steps()(
        needs in proptest::collection::btree_set(0usize..12, 0..4),
        retry in proptest::option::of((0u32..4, 0usize..4, 0u64..300)),
        (undo, goes_on, repeatable) in any::<(bool, bool, bool)>(),
    ) -> (Vec<usize>, Option<(u32, usize, u64)>, bool, bool, bool) {
        (needs.into_iter().collect(), retry, undo, goes_on, repeatable)
    }
}

/// Plans of up to 12 steps, each of which waits for earlier ones.
pub(super) fn plans() -> impl Strategy<Value = Drawn> {
    let limits = (
        proptest::option::of(1u64..20),
        proptest::option::of(1u64..900),
        proptest::option::of(0u64..5),
        1u32..5,
    );
    let others = (
        any::<(bool, bool, bool)>(),
        1u64..14,
        1_000u64..30_000,
        0usize..3,
    );
    (proptest::collection::vec(steps(), 1..13), limits, others).prop_map(|(steps, limits, others)| {
        let mut repeatable = Vec::new();
        let mut written = Vec::new();
        for (at, (needs, retry, undo, goes_on, repeats)) in steps.into_iter().enumerate() {
            repeatable.push(repeats);
            let needs: Vec<String> =
                needs.into_iter().filter(|need| *need < at).map(|need| format!("s{need}")).collect();
            let mut step = json!({
                "id": format!("s{at}"), "capability": format!("test.{}.v1", at % 3),
                "depends_on": needs, "continue_on_error": goes_on,
            });
            if let Some((max, backoff, base)) = retry {
                let backoff = ["fixed", "linear", "exponential", "jittered"][backoff];
                step["retry"] = json!({ "max_retries": max, "backoff": backoff, "base_delay_ms": base });
            }
            if undo {
                step["undo"] = json!({});
            }
            written.push(step);
        }
        let (calls, fuel, retries, parallel) = limits;
        let ((goes_on, pause_stops_clock, continues), max_steps, timeout_ms, confirms) = others;
        let success: Vec<Value> = (0..confirms).map(|n| json!({ "confirmed": format!("{n}?") })).collect();
        let mut plan = json!({
            "version": 1, "goal": "be random", "steps": written, "success": success,
            "max_steps": max_steps, "timeout_ms": timeout_ms,
            "resource_limits": { "max_parallel_executions": parallel, "max_calls_of": { "test.2.v1": 3 } },
            "preferences": {
                "continue_on_error": goes_on, "pause_stops_clock": pause_stops_clock,
                "answer_timeout_ms": 20_000, "on_unanswered": if continues { "continue" } else { "stop" },
            },
        });
        for (name, most) in [("max_calls", calls), ("max_fuel", fuel), ("max_retries", retries)] {
            if let Some(most) = most {
                plan["resource_limits"][name] = json!(most);
            }
        }
        Drawn { plan, repeatable }
    })
}

impl Drawn {
    pub(super) fn begin(&self) -> (Run, Model) {
        let mut watched = (Run::new(), Model::default());
        let repeatable = |step: usize| Known {
            repeatable: self.repeatable[step],
            ..once_only()
        };
        take(&mut watched, proposal(self.plan.clone(), &repeatable));
        take(&mut watched, What::Checked { approvals: vec![] });
        watched
    }
}

/// Gives an input to the machine, and shows the model what came of it. Returns whether it was taken.
pub(super) fn take((run, model): &mut (Run, Model), what: What) -> bool {
    let before = run.state.clone();
    if !run.give(what) {
        return false;
    }
    let (input, effects) = run.taken.last().unwrap();
    model.see(&before, input, effects, &run.state);
    true
}

impl Move {
    /// Does it; nonsense is refused by the machine, and changes nothing.
    pub(super) fn make(self, watched: &mut (Run, Model)) {
        let run = &mut watched.0;
        // Clocks are set back now and then.
        if self.how == 0 {
            run.now_ms -= self.after_ms.min(run.now_ms);
        } else {
            run.now_ms += self.after_ms;
        }
        let what = self.what(&watched.0.state);
        take(watched, what);
    }

    /// One of the running steps, or any position.
    fn position(self, state: &State) -> usize {
        let running: Vec<usize> = state.running().collect();
        if running.is_empty() || self.how.is_multiple_of(31) {
            return self.which % (state.steps().len() + 1);
        }
        running[self.which % running.len()]
    }

    fn id(self, state: &State) -> String {
        let position = self.which % (state.steps().len() + 1);
        let step = state.steps().get(position);
        step.map_or("nobody", StepState::id).to_owned()
    }

    pub(super) fn call_end(self) -> CallEnd {
        let end = match self.how % 16 {
            0..=8 => end(Status::Ok),
            9 | 10 => failed(Code::LimitTime),
            11 => failed(Code::GuestError),
            12 => failed(Code::Cancelled),
            13 => failed(Code::Uncertain),
            14 => CallEnd {
                killed: self.which.is_multiple_of(4),
                ..failed(Code::DeniedPolicy)
            },
            _ => CallEnd {
                failure: None,
                ..failed(Code::Internal)
            },
        };
        CallEnd {
            started: !self.how.is_multiple_of(5),
            usage: Usage {
                fuel: self.which as u64,
                wall: std::time::Duration::from_nanos(self.after_ms * 1_234_567),
                ..Usage::default()
            },
            ..end
        }
    }

    /// Splits what runs into known ends, steps that had not begun, and uncertain ones.
    pub(super) fn recovery(self, state: &State) -> What {
        let (mut uncertain, mut not_started, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        for (number, step) in state.running().chain(state.undoing()).enumerate() {
            let many = u8::try_from(number).unwrap();
            let turn = Move {
                how: self.how.wrapping_add(many.wrapping_mul(37)),
                ..self
            };
            match (usize::from(self.how) + self.which * number) % 3 {
                0 => uncertain.push(step),
                1 => not_started.push(step),
                _ => ended.push((step, state.steps()[step].attempts, turn.call_end())),
            }
        }
        What::Recovered {
            known: Vec::new(),
            runs: Vec::new(),
            uncertain,
            not_started,
            ended,
        }
    }

    fn what(self, state: &State) -> What {
        let step = self.position(state);
        let question = format!("q{}", self.which % 2);
        let wants = |written: Value| acted(None, act(written));
        let attempts = state.steps().get(step).map_or(0, |step| step.attempts);
        match self.kind {
            0..=11 => What::Ended {
                step,
                attempt: if self.how == 7 {
                    attempts + 1
                } else {
                    attempts
                },
                end: Box::new(self.call_end()),
            },
            12 => What::Asked {
                step,
                question,
                expires_ms: None,
            },
            13 | 14 => What::Decided {
                step: waiting(state, StepStatus::Asking).unwrap_or(step),
                question,
                approval: match self.how % 6 {
                    0 => Approval::Expired,
                    1 => Approval::Denied {
                        by: "grace".to_owned(),
                        reason: String::new(),
                    },
                    _ => Approval::Approved,
                },
            },
            15 => What::Undone {
                step: state.undoing().unwrap_or(step),
                end: Box::new(self.call_end()),
            },
            16 | 17 => {
                let wanted = state
                    .plan()
                    .map_or(0, |plan| plan.spec().success.len().max(1));
                let met = match self.how % 4 {
                    0 => Some(false),
                    1 => None,
                    _ => Some(true),
                };
                looked(vec![met; wanted])
            }
            18 | 19 => What::Ticked,
            20 => self.recovery(state),
            21 => What::Stalled(Box::new(Stalled {
                issue: "no_progress".to_owned(),
                count: 1,
                evidence: "nothing".to_owned(),
                remedies: vec![Remedy::FewerAtOnce],
                asked: self.how.is_multiple_of(2).then(|| "look".to_owned()),
            })),
            22 => What::Looped {
                kind: crate::event::LoopKind::Exact,
                count: 3,
                maximum: 3,
                actions: vec![],
                hard: self.how.is_multiple_of(8),
            },
            23 => wants(json!({ "action": "pause", "interrupt": self.how.is_multiple_of(2) })),
            24 => wants(json!({ "action": "continue" })),
            25 if self.how.is_multiple_of(8) => {
                wants(json!({ "action": "stop", "force": self.how.is_multiple_of(16) }))
            }
            26 => wants(json!({ "action": "remove_action", "step": self.id(state) })),
            27 => wants(json!({ "action": "override_result", "step": self.id(state), "value": 1 })),
            28 if self.how.is_multiple_of(2) => {
                wants(json!({ "action": "restart", "step": self.id(state) }))
            }
            28 => wants(json!({ "action": "restart" })),
            29 => wants(json!({ "action": "add_action", "step": {
                "id": format!("x{}", self.which), "capability": "test.add.v1", "depends_on": [self.id(state)],
            } })),
            30 => wants(json!({
                "action": "modify_parameters", "max_parallel_executions": self.which % 5, "timeout_ms": 40_000,
            })),
            31 => wants(json!({ "action": "escalate" })),
            _ => self.answer(state),
        }
    }

    /// An answer to one of the questions, which it does not always fit.
    fn answer(self, state: &State) -> What {
        let questions: Vec<&Question> = state.questions().collect();
        let written = match self.how % 8 {
            0 => json!({ "action": "continue" }),
            1 => json!({ "action": "retry" }),
            2 => json!({ "action": "mark_done", "value": 2 }),
            3 => json!({ "action": "skip" }),
            4 => json!({ "action": "fail" }),
            5 => json!({ "action": "confirm", "met": self.which.is_multiple_of(2) }),
            6 => json!({ "action": "inspect_state" }),
            _ => json!({ "action": "remove_action", "step": self.id(state) }),
        };
        let token = match questions.get(self.which % questions.len().max(1)) {
            Some(question) => question.token.as_str(),
            None => "nothing",
        };
        acted(Some(token), act(written))
    }
}

/// The first step with this status.
pub(super) fn waiting(state: &State, status: StepStatus) -> Option<usize> {
    state.steps().iter().position(|step| step.status == status)
}
