//! What is told of a run.

use super::{Run, Stage};
use crate::event::EventKind;
use crate::guard::{Permit, Refusal};
use crate::types::text::MOST_IN_EVENT;
use crate::types::{
    Bounded, Decision, Digest, Failure, Fault, FaultKind, Function, Outcome, Verdict,
};

impl Run<'_> {
    /// Reports what the guard permits, and what somebody should look at.
    pub(super) fn permitted(&mut self, permit: &Permit, function: Option<&Function>) {
        let permitted = permit.peek();
        self.limits = permitted.limits;
        self.grants = permitted.grants.list();
        self.verdict = Some(permitted.verdict.clone());
        let judged = || permit.judged();
        if permitted.skipped {
            self.emitter
                .emit(|| EventKind::ApprovalSkipped { action: judged() });
        }
        match permitted.verdict.decision {
            Decision::Allow => {}
            Decision::Warn => self.emitter.emit(|| EventKind::VerdictWarned(judged())),
            // It runs all the same, because policies are only observed.
            Decision::Ask | Decision::Deny => {
                self.emitter.emit(|| EventKind::VerdictDenied(judged()));
            }
            Decision::Kill => self.emitter.emit(|| EventKind::VerdictKilled(judged())),
        }
        self.emitter.emit(|| EventKind::PermitIssued {
            digest: self.component.digest.unwrap_or_else(|| Digest::of(&[])),
            principal: judged().principal,
            action: judged().action,
            function: function.map(|function| function.full_name()),
            limits: permitted.limits,
            grants: permitted.grants.list(),
            verdict: permitted.verdict.clone(),
            unused: permitted.unused.clone(),
        });
    }

    /// Reports what the guard refused.
    pub(super) fn denied(&mut self, fault: &Fault, verdict: Verdict) {
        if let FaultKind::Denied(denials) = fault.kind() {
            self.emitter.emit(|| EventKind::PermitDenied {
                denials: denials.clone(),
                verdict: verdict.clone(),
            });
            self.verdict = Some(verdict);
        }
    }

    /// Reports what policy refused.
    pub(super) fn refused(&mut self, refusal: Refusal) -> Fault {
        let Refusal {
            fault,
            verdict,
            judged,
        } = refusal;
        if let (Decision::Kill, Some(judged)) = (verdict.decision, judged) {
            self.emitter.emit(|| EventKind::VerdictKilled(judged));
        }
        self.verdict = Some(verdict.clone());
        self.denied(&fault, verdict);
        fault
    }

    /// The last events of a call and of its run.
    pub(super) fn last_events(&mut self, outcome: &Outcome, denied: u64) {
        let failure = || outcome.fault().map(Failure::from);
        if self.stage == Stage::Calling {
            self.emitter.emit(|| EventKind::CallCompleted {
                status: outcome.status(),
                usage: *outcome.usage(),
                exit_code: outcome.exit_code(),
                value: Bounded::new(outcome.value().as_str(), MOST_IN_EVENT),
                denials: denied,
                error: failure(),
            });
            self.emitter.leave();
        }
        self.emitter.emit(|| EventKind::RunCompleted {
            status: outcome.status(),
            error: failure(),
        });
        self.stage = Stage::Ended;
    }
}
