#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "what is not named here is the same for all codes"
)]

mod sums;

use std::collections::BTreeSet;

use serde_json::Value;

use super::table::{Checked, Foreseen, Row};
use super::types::Typing;
use super::{Finding, Found, flow, narrowed};
use crate::guard::{Explanation, Policies};
use crate::types::{Code, Decision, Effect, Fault, FaultKind, Principal, WitType, text};
use crate::workflow::machine::{Known, Other};
use crate::workflow::plan::{Criterion, Plan, Problem, Step, close};

/// A plan that was typed, and that the guard has still to be asked about.
pub(crate) struct Draft {
    plan: Plan,
    found: Vec<Option<Found>>,
    labels: Vec<BTreeSet<String>>,
    probes: Vec<Probe>,
    problems: Vec<Problem>,
    others: Vec<Other>,
}

/// A call that the guard is to be asked about.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    /// The step; `None` for a success criterion.
    pub(crate) step: Option<usize>,
    /// What is called: a capability, and a function of it.
    pub(crate) target: (String, Option<String>),
    /// The arguments, as far as they are known.
    pub(crate) args: Value,
    /// Whether they are all known.
    pub(crate) whole: bool,
    /// What the data in them is to be treated as.
    pub(crate) labels: BTreeSet<String>,
    /// Where the call is written.
    pub(crate) pointer: String,
    role: Role,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Step,
    Undo,
    Criterion,
}

impl Probe {
    /// Whether it is a step's own call.
    pub(crate) fn is_step(&self) -> bool {
        self.role == Role::Step
    }
}

/// What the guard said about a probe.
pub(crate) type Asked = Result<Explanation, Fault>;

impl Draft {
    /// Finds and types everything in a plan.
    pub(crate) fn new(plan: Plan, finding: &dyn Finding) -> Self {
        let mut problems = Vec::new();
        let found: Vec<Option<Found>> = plan
            .steps()
            .iter()
            .enumerate()
            .map(|(position, step)| {
                let at = format!("/steps/{position}");
                let (capability, function) = (&step.spec.capability, &step.spec.function);
                find(finding, &plan, (&at, capability, function.as_deref()))
                    .map_err(|problem| problems.push(problem))
                    .ok()
            })
            .collect();
        let own: Vec<BTreeSet<String>> = plan
            .steps()
            .iter()
            .zip(&found)
            .map(|(step, found)| {
                let of_capability = found.iter().flat_map(|found| &found.labels);
                step.spec
                    .labels
                    .iter()
                    .chain(of_capability)
                    .cloned()
                    .collect()
            })
            .collect();
        let (into, out) = flow::labels(&plan, &own);
        let mut draft = Self {
            labels: into,
            found: Vec::new(),
            probes: Vec::new(),
            others: Vec::new(),
            problems,
            plan: plan.clone(),
        };
        let typing = Typing {
            plan: &plan,
            found: &found,
        };
        for (position, step) in plan.steps().iter().enumerate() {
            let labels = draft.labels.get(position).cloned().unwrap_or_default();
            if let Some(Some(found)) = found.get(position) {
                draft.step(&typing, (position, step), found, labels);
            }
            draft.undo(&typing, (position, step), finding, &out);
        }
        for (position, criterion) in plan.spec().success.iter().enumerate() {
            draft.problems.extend(typing.criterion(position, criterion));
            draft.criterion(&typing, (position, criterion), finding, &out);
        }
        draft.found = found;
        for (found, step) in draft.found.iter_mut().zip(plan.steps()) {
            if let Some(found) = found {
                found.known = narrowed(found.known.clone(), &step.spec);
            }
        }
        draft
    }

    /// The calls that the guard is to be asked about.
    pub(crate) fn probes(&self) -> &[Probe] {
        &self.probes
    }

