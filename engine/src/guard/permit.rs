use super::{ApprovalDesk, Grants, Target};
use crate::event::Judged;
use crate::types::{
    Action, ApprovalRequest, Code, Decision, Denial, Digest, Fault, FaultKind, Grant, Limits,
    Token, Verdict, Via, text,
};

/// Proof that the guard let one component start once, with these arguments.
///
/// Not `Clone`, and made by the guard alone. To use it is to give it up.
#[derive(Debug)]
#[must_use = "a permit does nothing until an instance is started with it"]
pub(crate) struct Permit(Box<Permitted>);

/// What is given with a permit, and under which policies.
pub(super) struct Given {
    pub(super) grants: Grants,
    pub(super) limits: Limits,
    pub(super) unused: Vec<Grant>,
    pub(super) policies: Digest,
    /// Who has to approve; `None` if nobody has to, empty if anybody may.
    pub(super) approvers: Option<String>,
}

/// What a used permit leaves behind.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) target: Target,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) verdict: Verdict,
    /// Whether an earlier answer spared somebody the question.
    pub(crate) skipped: bool,
    /// What policies say that are only observed, where a plan asks somebody all the same.
    observed: Option<Verdict>,
    /// Grants of the outer layers that the component has no use for, and is not given.
    pub(crate) unused: Vec<Grant>,
    approvers: Option<String>,
    /// The policies that it was decided under.
    policies: Digest,
    pub(crate) action: Action,
}

impl Permit {
    /// Binds a decision to all that it was made about. Only the guard decides.
    pub(super) fn new(action: Action, target: Target, verdict: Verdict, given: Given) -> Self {
        let Given {
            grants,
            limits,
            unused,
            policies,
            approvers,
        } = given;
        Self(Box::new(Permitted {
            target,
            policies,
            approvers,
            limits,
            grants,
            verdict,
            skipped: false,
            observed: None,
            unused,
            action,
        }))
    }

    /// Nobody had to be asked, because of an earlier answer.
    pub(super) fn skipped(mut self) -> Self {
        self.0.skipped = true;
        self
    }

    /// Policies, which are only observed, say this.
    pub(super) fn observing(mut self, verdict: Verdict) -> Self {
        self.0.observed = Some(verdict);
        self
    }

    /// What it permits, to look at.
    pub(crate) fn peek(&self) -> &Permitted {
        &self.0
    }

    /// The action and what policy says about it, for events.
    pub(crate) fn judged(&self) -> Judged {
        judged(&self.0.action, &self.0.verdict)
    }

    /// Gives the permit up for what it permits, if that is still what was decided.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Stale`] if the component, the arguments or the policies are others now.
    pub(crate) fn spend(
        self,
        component: Digest,
        arguments: Digest,
        policies: Digest,
    ) -> Result<Box<Permitted>, Fault> {
        let Permit(permitted) = self;
        let decided = &permitted.action;
        let what = if component != decided.digest {
            "the component"
        } else if arguments != decided.arguments {
            "the arguments"
        } else if policies != permitted.policies {
            "the policies"
        } else {
            return Ok(permitted);
        };
        Err(Fault::new(FaultKind::Stale { what }).hint("ask again"))
    }
}

pub(super) fn judged(action: &Action, verdict: &Verdict) -> Judged {
    Judged {
        principal: action.principal.as_str().to_owned(),
        action: action.name.clone(),
        policies: verdict.policies.clone(),
        reason: verdict.reason.clone(),
        hint: String::new(),
    }
}

/// What a decision is made about, besides policies.
#[derive(Clone, Copy)]
struct About<'a> {
    action: &'a Action,
    grants: &'a Grants,
    limits: &'a Limits,
    approvers: Option<&'a str>,
}

impl About<'_> {
    /// The hash that binds a decision to all it was made about.
    fn hash(self, policies: Digest) -> Digest {
        let About {
            action,
            grants,
            limits,
            approvers,
        } = self;
        let Action {
            principal,
            via,
            name,
            also: _,
            component: _,
            version: _,
            digest,
            function,
            declared: _, // part of the component
            arguments,
            step,
            labels,
        } = action;
        let step = step
            .as_ref()
            .map(|(workflow, step)| format!("{workflow} {step}"))
            .unwrap_or_default();
        // What its caller has left for it is chance, as its time is, and no part of what somebody decides.
        let limits = (*via != Via::Called).then_some(limits);
        // All of this is plain data, so it always has a JSON form.
        let grants = serde_json::to_vec(&(grants.list(), grants.env(), limits)).unwrap_or_default();
        let labels = serde_json::to_vec(labels).unwrap_or_default();
        let approvers = serde_json::to_vec(&approvers).unwrap_or_default();
        Digest::of_parts([
            "decision 3".as_bytes(),
            principal.as_str().as_bytes(),
            via.as_str().as_bytes(),
            name.as_bytes(),
            digest.as_bytes(),
            function.as_bytes(),
            arguments.as_bytes(),
            step.as_bytes(),
            &labels,
            &grants,
            &approvers,
            policies.as_bytes(),
        ])
    }
}

