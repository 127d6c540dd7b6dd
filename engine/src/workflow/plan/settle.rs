use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use serde_json::Value;

use super::settled::Inner;
use super::{Graph, PlanSpec, Problem, ResourceLimits, Retry, RetrySpec, Step, StepSpec};
use crate::guard::Glob;
use crate::types::{Digest, is_label, text};
use crate::workflow::doom;
use crate::workflow::refs::{self, Reference};

/// The characters of a goal.
const GOAL: RangeInclusive<usize> = 1..=10_000;
/// The actions of a workflow.
pub(super) const STEPS: RangeInclusive<u64> = 1..=1_000;
/// The milliseconds of a workflow.
pub(super) const TIMEOUT_MS: RangeInclusive<u64> = 1_000..=3_600_000;
/// Steps at the same time.
const PARALLEL: RangeInclusive<u32> = 1..=64;
/// The milliseconds that a question lasts: up to 30 days.
const ANSWER_MS: RangeInclusive<u64> = 1_000..=2_592_000_000;
/// The longest wait before a retry, an hour.
const LONGEST_DELAY_MS: u64 = 3_600_000;
/// The most retries of one step.
const MOST_RETRIES: u32 = 100;
/// Retries of all steps together, where the plan says nothing.
pub(super) const RETRIES: u64 = 100;
/// The most success criteria.
const MOST_CRITERIA: usize = 100;
/// The most objections that are told at once.
const MOST_PROBLEMS: usize = 200;
/// As many objections come with the name that was perhaps meant; to look for it takes time.
const HINTED: usize = 20;
/// The longest plan, as canonical text.
const LARGEST: usize = 8 << 20;

/// Whether a text can name a step or an input.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A plan on its way to being understood, and what is wrong with it.
pub(super) struct Settling {
    problems: Vec<Problem>,
    pub(super) positions: HashMap<String, usize>,
    /// The actions that there may be.
    steps: RangeInclusive<u64>,
}

impl Settling {
    pub(super) fn settle(
        spec: PlanSpec,
        given: BTreeMap<String, Value>,
        most_steps: u64,
    ) -> (Option<Inner>, Vec<Problem>) {
        let mut settling = Self {
            problems: Vec::new(),
            positions: HashMap::new(),
            steps: *STEPS.start()..=most_steps,
        };
        let plan = settling.plan(spec, given);
        (plan, settling.problems)
    }

