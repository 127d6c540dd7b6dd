use serde_json::{Value, json};

use super::*;
use crate::event::{EventKind, WorkflowState};
use crate::types::{Code, Digest, Failure, Principal, Status, Usage, WorkflowId};
use crate::workflow::plan::{Plan, PlanSpec};

mod acts;
mod acts_on_steps;
mod budgets;
mod cost;
mod ends;
mod laws;
mod model;
mod moves;
mod phases;
mod questions;
mod recovery;
mod retries;

/// A workflow that a test drives by hand, from second 1,000 on.
#[derive(Clone, Debug)]
pub(in crate::workflow) struct Run {
    pub(in crate::workflow) state: State,
    pub(in crate::workflow) now_ms: u64,
    /// What the last input was answered with.
    pub(in crate::workflow) effects: Vec<Effect>,
    /// All that was taken, with what it was answered with.
    taken: Vec<(Input, Vec<Effect>)>,
}

fn no_id() -> WorkflowId {
    "018f4d2e-0000-7000-8000-000000000001".parse().unwrap()
}

/// What is known of an action that can be repeated.
fn repeatable() -> Known {
    Known {
        repeatable: true,
        pure: false,
        ..once_only()
    }
}

/// What is known of an action that cannot.
fn once_only() -> Known {
    Known {
        action: "test.act.v1".to_owned(),
        digest: None,
        repeatable: false,
        pure: false,
        fuel: 100,
        wall_ms: 30_000,
        output_bytes: 1 << 20,
        result: None,
    }
}

/// A plan of steps such as `"c: a b"`, which waits for `a` and `b`, with other fields of the plan.
pub(in crate::workflow) fn plan(steps: &[&str], others: Value) -> Value {
    let steps: Vec<Value> = steps
        .iter()
        .map(|step| {
            let (id, needs) = step.split_once(':').unwrap_or((step, ""));
            let needs: Vec<&str> = needs.split_whitespace().collect();
            json!({ "id": id, "capability": "test.act.v1", "depends_on": needs })
        })
        .collect();
    let mut plan = json!({ "version": 1, "goal": "test the machine", "steps": steps });
    let Value::Object(others) = others else {
        panic!("fields are an object")
    };
    plan.as_object_mut().unwrap().extend(others);
    plan
}

/// The same, with fields for one of its steps.
fn with_step(mut plan: Value, id: &str, fields: Value) -> Value {
    let steps = plan["steps"].as_array_mut().unwrap();
    let step = steps.iter_mut().find(|step| step["id"] == id).unwrap();
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    step.as_object_mut().unwrap().extend(fields);
    plan
}

fn end(status: Status) -> CallEnd {
    CallEnd {
        status,
        started: true,
        killed: false,
        output: (status == Status::Ok).then(|| Output::inline("1")),
        failure: None,
        usage: Usage::default(),
        run: None,
        cached: None,
    }
}

fn failed(code: Code) -> CallEnd {
    CallEnd {
        failure: Some(Failure::plain(code, "it failed")),
        ..end(code.status())
    }
}

