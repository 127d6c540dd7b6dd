use std::collections::BTreeSet;
use std::sync::Arc;

use super::explain::{self, Change, Explanation, Reach};
use super::permit::{Decided, Given, Permit, Refusal, Waiting, because, judged};
use super::policies::Asked;
use super::{Ask, Ban, Force, Grants, Judgement, Lesson, Policies, Policy, Question, paths};
use crate::types::{
    ApprovalRequest, Clock, Code, Decision, Denial, Descriptor, Effect, Fault, FaultKind, Function,
    Grant, Limits, Mode, PolicyRef, Rights, Verdict, text,
};

/// Why such a step is asked about.
const BY_PLAN: &str = "the plan has it approved";

/// Grants and limits narrowed by every layer, and nothing decided yet.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    ask: Ask,
    policy: &'a Policy,
    /// The most that the component itself can do with files, whoever grants them.
    files: Option<Rights>,
    function: Option<&'a Function>,
    grants: Grants,
    limits: Limits,
    unused: Vec<Grant>,
}

impl<'a> Draft<'a> {
    /// Narrows what the operator allows by the manifest, the caller and the plan step.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Denied`] with every grant that was asked for in vain, not the first alone, so that one
    /// round of fixing is enough; [`FaultKind::Config`] if a grant would expose the engine's own state.
    pub(crate) fn new(shape: &'a Descriptor, ask: Ask, policy: &'a Policy) -> Result<Self, Fault> {
        let capability = &ask.capability;
        let mut grants = capability.grants.clone().or_else(|| policy.most().cloned());
        let mut limits = *policy.limits();
        if let Some(asked) = &capability.limits {
            limits = limits.narrowed_by(asked);
        }
        for layer in &ask.layers {
            if let Some(asked) = &layer.limits {
                limits = limits.narrowed_by(asked);
            }
            let denied = |denials| {
                Fault::new(FaultKind::Denied(denials)).hint("see `denials` for what to grant")
            };
            if let Some(keep) = &layer.keep {
                grants = Some(grants.unwrap_or_default().only(keep).map_err(denied)?);
            }
            // An absent layer does not restrict.
            let Some(asked) = &layer.grants else {
                continue;
            };
            grants = Some(match grants {
                // The operator's layer was checked when the engine was built; what is within it is as well.
                None => {
                    policy.keep_out(asked)?;
                    asked.clone()
                }
                Some(outer) => outer
                    .narrowed_by(asked)
                    .map_err(|denials| denied(hints(denials, asked, &ask, policy)))?,
            });
        }
        // Where no layer grants, nothing is granted.
        let mut grants = grants.unwrap_or_default();
        let mut unused = Vec::new();
        let mut files = Some(Rights::ReadWrite);
        if let Some(manifest) = shape.manifest() {
            limits = manifest.asks.limits.narrow(&limits);
            files = manifest.asks.files;
            unused = grants.keep(files, |name| manifest.asks.env.contains(name));
            unused.extend(grants.keep_actions(|name| manifest.asks.actions.contains(name)));
        }
        if let Some(declared) = &ask.action.declared {
            files = files.min(rights(&declared.effects));
        }
        if !shape.imports_any("wasi:filesystem/") {
            files = None;
        }
        unused.extend(grants.keep(files, |_| true));
        if !shape.imports_any("wasi:cli/environment") {
            unused.extend(grants.keep(Some(Rights::ReadWrite), |_| false));
        }
        if !shape.imports_any("engine:host/actions") {
            unused.extend(grants.keep_actions(|_| false));
        }
        Ok(Self {
            function: ask.target.function(shape),
            ask,
            policy,
            files,
            grants,
            limits,
            unused,
        })
    }