    /// Takes an objection down, unless there are enough.
    pub(super) fn object(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn range<N: PartialOrd + std::fmt::Display>(
        &mut self,
        pointer: &str,
        found: Option<N>,
        bounds: &RangeInclusive<N>,
    ) {
        if let Some(found) = found
            && !bounds.contains(&found)
        {
            self.object(
                Problem::new(
                    pointer,
                    format!("{found} is outside {} to {}", bounds.start(), bounds.end()),
                )
                .hint("choose a value within the bounds"),
            );
        }
    }

    fn plan(&mut self, mut spec: PlanSpec, given: BTreeMap<String, Value>) -> Option<Inner> {
        for (name, value) in given {
            if !spec.inputs.contains_key(&name) {
                self.object(self.unknown_input(&name, &spec));
            }
            spec.inputs.insert(name, value);
        }
        self.head(&spec);
        if spec.steps.len() as u64 > *self.steps.end() {
            return None;
        }
        self.limits(&spec.resource_limits);
        self.preferences(&spec);
        for (position, step) in spec.steps.iter().enumerate() {
            if self.positions.insert(step.id.clone(), position).is_some() {
                self.object(
                    Problem::new(
                        format!("/steps/{position}/id"),
                        format!("two steps have the id `{}`", text::line(&step.id, 100)),
                    )
                    .hint("results and events name steps by their ids, so each needs its own"),
                );
            }
        }
        let mut needs = Vec::with_capacity(spec.steps.len());
        let mut steps = Vec::with_capacity(spec.steps.len());
        for (position, step) in spec.steps.iter().enumerate() {
            needs.push(self.step(position, step, &spec));
            steps.push(Step {
                retry: step.retry.as_ref().map(settled_retry),
                goes_on: step
                    .continue_on_error
                    .unwrap_or(spec.preferences.continue_on_error),
                spec: step.clone(),
            });
        }
        for (position, criterion) in spec.success.iter().take(MOST_CRITERIA).enumerate() {
            self.criterion(position, criterion, &spec);
        }
        let graph = match Graph::new(needs) {
            Ok(graph) => graph,
            Err(circle) => {
                self.object(in_a_circle(&circle, &spec));
                return None;
            }
        };
        // A plan was read from text, so it has one.
        let written = serde_json::to_vec(&spec).unwrap_or_default();
        if written.len() > LARGEST {
            self.object(Problem::new(
                "",
                format!("the plan has {} bytes, over {LARGEST}", written.len()),
            ));
        }
        Some(Inner {
            hash: Digest::of_parts(["plan 1".as_bytes(), &written]),
            allowed: spec
                .allowed_capabilities
                .as_ref()
                .map(|allowed| allowed.iter().map(|glob| Glob::new(glob.clone())).collect()),
            steps,
            graph,
            spec,
        })
    }

    fn head(&mut self, spec: &PlanSpec) {
        if spec.version != 1 {
            self.object(
                Problem::new(
                    "/version",
                    format!("{} is not a version of plans that is known", spec.version),
                )
                .hint("this engine reads version 1"),
            );
        }
        let characters = spec.goal.chars().count();
        if spec.goal.trim().is_empty() || !GOAL.contains(&characters) {
            self.object(
                Problem::new(
                    "/goal",
                    format!(
                        "the goal has {characters} characters, outside {} to {}",
                        GOAL.start(),
                        GOAL.end()
                    ),
                )
                .hint("say in a sentence what the plan is for"),
            );
        }
        let bounds = self.steps.clone();
        self.range("/max_steps", spec.max_steps, &bounds);
        let (kind, fewest) = (spec.workflow_type, spec.workflow_type.fewest_steps());
        if let Some(most) = spec.max_steps.filter(|most| bounds.contains(most))
            && most < fewest
        {
            self.object(
                Problem::new(
                    "/max_steps",
                    format!(
                        "{most} is below {fewest}, the fewest of the type `{}`",
                        kind.as_str()
                    ),
                )
                .hint("raise `max_steps`, or choose the type `simple`"),
            );
        }
        self.range("/timeout_ms", spec.timeout_ms, &TIMEOUT_MS);
        if spec.steps.is_empty() {
            self.object(
                Problem::new("/steps", "the plan has no steps")
                    .hint("a plan has at least one step"),
            );
        }
        if spec.steps.len() as u64 > *bounds.end() {
            self.object(
                Problem::new(
                    "/steps",
                    format!(
                        "the plan has {} steps, over {}",
                        spec.steps.len(),
                        bounds.end()
                    ),
                )
                .hint("split the work into several plans"),
            );
        }
        if spec.success.len() > MOST_CRITERIA {
            self.object(
                Problem::new(
                    "/success",
                    format!(
                        "there are {} success criteria, over {MOST_CRITERIA}",
                        spec.success.len()
                    ),
                )
                .hint("let a step look at the rest"),
            );
        }
        for name in spec.inputs.keys().filter(|name| !is_name(name)) {
            self.object(
                Problem::new(
                    format!("/inputs/{}", escaped(name)),
                    format!("`{}` cannot name an input", text::line(name, 100)),
                )
                .hint("a name has letters, digits, `_` and `-`, at most 64"),
            );
        }
    }

    fn limits(&mut self, limits: &ResourceLimits) {
        self.range(
            "/resource_limits/max_parallel_executions",
            limits.max_parallel_executions,
            &PARALLEL,
        );
        for (name, most) in [
            ("max_calls", limits.max_calls),
            ("max_fuel", limits.max_fuel),
            ("max_wall_ms", limits.max_wall_ms),
            ("max_output_bytes", limits.max_output_bytes),
        ] {
            self.range(&format!("/resource_limits/{name}"), most, &(1..=u64::MAX));
        }
    }

    fn preferences(&mut self, spec: &PlanSpec) {
        let preferences = &spec.preferences;
        self.range(
            "/preferences/answer_timeout_ms",
            preferences.answer_timeout_ms,
            &ANSWER_MS,
        );
        self.range(
            "/preferences/stall_detection_ms",
            preferences.stall_detection_ms,
            &(100..=*TIMEOUT_MS.end()),
        );
        let counted = [
            ("max_identical_calls", preferences.max_identical_calls),
            (
                "max_fuzzy_identical_calls",
                preferences.max_fuzzy_identical_calls,
            ),
        ];
        for (name, most) in counted {
            self.range(&format!("/preferences/{name}"), most, &(1..=u32::MAX));
        }
        let loops = doom::Config::new(
            preferences.max_identical_calls.filter(|most| *most > 0),
            preferences
                .max_fuzzy_identical_calls
                .filter(|most| *most > 0),
        );
        if let Err(error) = loops {
            self.object(Problem::new("/preferences", error.to_string()));
        }
    }

    /// Looks at one step; returns those that it waits for.
    fn step(&mut self, position: usize, step: &StepSpec, spec: &PlanSpec) -> BTreeSet<usize> {
        let at = format!("/steps/{position}");
        if !is_name(&step.id) {
            self.object(
                Problem::new(
                    format!("{at}/id"),
                    format!("`{}` cannot name a step", text::line(&step.id, 100)),
                )
                .hint("an id has letters, digits, `_` and `-`, at most 64"),
            );
        }
        if step.capability.is_empty() || step.capability.len() > 128 {
            self.object(
                Problem::new(
                    format!("{at}/capability"),
                    format!(
                        "the capability's name has {} bytes, outside 1 to 128",
                        step.capability.len()
                    ),
                )
                .hint("name a configured capability such as `fs.read.v1`, or a component"),
            );
        }
        self.range(
            &format!("{at}/timeout_ms"),
            step.timeout_ms,
            &(1..=*TIMEOUT_MS.end()),
        );
        if let Some(retry) = &step.retry {
            self.retry(&at, retry);
        }
        for label in step.labels.iter().filter(|label| !is_label(label)) {
            self.object(
                Problem::new(
                    format!("{at}/labels"),
                    format!("`{}` cannot be a label", text::line(label, 100)),
                )
                .hint("a label is lower-case words with `-`, such as `untrusted`"),
            );
        }
        let mut needs = BTreeSet::new();
        for before in &step.depends_on {
            match self.positions.get(before) {
                Some(before) => {
                    needs.insert(*before);
                }
                None => {
                    let problem = self.unknown_step(&format!("{at}/depends_on"), before);
                    self.object(problem);
                }
            }
        }
        needs.extend(self.references(&format!("{at}/args"), &step.args, spec, None));
        if let Some(undo) = &step.undo {
            // An undo runs after everything: it may look at what is there then, its own step's output first.
            self.references(&format!("{at}/undo/args"), &undo.args, spec, Some(&step.id));
        }
        needs
    }

    fn retry(&mut self, at: &str, retry: &RetrySpec) {
        let at = format!("{at}/retry");
        self.range(
            &format!("{at}/max_retries"),
            retry.max_retries,
            &(0..=MOST_RETRIES),
        );
        for (name, delay) in [
            ("base_delay_ms", retry.base_delay_ms),
            ("max_delay_ms", retry.max_delay_ms),
        ] {
            self.range(&format!("{at}/{name}"), delay, &(0..=LONGEST_DELAY_MS));
        }
        let settled = settled_retry(retry);
        if settled.base_ms > settled.most_ms {
            self.object(
                Problem::new(
                    format!("{at}/base_delay_ms"),
                    format!(
                        "the first wait of {} ms is longer than the longest, {} ms",
                        settled.base_ms, settled.most_ms
                    ),
                )
                .hint("lower `base_delay_ms`, or raise `max_delay_ms`"),
            );
        }
    }

    /// The steps that references in a value name. With `own`, only that step and no other.
    pub(super) fn references(
        &mut self,
        at: &str,
        value: &Value,
        spec: &PlanSpec,
        own: Option<&str>,
    ) -> BTreeSet<usize> {
        let found = match refs::references(value) {
            Ok(found) => found,
            Err(problems) => {
                for problem in problems {
                    self.object(Problem::about(at, &problem));
                }
                return BTreeSet::new();
            }
        };
        let mut steps = BTreeSet::new();
        for (pointer, reference) in found {
            let pointer = format!("{at}{pointer}");
            match &reference {
                Reference::Output { step, .. } => match (self.positions.get(step), own) {
                    (Some(_), Some(own)) if own != step => self.object(
                        Problem::new(
                            pointer,
                            format!("an undo refers to the step `{}`", text::line(step, 100)),
                        )
                        .hint("it may refer to the output of its own step, and to inputs"),
                    ),
                    (Some(position), _) => {
                        steps.insert(*position);
                    }
                    (None, _) => {
                        let problem = self.unknown_step(&pointer, step);
                        self.object(problem);
                    }
                },
                Reference::Input { name, .. } => {
                    if !spec.inputs.contains_key(name) {
                        let mut problem = self.unknown_input(name, spec);
                        problem.pointer = pointer;
                        self.object(problem);
                    }
                }
                Reference::IdempotencyKey => {}
            }
        }
        steps
    }

    pub(super) fn unknown_step(&self, pointer: &str, step: &str) -> Problem {
        let problem = Problem::new(
            pointer,
            format!("there is no step `{}`", text::line(step, 100)),
        );
        if self.problems.len() >= HINTED {
            return problem;
        }
        close(problem, step, self.positions.keys().map(String::as_str))
    }

    fn unknown_input(&self, name: &str, spec: &PlanSpec) -> Problem {
        let problem = Problem::new(
            "/inputs",
            format!("the plan has no input `{}`", text::line(name, 100)),
        );
        if self.problems.len() >= HINTED {
            return problem;
        }
        close(problem, name, spec.inputs.keys().map(String::as_str))
    }
}

/// In how many places a name can differ from the one that was perhaps meant.
const FARTHEST: usize = 3;
/// The longest name that can have been meant.
const LONGEST_NAME: usize = 128;

/// Hints at the closest of the names that there are.
pub(crate) fn close<'a>(
    problem: Problem,
    wanted: &str,
    known: impl Iterator<Item = &'a str>,
) -> Problem {
    let known: BTreeSet<&str> = known.collect();
    let length = wanted.chars().count();
    let closest = known
        .iter()
        .filter(|name| name.len() <= LONGEST_NAME)
        .filter(|name| name.chars().count().abs_diff(length) <= FARTHEST)
        .map(|name| (strsim::damerau_levenshtein(name, wanted), *name))
        .min();
    match closest {
        Some((distance, name)) if distance <= FARTHEST => {
            problem.hint(format!("did you mean `{}`?", text::line(name, 100)))
        }
        _ if !known.is_empty() => {
            let names: Vec<String> = known
                .iter()
                .take(20)
                .map(|name| format!("`{}`", text::line(name, 64)))
                .collect();
            problem.hint(format!("there is {}", names.join(", ")))
        }
        _ => problem.hint("there is none at all"),
    }
}

