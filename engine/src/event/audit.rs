use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Event, EventKind};
use crate::types::{Bounded, Code, Denial, Digest, Failure, Verdict, secrets};

/// How much of what went in and came out is written down.
///
/// In both modes, secrets that can be recognised are replaced by `[secret]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audit {
    /// Arguments, outputs and results as they were, up to 64 KiB each.
    #[default]
    Full,
    /// Their lengths and digests alone.
    Metadata,
}

impl Audit {
    /// The event as it may be written down.
    #[must_use]
    pub fn of<'a>(self, event: &'a Event) -> Cow<'a, Event> {
        if self == Audit::Full && !secrets::finds(&event.to_json()) {
            return Cow::Borrowed(event);
        }
        let mut copy = event.clone();
        self.strip(&mut copy.kind);
        Cow::Owned(copy)
    }

    /// The event as it may be written down, on one line of JSON.
    #[must_use]
    pub fn json(self, event: &Event) -> String {
        let json = event.to_json();
        if self == Audit::Full && !secrets::finds(&json) {
            return json;
        }
        let mut copy = event.clone();
        self.strip(&mut copy.kind);
        copy.to_json()
    }

    fn strip(self, kind: &mut EventKind) {
        match kind {
            EventKind::CallStarted { arguments, .. }
            | EventKind::ReplayUncertain { arguments, .. } => self.bounded(arguments),
            EventKind::CallCompleted { value, error, .. } => {
                self.bounded(value);
                self.failure(error.as_mut());
            }
            EventKind::RunCompleted { error, .. } | EventKind::WorkflowCompleted { error, .. } => {
                self.failure(error.as_mut());
            }
            EventKind::Output {
                text,
                base64,
                digest,
                ..
            } => self.output(text, base64, digest),
            EventKind::Logged { message, .. } | EventKind::Progressed { message, .. } => {
                self.bounded(message);
            }
            EventKind::ApprovalResolved { answer, .. } => {
                if let Some(arguments) = &mut answer.arguments {
                    self.bounded(arguments);
                }
                self.text(&mut answer.reason);
            }
            EventKind::WorkflowStarted { goal, .. } => self.bounded(goal),
            EventKind::WorkflowSuspended { prompt, .. } => self.bounded(prompt),
            EventKind::UserActed { detail, .. } => self.bounded(detail),
            EventKind::RetryScheduled { error, .. } => self.failure(Some(error)),
            EventKind::StepCompleted(end) | EventKind::StepUndone(end) => {
                self.failure(end.error.as_mut());
            }
            EventKind::PlanRejected { problems, .. } => problems
                .iter_mut()
                .for_each(|problem| self.failure(Some(problem))),
            EventKind::ErrorReported {
                message,
                user_message,
                ..
            } => {
                self.text(message);
                self.text(user_message);
            }
            EventKind::StallDetected { evidence, .. } => self.text(evidence),
            EventKind::Other { data, .. } => self.unknown(data),
            EventKind::PermitDenied { denials, verdict } => {
                denials.iter_mut().for_each(|denial| {
                    hide_denial(denial);
                    self.hint(denial);
                });
                self.verdict(verdict);
            }
            EventKind::PermitIssued { verdict, .. } => self.verdict(verdict),
            EventKind::NameRepaired { original, .. } => hide(original),
            EventKind::AccessDenied(denial) => hide_denial(denial),
            EventKind::AccessAllowed(access) => hide(&mut access.target),
            EventKind::RunStarted { component, .. } => hide(component),
            EventKind::ComponentLoaded { name, .. } | EventKind::ArtifactMade { name, .. } => {
                hide(name)
            }
            EventKind::VerdictAllowed(_)
            | EventKind::VerdictWarned(_)
            | EventKind::VerdictDenied(_)
            | EventKind::VerdictKilled(_)
            | EventKind::ApprovalRequested { .. }
            | EventKind::ApprovalSkipped { .. }
            | EventKind::ApprovalExpired { .. }
            | EventKind::CallTimedOut { .. }
            | EventKind::LimitReached { .. }
            | EventKind::BudgetWarned { .. }
            | EventKind::BudgetExceeded { .. }
            | EventKind::PlanProposed { .. }
            | EventKind::PlanChecked { .. }
            | EventKind::WorkflowStateChanged { .. }
            | EventKind::WorkflowResumed { .. }
            | EventKind::StepStarted { .. }
            | EventKind::StepSkipped { .. }
            | EventKind::LoopDetected { .. }
            | EventKind::CacheHit { .. }
            | EventKind::CacheRefused { .. }
            | EventKind::CircuitChanged { .. }
            | EventKind::ComponentRegistered(_)
            | EventKind::ComponentChanged { .. }
            | EventKind::ComponentRemoved(_)
            | EventKind::StreamTruncated { .. }
            | EventKind::HealthReported { .. } => {}
        }
    }

    /// What was found in arguments is made of them.
    fn verdict(self, verdict: &mut Verdict) {
        match self {
            Audit::Full => verdict.facts.iter_mut().for_each(hide),
            Audit::Metadata => verdict.facts.clear(),
        }
    }

    /// The change that would allow an action can hold its arguments.
    fn hint(self, denial: &mut Denial) {
        if self == Audit::Metadata && denial.code == Code::DeniedPolicy {
            denial.hint.clear();
        }
    }

    fn bounded(self, bounded: &mut Bounded) {
        match self {
            Audit::Full => {
                let whole = bounded.text.clone();
                self.text(&mut bounded.text);
                if bounded.text != whole {
                    // It is not what it was, and nobody may take it for that.
                    bounded.truncated = true;
                    bounded
                        .digest
                        .get_or_insert_with(|| Digest::of(whole.as_bytes()));
                }
            }
            Audit::Metadata => *bounded = bounded.withheld(),
        }
    }

    fn text(self, text: &mut String) {
        *text = match self {
            Audit::Full => secrets::hide(text).into_owned(),
            Audit::Metadata if text.is_empty() => return,
            Audit::Metadata => {
                let digest = Digest::of(text.as_bytes());
                format!("[{} bytes, {digest}]", text.len())
            }
        };
    }

    /// A failure keeps its code; its words may repeat arguments and results.
    fn failure(self, failure: Option<&mut Failure>) {
        if let Some(failure) = failure {
            self.text(&mut failure.message);
            failure
                .source
                .causes
                .iter_mut()
                .for_each(|cause| self.text(cause));
            match self {
                Audit::Full => hide(&mut failure.hint),
                Audit::Metadata => failure.hint.clear(),
            }
        }
    }

    fn output(self, text: &mut String, base64: &mut Option<String>, digest: &mut Option<Digest>) {
        let raw = base64
            .as_deref()
            .and_then(|base64| STANDARD.decode(base64).ok())
            .unwrap_or_else(|| text.clone().into_bytes());
        match self {
            Audit::Full => {
                // The raw bytes would say what the text no longer says.
                *base64 = None;
                self.text(text);
            }
            Audit::Metadata => {
                *digest = Some(Digest::of(&raw));
                *base64 = None;
                text.clear();
            }
        }
    }

    /// What this version does not understand cannot be stripped in part.
    fn unknown(self, data: &mut serde_json::Value) {
        let text = data.to_string();
        let withheld = serde_json::json!({
            "bytes": text.len(),
            "digest": Digest::of(text.as_bytes()),
        });
        if self == Audit::Metadata || secrets::finds(&text) {
            *data = withheld;
        }
    }
}

fn hide(text: &mut String) {
    if let Cow::Owned(hidden) = secrets::hide(text) {
        *text = hidden;
    }
}

fn hide_denial(denial: &mut Denial) {
    hide(&mut denial.target);
    hide(&mut denial.hint);
}

#[cfg(test)]
mod tests;