    /// The layers that the grants came through.
    fn reach(&self) -> Reach<'_> {
        Reach {
            policy: self.policy,
            ask: &self.ask,
            most: self.files,
        }
    }

    /// Asks the policies.
    ///
    /// `arguments` gives the arguments in their canonical form, if anybody wants to look at them.
    pub(crate) async fn decide(
        self,
        policies: &Policies,
        clock: &dyn Clock,
        arguments: &(dyn Fn() -> serde_json::Value + Sync),
    ) -> Decided {
        // What a plan wants approved is, whatever becomes of what policies say.
        if policies.mode() == Mode::Off
            && let Some(approvers) = self.ask.approvers.clone()
        {
            let verdict = asked_by_plan(policies.unasked());
            return Decided::Waits(Waiting {
                permit: self.permit(policies, verdict, Some(approvers)),
            });
        }
        if policies.mode() == Mode::Off {
            return Decided::Permitted(self.permit(policies, policies.unasked(), None));
        }
        let consulted = self.consult(policies, arguments).await;
        let observes = policies.mode() == Mode::Observe;
        let (judgement, verdict, changes) = {
            let question = self.question(arguments);
            let mut judgement = policies.judge(&question, clock).and(consulted);
            if !observes {
                judgement = judgement.and(self.asked());
            }
            let verdict = policies.verdict(&judgement, &question);
            let changes = explain::changes(&question, &judgement, &verdict, &self.reach());
            (judgement, verdict, changes)
        };
        if observes && let Some(approvers) = self.ask.approvers.clone() {
            let asks = asked_by_plan(verdict.clone());
            let permit = self.permit(policies, asks, Some(approvers));
            return Decided::Waits(Waiting {
                permit: permit.observing(verdict),
            });
        }
        match verdict.decision {
            Decision::Allow | Decision::Warn => {
                Decided::Permitted(self.permit(policies, verdict, None))
            }
            _ if observes => Decided::Permitted(self.permit(policies, verdict, None)),
            Decision::Ask => {
                let approvers = judgement.ban.map(|ban| ban.force.approvers());
                let approvers = approvers.unwrap_or_default();
                if let Some(lesson) =
                    policies.lesson(&self.ask.action, &self.grants, &verdict, &approvers)
                {
                    return self.learned(policies, lesson, verdict);
                }
                Decided::Waits(Waiting {
                    permit: self.permit(policies, verdict, Some(approvers)),
                })
            }
            Decision::Deny | Decision::Kill => self.refused(verdict, &changes),
        }
    }

    /// Says what would be decided, why, and what would change it, without a permit.
    pub(crate) async fn explain(
        self,
        policies: &Policies,
        clock: &dyn Clock,
        arguments: &(dyn Fn() -> serde_json::Value + Sync),
    ) -> Explanation {
        let consulted = self.consult(policies, arguments).await;
        let (judgement, facts, verdict, changes) = {
            let question = self.question(arguments);
            let judgement = policies
                .judge(&question, clock)
                .and(consulted)
                .and(self.asked());
            let facts = question.facts().clone();
            let verdict = if policies.mode() == Mode::Off {
                policies.unasked()
            } else {
                policies.verdict(&judgement, &question)
            };
            let changes = explain::changes(&question, &judgement, &verdict, &self.reach());
            (judgement, facts, verdict, changes)
        };
        let asks = verdict.decision == Decision::Ask;
        let approvers = judgement.ban.as_ref().filter(|_| asks);
        let approvers = approvers.map(|ban| ban.force.clone().approvers());
        let lesson = approvers.and_then(|approvers| {
            policies.lesson(&self.ask.action, &self.grants, &verdict, &approvers)
        });
        let (verdict, changes) = match lesson {
            Some(lesson) if lesson.allow => (said_always(lesson, verdict), Vec::new()),
            Some(lesson) => (said_always(lesson, verdict), vec![forget()]),
            None => (verdict, changes),
        };
        Explanation {
            grants: self.grants.list(),
            unused: self.unused,
            limits: policies.limit(&self.limits),
            action: self.ask.action,
            facts,
            judgement,
            verdict,
            changes,
        }
    }

    fn question<'q>(
        &'q self,
        arguments: &'q (dyn Fn() -> serde_json::Value + Sync),
    ) -> Question<'q> {
        Question::new(
            &self.ask.action,
            self.function,
            &self.grants,
            self.ask.counters,
            arguments,
        )
    }

    /// What the plan itself asks for: somebody's approval.
    fn asked(&self) -> Judgement {
        let ban = self.ask.approvers.clone().map(|approvers| Ban {
            force: Force::Ask(approvers),
            policies: vec![PolicyRef::builtin(ApprovalRequest::BY_PLAN)],
            reason: BY_PLAN.to_owned(),
        });
        Judgement {
            permission: None,
            ban,
        }
    }

    /// Asks the guards of one's own, if there are any.
    async fn consult(
        &self,
        policies: &Policies,
        arguments: &(dyn Fn() -> serde_json::Value + Sync),
    ) -> Judgement {
        if !policies.consults() {
            return Judgement::default();
        }
        let asked = Arc::new(Asked {
            action: self.ask.action.clone(),
            function: self.function.cloned(),
            grants: self.grants.clone(),
            counters: self.ask.counters,
            arguments: arguments(),
        });
        policies.consult(&asked).await
    }

    /// What an earlier answer says, so that nobody is asked again.
    fn learned(self, policies: &Policies, lesson: &Lesson, verdict: Verdict) -> Decided {
        let verdict = said_always(lesson, verdict);
        if lesson.allow {
            return Decided::Permitted(self.permit(policies, verdict, None).skipped());
        }
        self.refused(verdict, &[forget()])
    }

    fn refused(&self, verdict: Verdict, changes: &[Change]) -> Decided {
        Decided::Refused(Box::new(Refusal {
            fault: self.refusal(&verdict, changes),
            judged: Some(judged(&self.ask.action, &verdict)),
            verdict,
        }))
    }

    fn permit(self, policies: &Policies, verdict: Verdict, approvers: Option<String>) -> Permit {
        let Draft {
            ask,
            grants,
            limits,
            unused,
            ..
        } = self;
        let given = Given {
            grants,
            limits: policies.limit(&limits),
            unused,
            policies: policies.digest(),
            approvers,
        };
        Permit::new(ask.action, ask.target, verdict, given)
    }

    fn refusal(&self, verdict: &Verdict, changes: &[Change]) -> Fault {
        let hint: Vec<String> = changes.iter().map(Change::to_string).collect();
        let by = because(verdict.policies.first(), &verdict.reason);
        let denial = Denial {
            code: Code::DeniedPolicy,
            interface: String::new(),
            operation: "the action".to_owned(),
            target: self.ask.action.name.clone(),
            reason: by.trim_start_matches(": ").to_owned(),
            hint: hint.join("; "),
            count: 1,
        };
        let fault = Fault::new(FaultKind::Denied(vec![denial]));
        let places = verdict.places.iter().filter(|place| place.file.is_some());
        places.fold(fault, |fault, place| fault.hint(format!("see {place}")))
    }
}