impl Run {
    fn new() -> Self {
        Self {
            state: State::new(no_id()),
            now_ms: 1_000_000,
            effects: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// A workflow whose plan is proposed.
    fn proposed(plan: Value, known: &dyn Fn(usize) -> Known) -> Self {
        let mut run = Self::new();
        run.feed(proposal(plan, known));
        run
    }

    /// A workflow that has begun, with actions that can be repeated.
    pub(in crate::workflow) fn begun(plan: Value) -> Self {
        Self::begun_with(plan, &|_| repeatable())
    }

    fn begun_with(plan: Value, known: &dyn Fn(usize) -> Known) -> Self {
        let mut run = Self::proposed(plan, known);
        run.feed(What::Checked {
            approvals: Vec::new(),
        });
        run
    }

    /// Gives an input to the machine: once as it is, and once as it is read back from its text.
    fn give(&mut self, what: What) -> bool {
        let input = Input {
            at_ms: self.now_ms,
            what,
        };
        let text = serde_json::to_string(&input).unwrap();
        let read: Input = serde_json::from_str(&text).unwrap();
        let before = self.state.clone();
        let replayed = step(before.clone(), read);
        let (state, effects) = step(before.clone(), input.clone());
        assert_eq!((&state, &effects), (&replayed.0, &replayed.1), "{text}");
        self.state = state;
        self.effects = effects;
        let refusals = self.effects.iter();
        let refusals = refusals.filter(|effect| matches!(effect, Effect::Refuse { .. }));
        if refusals.count() > 0 {
            assert_eq!(self.effects.len(), 1, "{:?}", self.effects);
            assert_eq!(self.state, before, "a refused input changed something");
            return false;
        }
        self.taken.push((input, self.effects.clone()));
        true
    }

    /// Gives an input that is to be taken.
    pub(in crate::workflow) fn feed(&mut self, what: What) -> &mut Self {
        assert!(self.give(what), "refused: {:?}", self.effects);
        self
    }

    /// Gives an input that is to be refused; returns why.
    fn refused(&mut self, what: What) -> String {
        assert!(!self.give(what), "taken: {:?}", self.effects);
        match self.effects.as_slice() {
            [Effect::Refuse { reason }] => reason.clone(),
            others => panic!("{others:?}"),
        }
    }

    fn at(&self, id: &str) -> usize {
        self.state.position(id).unwrap()
    }

    fn step(&self, id: &str) -> &StepState {
        &self.state.steps()[self.at(id)]
    }

    fn status(&self, id: &str) -> StepStatus {
        self.step(id).status
    }

    /// The running attempt of a step ends.
    fn ends(&mut self, id: &str, end: CallEnd) -> &mut Self {
        let (step, attempt) = (self.at(id), self.step(id).attempts);
        self.feed(What::Ended {
            step,
            attempt,
            end: Box::new(end),
        })
    }

    pub(in crate::workflow) fn ok(&mut self, id: &str) -> &mut Self {
        self.ends(id, end(Status::Ok))
    }

    pub(in crate::workflow) fn fails(&mut self, id: &str, code: Code) -> &mut Self {
        self.ends(id, failed(code))
    }

    fn undone(&mut self, id: &str) -> &mut Self {
        let step = self.at(id);
        self.feed(What::Undone {
            step,
            end: Box::new(end(Status::Ok)),
        })
    }

    /// Time passes, and the machine is told so.
    pub(in crate::workflow) fn tick(&mut self, ms: u64) -> &mut Self {
        self.now_ms += ms;
        self.feed(What::Ticked)
    }

    fn acts(&mut self, act: Act) -> &mut Self {
        self.feed(acted(None, act))
    }

    fn answers(&mut self, token: &str, act: Act) -> &mut Self {
        self.feed(acted(Some(token), act))
    }

    /// The criteria are looked at, and all are met.
    fn verified(&mut self) -> &mut Self {
        let wanted = self.state.plan().unwrap().spec().success.len().max(1);
        self.looked(vec![Some(true); wanted])
    }

    fn looked(&mut self, met: Vec<Option<bool>>) -> &mut Self {
        self.feed(looked(met))
    }

    /// The steps that the last input let begin.
    fn called(&self) -> Vec<&str> {
        let calls = self.effects.iter().filter_map(|effect| {
            let Effect::Call { step, .. } = effect else {
                return None;
            };
            Some(self.state.steps()[*step].id())
        });
        calls.collect()
    }

    /// The last input's other effects, without what is told.
    fn did(&self) -> Vec<Effect> {
        let silent = |effect: &&Effect| !matches!(effect, Effect::Tell { .. });
        self.effects.iter().filter(silent).cloned().collect()
    }

    /// The events of the last input.
    fn told(&self) -> Vec<&EventKind> {
        told(&self.effects)
    }

    fn told_names(&self) -> Vec<String> {
        self.told().into_iter().map(name).collect()
    }

    /// The tokens of the questions that wait.
    fn tokens(&self) -> Vec<String> {
        let questions = self.state.questions();
        questions.map(|question| question.token.clone()).collect()
    }

    fn token(&self) -> String {
        let tokens = self.tokens();
        assert_eq!(tokens.len(), 1, "{tokens:?}");
        tokens[0].clone()
    }

    fn phase(&self) -> WorkflowState {
        self.state.phase()
    }

    /// Why it ended without its goal.
    fn reason(&self) -> (Code, &str) {
        let failure = self.state.failure().unwrap();
        (failure.code, failure.message.as_str())
    }

    /// The changes of the state, as pairs.
    fn history(&self) -> Vec<(WorkflowState, WorkflowState)> {
        let history = self.state.history().iter();
        history.map(|change| (change.from, change.to)).collect()
    }

    /// Feeds all that was taken to a new machine.
    fn replays(&self) {
        let mut state = State::new(no_id());
        for (number, (input, effects)) in self.taken.iter().enumerate() {
            let text = serde_json::to_string(input).unwrap();
            let (next, again) = step(state, serde_json::from_str(&text).unwrap());
            assert_eq!(&again, effects, "the input {number}: {text}");
            state = next;
        }
        assert_eq!(state, self.state);
    }
}

fn told(effects: &[Effect]) -> Vec<&EventKind> {
    let told = effects.iter().filter_map(|effect| {
        let Effect::Tell { kind, .. } = effect else {
            return None;
        };
        Some(&**kind)
    });
    told.collect()
}

/// The name of an event.
fn name(kind: &EventKind) -> String {
    let written = serde_json::to_value(kind).unwrap();
    written["type"].as_str().unwrap().to_owned()
}

fn proposal(plan: Value, known: &dyn Fn(usize) -> Known) -> What {
    let plan: PlanSpec = serde_json::from_value(plan).unwrap();
    let settled = Plan::new(plan.clone(), Default::default()).unwrap();
    What::Proposed(Box::new(Proposal {
        known: (0..plan.steps.len()).map(known).collect(),
        hash: settled.hash(),
        plan,
        planner: "test".to_owned(),
        principal: Principal::new("ada"),
        seed: Digest::of(b"seed"),
        others: Vec::new(),
        policy_set: None,
    }))
}

fn acted(token: Option<&str>, act: Act) -> What {
    What::Acted {
        by: Principal::new("grace"),
        token: token.map(str::to_owned),
        act,
        known: Some(repeatable()),
        wish: None,
        undriven: false,
    }
}

fn looked(met: Vec<Option<bool>>) -> What {
    let evidence = met.into_iter().enumerate().map(|(number, met)| Evidence {
        met,
        found: format!("criterion {number}"),
    });
    What::Verified {
        evidence: evidence.collect(),
        usage: Usage::default(),
        calls: 0,
    }
}

/// An act, as it is written.
fn act(written: Value) -> Act {
    serde_json::from_value(written).unwrap()
}