    fn step(
        &mut self,
        typing: &Typing<'_>,
        (position, step): (usize, &Step),
        found: &Found,
        labels: BTreeSet<String>,
    ) {
        let at = format!("/steps/{position}");
        let misfits = typing.fit(&format!("{at}/args"), &step.spec.args, found);
        let fits = misfits.is_empty();
        self.problems.extend(misfits);
        self.habits(&at, step, found);
        if !fits {
            return;
        }
        let filled = typing.filled(&format!("{at}/args"), &step.spec.args, &step.spec.id);
        if let Some((args, whole)) = self.noted(filled) {
            self.probes.push(Probe {
                step: Some(position),
                target: (step.spec.capability.clone(), step.spec.function.clone()),
                args,
                whole,
                labels,
                pointer: at,
                role: Role::Step,
            });
        }
    }

    /// Notes what is wrong, if something is.
    fn noted<T>(&mut self, found: Result<T, Problem>) -> Option<T> {
        found.map_err(|problem| self.problems.push(problem)).ok()
    }

    /// What a step should have, given what its action does.
    fn habits(&mut self, at: &str, step: &Step, found: &Found) {
        let declared = found.declared.as_ref();
        let destroys =
            declared.is_some_and(|declared| declared.effects.contains(&Effect::Destructive));
        if destroys && step.spec.undo.is_none() && step.spec.approval.is_none() {
            self.problems.push(
                Problem::new(at, "a destructive action has neither `undo` nor `approval`").hint(
                    "say how it is taken back with `undo`, or who has to approve it with `approval`",
                ),
            );
        }
        if step.spec.retry.is_some()
            && !found.known.repeatable
            && step.retry.as_ref().is_some_and(|retry| retry.on.is_none())
        {
            self.problems.push(
                Problem::new(
                    format!("{at}/retry"),
                    "the action is not declared idempotent or pure, so nothing is repeated",
                )
                .hint("name the failures that it is safe to repeat after, in `on`")
                .warning(),
            );
        }
        let longest = self.plan.timeout_ms();
        if step
            .spec
            .timeout_ms
            .is_some_and(|timeout| timeout > longest)
        {
            self.problems.push(
                Problem::new(
                    format!("{at}/timeout_ms"),
                    format!("the step may take longer than the whole workflow, {longest} ms"),
                )
                .hint("lower it, or raise the plan's `timeout_ms`")
                .warning(),
            );
        }
    }

    fn undo(
        &mut self,
        typing: &Typing<'_>,
        (position, step): (usize, &Step),
        finding: &dyn Finding,
        out: &[BTreeSet<String>],
    ) {
        let Some(undo) = &step.spec.undo else { return };
        let at = format!("/steps/{position}/undo");
        let capability = undo.capability.as_ref().unwrap_or(&step.spec.capability);
        let target = (at.as_str(), capability, undo.function.as_deref());
        let found = match find(finding, &self.plan, target) {
            Ok(found) => found,
            Err(problem) => {
                self.problems.push(problem);
                return;
            }
        };
        self.other(capability, undo.function.as_ref(), &found);
        let misfits = typing.fit(&format!("{at}/args"), &undo.args, &found);
        if !misfits.is_empty() {
            self.problems.extend(misfits);
            return;
        }
        let filled = typing.filled(&format!("{at}/args"), &undo.args, &step.spec.id);
        if let Some((args, whole)) = self.noted(filled) {
            let labels = flow::sources(&self.plan, &undo.args)
                .into_iter()
                .filter_map(|source| out.get(source))
                .flatten()
                .cloned()
                .collect();
            self.probes.push(Probe {
                step: Some(position),
                target: (capability.clone(), undo.function.clone()),
                args,
                whole,
                labels,
                pointer: at,
                role: Role::Undo,
            });
        }
    }

    /// Notes what is called besides the steps, so that it is known if it changes.
    fn other(&mut self, capability: &str, function: Option<&String>, found: &Found) {
        let other = Other {
            capability: capability.to_owned(),
            function: function.cloned(),
            action: found.known.action.clone(),
            digest: found.known.digest,
        };
        if !self.others.contains(&other) {
            self.others.push(other);
        }
    }