/// The verdict that a plan asks somebody, in the place of what policies say.
fn asked_by_plan(verdict: Verdict) -> Verdict {
    Verdict {
        decision: Decision::Ask,
        policies: vec![ApprovalRequest::BY_PLAN.to_owned()],
        places: Vec::new(),
        reason: BY_PLAN.to_owned(),
        ..verdict
    }
}

/// Says of every grant that was asked for in vain where it would have to be written: one more option of the command line
/// only narrows what a file grants.
fn hints(denials: Vec<Denial>, asked: &Grants, ask: &Ask, policy: &Policy) -> Vec<Denial> {
    let reach = Reach {
        policy,
        ask,
        most: Some(Rights::ReadWrite),
    };
    let hinted = denials.into_iter().map(|denial| {
        let dir = asked
            .dirs()
            .iter()
            .find(|dir| denial.operation == "directory" && paths::show(&dir.host) == denial.target);
        match dir.and_then(|dir| reach.outside(dir)) {
            Some(hint) => Denial { hint, ..denial },
            None => denial,
        }
    });
    hinted.collect()
}

/// What a function may do in granted directories, by the effects that it declares.
fn rights(effects: &BTreeSet<Effect>) -> Option<Rights> {
    if effects.contains(&Effect::Write) || effects.contains(&Effect::Destructive) {
        Some(Rights::ReadWrite)
    } else {
        effects.contains(&Effect::Read).then_some(Rights::ReadOnly)
    }
}

/// The verdict on an action about which somebody answered for always.
fn said_always(lesson: &Lesson, verdict: Verdict) -> Verdict {
    Verdict {
        decision: if lesson.allow {
            Decision::Allow
        } else {
            Decision::Deny
        },
        reason: format!("`{}` said always", text::line(lesson.by.as_str(), 128)),
        ..verdict
    }
}

/// How a no for always is taken back.
fn forget() -> Change {
    Change::Otherwise(
        "take the answer back: remove it from `learned.toml` beside the configuration".to_owned(),
    )
}

#[cfg(test)]
mod tests;