/// What came of asking.
#[derive(Debug)]
pub(crate) enum Decided {
    /// It may run.
    Permitted(Permit),
    /// It may run once somebody approves.
    Waits(Waiting),
    /// It may not run.
    Refused(Box<Refusal>),
}

/// Why an action may not run.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) fault: Fault,
    pub(crate) verdict: Verdict,
    /// The action; `None` if it is lost.
    pub(crate) judged: Option<Judged>,
}

impl Refusal {
    /// An action that was lost on the way to a decision.
    pub(crate) fn lost(fault: Fault) -> Self {
        Self {
            fault,
            verdict: Verdict::new(Decision::Deny, &[]),
            judged: None,
        }
    }
}

/// An action that waits for an approval.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) permit: Permit,
}

impl Waiting {
    /// Who may approve, separated by `,`; empty if anybody may.
    pub(crate) fn approvers(&self) -> &str {
        self.permit.0.approvers.as_deref().unwrap_or_default()
    }

    /// The action that waits.
    pub(crate) fn action(&self) -> &Action {
        &self.permit.0.action
    }

    /// The hash that an approval is bound to.
    pub(crate) fn decision(&self) -> Digest {
        let Permitted {
            action,
            grants,
            limits,
            approvers,
            policies,
            ..
        } = &*self.permit.0;
        About {
            action,
            grants,
            limits,
            approvers: approvers.as_deref(),
        }
        .hash(*policies)
    }

    pub(crate) fn permitted(&self) -> &Permitted {
        &self.permit.0
    }

    /// The action and what policy says about it, for events.
    pub(crate) fn judged(&self) -> Judged {
        self.permit.judged()
    }

    /// Somebody approved: the permit.
    pub(crate) fn approved(self, because: String) -> Permit {
        let Permit(mut permitted) = self.permit;
        permitted.verdict = match permitted.observed.clone() {
            // What is observed stays the verdict, so that it is told as where nobody had to be asked.
            Some(observed) if observed.reason.is_empty() => Verdict {
                reason: because,
                ..observed
            },
            Some(observed) => Verdict {
                reason: format!("{}; {because}", observed.reason),
                ..observed
            },
            None => Verdict {
                decision: Decision::Allow,
                reason: because,
                ..permitted.verdict
            },
        };
        Permit(permitted)
    }

    /// Nobody did: the refusal.
    pub(crate) fn refused(self, fault: Fault) -> Refusal {
        Refusal {
            fault,
            judged: Some(self.permit.judged()),
            verdict: self.permit.0.verdict,
        }
    }

    /// The question is left for somebody to answer: how, and how to go on then.
    ///
    /// The token is told to whoever asked and to nobody else, so it is not in a hint that events carry.
    pub(crate) fn left(
        self,
        desk: &ApprovalDesk,
        request: &ApprovalRequest,
        token: &Token,
    ) -> Refusal {
        let mut refusal = self.pending(desk, request);
        refusal.fault = refusal
            .fault
            .confide(format!("then run the same again with `--approval {token}`"));
        refusal
    }

    /// The question was asked before and waits for somebody to answer: how.
    pub(crate) fn pending(self, desk: &ApprovalDesk, request: &ApprovalRequest) -> Refusal {
        let mut refusal = self.denied(format!(
            "have it approved with `{}` before {}",
            desk.command(&request.id),
            request
                .expires
                .round(jiff::Unit::Second)
                .unwrap_or(request.expires)
        ));
        refusal.fault = refusal.fault.asking(&request.id);
        refusal
    }

    /// There is nobody to ask.
    pub(crate) fn unanswered(self) -> Refusal {
        self.denied(
            "give the engine a store of approvals, so that somebody can be asked".to_owned(),
        )
    }

    fn denied(self, hint: String) -> Refusal {
        let verdict = &self.permit.0.verdict;
        let who = if self.approvers().is_empty() {
            String::new()
        } else {
            format!(" by `{}`", text::line(self.approvers(), 128))
        };
        let denial = Denial {
            code: Code::DeniedApproval,
            interface: String::new(),
            operation: "the action".to_owned(),
            target: self.action().name.clone(),
            reason: format!(
                "it needs approval{who}{}",
                because(verdict.policies.first(), &verdict.reason)
            ),
            hint,
            count: 1,
        };
        self.refused(Fault::new(FaultKind::Denied(vec![denial])))
    }
}

/// The deciding policy and its reason, to follow a sentence.
pub(super) fn because(policy: Option<&String>, reason: &str) -> String {
    match (policy, reason) {
        (None, "") => String::new(),
        (None, reason) => format!(": {reason}"),
        (Some(policy), "") => format!(": `{policy}`"),
        (Some(policy), reason) => format!(": {reason} (`{policy}`)"),
    }
}

#[cfg(test)]
mod tests;