    fn criterion(
        &mut self,
        typing: &Typing<'_>,
        (position, criterion): (usize, &Criterion),
        finding: &dyn Finding,
        out: &[BTreeSet<String>],
    ) {
        let Criterion::Holds {
            capability,
            function,
            args,
        } = criterion
        else {
            return;
        };
        let at = format!("/success/{position}/holds");
        let found = match find(finding, &self.plan, (&at, capability, function.as_deref())) {
            Ok(found) => found,
            Err(problem) => {
                self.problems.push(problem);
                return;
            }
        };
        if !found
            .declared
            .as_ref()
            .is_some_and(|declared| declared.pure)
        {
            self.problems
                .push(Problem::new(&at, "the function is not declared pure").hint(
                    "a criterion only looks: use a function whose manifest says `\"pure\": true`",
                ));
        }
        if found.function.result != Some(WitType::Bool) {
            let returns = found
                .function
                .result
                .as_ref()
                .map_or_else(|| "nothing".to_owned(), |result| format!("`{result}`"));
            self.problems.push(
                Problem::new(&at, format!("the function returns {returns}"))
                    .hint("a criterion needs a function that returns `bool`"),
            );
        }
        self.other(capability, function.as_ref(), &found);
        let misfits = typing.fit(&format!("{at}/args"), args, &found);
        if !misfits.is_empty() {
            self.problems.extend(misfits);
            return;
        }
        let filled = typing.filled(&format!("{at}/args"), args, "");
        if let Some((filled, whole)) = self.noted(filled) {
            let labels = flow::sources(&self.plan, args)
                .into_iter()
                .filter_map(|source| out.get(source))
                .flatten()
                .cloned()
                .collect();
            self.probes.push(Probe {
                step: None,
                target: (capability.clone(), function.clone()),
                args: filled,
                whole,
                labels,
                pointer: at,
                role: Role::Criterion,
            });
        }
    }

    /// Puts together what the guard said about every probe, in their order, and all the rest.
    pub(crate) fn conclude(
        mut self,
        answers: Vec<Asked>,
        policies: &Policies,
        principal: Principal,
    ) -> Checked {
        let mut rows = self.rows();
        let mut approvals = BTreeSet::new();
        for (position, step) in self.plan.steps().iter().enumerate() {
            if step.spec.approval.is_some() {
                approvals.insert(position);
                if let Some(row) = rows.get_mut(position) {
                    row.foreseen = Foreseen::Ask;
                }
            }
        }
        for (probe, answer) in self.probes.iter().zip(answers) {
            let explained = match answer {
                Ok(explained) => explained,
                Err(fault)
                    if probe.whole || !matches!(fault.kind(), FaultKind::Argument { .. }) =>
                {
                    self.problems.push(objection(&probe.pointer, &fault));
                    continue;
                }
                // A sample need not be what the function takes.
                Err(_) => continue,
            };
            let decision = explained.verdict.decision;
            let certain = probe.whole || is_about_the_action(&explained, policies);
            if probe.role == Role::Step
                && let Some(row) = probe.step.and_then(|step| rows.get_mut(step))
            {
                row.policies.clone_from(&explained.verdict.policies);
                row.foreseen = match (certain, decision) {
                    _ if row.foreseen == Foreseen::Ask && decision.permits() => Foreseen::Ask,
                    (true, decision) => decision.into(),
                    (false, _) => Foreseen::WhenItRuns,
                };
            }
            match (decision, probe.role) {
                (Decision::Ask, Role::Step) => approvals.extend(probe.step),
                // Nobody waits for an answer while a workflow ends, so it would not be done.
                (Decision::Ask, Role::Undo | Role::Criterion) => self.problems.push(
                    Problem::new(
                        &probe.pointer,
                        "it would need an approval, which an undo and a criterion cannot wait for",
                    )
                    .coded(Code::DeniedApproval)
                    .hint("use another function here, or have the operator permit it"),
                ),
                _ => {}
            }
            if matches!(decision, Decision::Deny | Decision::Kill) {
                let problem = denied(probe, &explained);
                self.problems
                    .push(if certain { problem } else { problem.warning() });
            }
        }
        let worst = self.worst();
        self.sums(worst);
        self.problems.sort_by_key(|problem| problem.warning);
        Checked {
            hash: self.plan.hash(),
            principal,
            approvals: approvals
                .into_iter()
                .filter_map(|position| self.plan.steps().get(position))
                .map(|step| step.spec.id.clone())
                .collect(),
            rows,
            problems: self.problems,
            worst,
            known: self.found.iter().map(known).collect(),
            others: self.others,
            plan: self.plan,
        }
    }