fn in_a_circle(circle: &[usize], spec: &PlanSpec) -> Problem {
    let id = |position: &usize| {
        spec.steps
            .get(*position)
            .map(|step| text::line(&step.id, 64))
            .unwrap_or_default()
    };
    let mut names: Vec<String> = circle.iter().take(20).map(id).collect();
    if circle.len() > names.len() {
        names.push("…".to_owned());
    }
    names.extend(circle.first().map(id));
    let first = circle.first().copied().unwrap_or_default();
    Problem::new(
        format!("/steps/{first}"),
        format!("steps wait for each other: {}", names.join(" → ")),
    )
    .hint("remove one of these dependencies or references")
}

fn settled_retry(spec: &RetrySpec) -> Retry {
    let RetrySpec {
        max_retries,
        backoff,
        base_delay_ms,
        max_delay_ms,
        on,
    } = spec;
    Retry {
        max: max_retries.unwrap_or(3),
        backoff: *backoff,
        base_ms: base_delay_ms.unwrap_or(max_delay_ms.map_or(1_000, |most| most.min(1_000))),
        most_ms: max_delay_ms.unwrap_or(base_delay_ms.map_or(30_000, |base| base.max(30_000))),
        on: on
            .as_ref()
            .map(|codes| codes.iter().map(|code| code.as_str().to_owned()).collect()),
    }
}

/// A part of a JSON pointer.
pub(crate) fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}