    fn rows(&self) -> Vec<Row> {
        let ids: Vec<&str> = self
            .plan
            .steps()
            .iter()
            .map(|step| step.spec.id.as_str())
            .collect();
        self.plan
            .steps()
            .iter()
            .enumerate()
            .map(|(position, step)| {
                let found = self.found.get(position).and_then(Option::as_ref);
                let known = found.map(|found| found.known.clone()).unwrap_or_default();
                Row {
                    step: step.spec.id.clone(),
                    action: known.action,
                    effects: found
                        .and_then(|found| found.declared.as_ref())
                        .map(|declared| declared.effects.clone())
                        .unwrap_or_default(),
                    foreseen: Foreseen::WhenItRuns,
                    policies: Vec::new(),
                    labels: self.labels.get(position).cloned().unwrap_or_default(),
                    after: self
                        .plan
                        .graph()
                        .needs(position)
                        .iter()
                        .filter_map(|need| ids.get(*need))
                        .map(|id| (*id).to_owned())
                        .collect(),
                    attempts: step.retry.as_ref().map_or(1, |retry| retry.max + 1),
                    fuel: known.fuel,
                    wall_ms: known.wall_ms,
                }
            })
            .collect()
    }
}

fn known(found: &Option<Found>) -> Known {
    found
        .as_ref()
        .map(|found| found.known.clone())
        .unwrap_or_default()
}

/// Finds what a call is about, within what the plan allows itself.
fn find(
    finding: &dyn Finding,
    plan: &Plan,
    (at, capability, function): (&str, &String, Option<&str>),
) -> Result<Found, Problem> {
    let shown = text::line(capability, 128);
    if !plan.allows(capability) {
        return Err(Problem::new(
            format!("{at}/capability"),
            format!("`{shown}` is not among the `allowed_capabilities` of the plan"),
        )
        .hint("add it there, or use another capability"));
    }
    finding.find(capability, function).map_err(|fault| {
        let at = match fault.code() {
            Code::InvalidFunction => format!("{at}/function"),
            _ => format!("{at}/capability"),
        };
        let problem = objection(&at, &fault);
        if problem.hint.is_empty() {
            let names = finding.names();
            return close(problem, capability, names.iter().map(String::as_str));
        }
        problem
    })
}

fn objection(at: &str, fault: &Fault) -> Problem {
    let code = match fault.code() {
        Code::InvalidArgs | Code::InvalidFunction | Code::UnknownCapability => Code::InvalidPlan,
        code => code,
    };
    Problem::new(at, fault.to_string())
        .coded(code)
        .hint(fault.hints().join("; "))
}

/// Whether what decides looks at the action alone, and not at arguments that are not known yet.
fn is_about_the_action(explained: &Explanation, policies: &Policies) -> bool {
    let Some(ban) = &explained.judgement.ban else {
        return false;
    };
    ban.policies.iter().any(|policy| {
        policies
            .rules()
            .iter()
            .any(|rule| rule.id == policy.id && !rule.looks_at_arguments())
    })
}

fn denied(probe: &Probe, explained: &Explanation) -> Problem {
    let verdict = &explained.verdict;
    let by = verdict.policies.first().map_or_else(
        || "no policy permits it".to_owned(),
        |policy| format!("`{policy}`"),
    );
    let reason = if verdict.reason.is_empty() {
        by
    } else {
        format!("{} ({by})", verdict.reason)
    };
    let mut changes: Vec<String> = explained.changes.iter().map(ToString::to_string).collect();
    if changes.is_empty() {
        changes.push("leave the step out, or have the operator change that policy".to_owned());
    }
    Problem::new(
        &probe.pointer,
        format!(
            "the action `{}` is denied: {reason}",
            text::line(&explained.action.name, 128)
        ),
    )
    .coded(Code::DeniedPolicy)
    .hint(changes.join("; "))
}
