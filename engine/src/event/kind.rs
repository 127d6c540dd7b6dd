use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::parts::{
    Access, Answer, Breaker, Cache, Component, Gap, Health, Judged, Lane, Level, LoopKind, PlanRef,
    StepEnd, Stream, WorkflowState,
};
use crate::types::{
    Bounded, Budget, Bytes, Code, Denial, Digest, Failure, Grant, Limits, Open, Status, Timestamp,
    Usage, Verdict,
};

fn none() -> Arc<[String]> {
    Arc::new([])
}

fn is_none(names: &[String]) -> bool {
    names.is_empty()
}

/// What happened.
///
/// On the wire an event has the kind's name as `type`, in snake case, and its fields as `data`.
/// A reader keeps a kind that it does not know as [`Other`](EventKind::Other). Fields are only ever
/// added, with a default that restates the old meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum EventKind {
    /// A run was asked for. Comes once, first.
    RunStarted {
        /// The component's name.
        component: String,
        /// The function as it was asked for; `None` for a command.
        function: Option<String>,
        /// Whether clocks, random numbers and NaN are fixed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        deterministic: bool,
    },
    /// The component was read, checked and compiled, or found compiled. Comes at most once.
    ComponentLoaded {
        /// The component's name.
        name: String,
        /// The digest of its bytes.
        digest: Digest,
        /// The size of its bytes.
        size: Bytes,
        /// Names of its imports; at most 256.
        imports: Arc<[String]>,
        /// Full names of its exported functions; at most 256.
        functions: Arc<[String]>,
        /// Imports that nobody grants: to use one ends the call. At most 256.
        #[serde(default = "none", skip_serializing_if = "is_none")]
        ungranted: Arc<[String]>,
    },
    /// The guard allowed the call. Comes once, before `call_started`; never after `permit_denied`.
    PermitIssued {
        /// The component the permit is for.
        digest: Digest,
        /// For whom it runs.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        principal: String,
        /// What policies call it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        action: String,
        /// The function the permit is for; `None` for the command.
        function: Option<String>,
        /// The limits in force.
        limits: Limits,
        /// The authority given.
        grants: Vec<Grant>,
        /// The decision and the rules that made it.
        verdict: Verdict,
        /// Grants that the component has no use for and is not given: it does not import what they are
        /// for, or its manifest does not ask for them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unused: Vec<Grant>,
    },
    /// The guard refused the call. The run ends.
    PermitDenied {
        /// Everything that was refused.
        denials: Vec<Denial>,
        /// The decision and the rules that made it.
        verdict: Verdict,
    },
    /// A misspelt name of a capability was taken for the only one that is close to it. Comes before policy
    /// is asked, which judges the repaired name.
    NameRepaired {
        /// The name as it was asked for.
        original: String,
        /// The name it was taken for.
        repaired: String,
    },
    /// Policy allowed an action.
    VerdictAllowed(Judged),
    /// Policy allowed an action, and wants somebody to look at it.
    VerdictWarned(Judged),
    /// Policy denied an action. It does not run.
    VerdictDenied(Judged),
    /// Policy denied an action and ended the whole workflow.
    VerdictKilled(Judged),
    /// An action waits for a person. Followed by exactly one of resolved or expired.
    ApprovalRequested {
        /// Names the question in the answer.
        token: String,
        /// The action that waits.
        action: Judged,
        /// Who may answer.
        approvers: String,
        /// When the question expires.
        expires: Option<Timestamp>,
    },
    /// A person answered.
    ApprovalResolved {
        /// The question.
        token: String,
        /// The answer.
        answer: Answer,
    },
    /// An action that may need approval needed none.
    ApprovalSkipped {
        /// The action.
        action: Judged,
    },
    /// Nobody answered in time; that denies the action.
    ApprovalExpired {
        /// The question.
        token: String,
    },
    /// The guest was given something that it asked for. At most a thousand for each call; neighbours
    /// that are equal come once.
    AccessAllowed(Access),
    /// The guest asked for a thing outside its permit and was given an error. The call goes on,
    /// except after an ungranted import.
    AccessDenied(Denial),
    /// The component is about to be instantiated and its function called. Comes once, after `permit_issued`.
    CallStarted {
        /// The function's full name.
        function: String,
        /// The arguments as JSON, cut to 64 KiB.
        arguments: Bounded,
        /// The optional parameters that the guest is given no value for, left out or null.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        absent: Vec<String>,
    },
    /// The guest handed over a file besides its result. At most 256 for each call.
    ArtifactMade {
        /// Its name.
        name: String,
        /// What the guest says that it is.
        media_type: String,
        /// Its size.
        bytes: Bytes,
        /// The digest of its content, which is in no event.
        digest: Digest,
    },
    /// The guest wrote to standard output or standard error. Neighbouring writes come together.
    Output {
        /// Which of the two.
        stream: Open<Stream>,
        /// What was written, as text; control characters but line ends and tabs are escaped.
        text: String,
        /// The very bytes, in base64, where `text` is not the same.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base64: Option<String>,
        /// How many bytes were written.
        bytes: u64,
        /// The digest of the bytes, where an audit mode leaves them out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
    },
    /// The guest wrote a message.
    Logged {
        /// How much it matters.
        level: Open<Level>,
        /// The message, at most 8 KiB of it.
        message: Bounded,
    },
    /// The guest said how far it has come.
    Progressed {
        /// How much is done, in units of the guest's choice.
        done: u64,
        /// Of how much, if that is known.
        total: Option<u64>,
        /// What is being done, at most 1 KiB of it.
        message: Bounded,
    },
    /// A step's own timeout is over; the call is being stopped and ends with `call_completed`.
    CallTimedOut {
        /// The timeout.
        timeout_ms: u64,
    },
    /// A limit ended the call. Comes at most once for each limit. A guest that is refused memory may go
    /// on, and then nothing is reached.
    LimitReached {
        /// Which limit.
        limit: Open<Budget>,
        /// What had been used or asked for, in the limit's unit.
        used: u64,
        /// The limit.
        maximum: u64,
    },
    /// The call ended. Comes exactly once after `call_started`, whatever happened.
    CallCompleted {
        /// How it ended.
        status: Status,
        /// What was used.
        usage: Usage,
        /// The exit code of a command.
        exit_code: Option<i32>,
        /// The result as JSON, cut to 64 KiB.
        value: Bounded,
        /// How many times something was refused. The first thousand have an `access_denied` each.
        denials: u64,
        /// Why there is no value.
        error: Option<Failure>,
    },
    /// The run ended. Comes exactly once and last.
    RunCompleted {
        /// How it ended.
        status: Status,
        /// Why there is no value.
        error: Option<Failure>,
    },
    /// A budget of a workflow passed its warning threshold. Once for each budget, never at its limit.
    BudgetWarned {
        /// Which budget.
        budget: String,
        /// What was used, in the budget's unit.
        used: u64,
        /// The budget.
        maximum: u64,
        /// The share that was used, from 0 to 1.
        fraction: f64,
    },
    /// A budget of a workflow was passed. Nothing that would use more of it starts.
    BudgetExceeded {
        /// Which budget.
        budget: String,
        /// What was used, in the budget's unit.
        used: u64,
        /// The budget.
        maximum: u64,
        /// What was used until then.
        partial_usage: Usage,
    },
    /// A failed attempt will be repeated. Comes before the wait.
    RetryScheduled {
        /// The attempt that failed, from 1.
        attempt: u32,
        /// How many retries there may be.
        max_retries: u32,
        /// The wait that the backoff gives.
        computed_delay_ms: u64,
        /// The wait that was chosen.
        selected_delay_ms: u64,
        /// Why the two differ; empty if they do not.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        adjusted_because: String,
        /// What failed.
        error: Failure,
    },
    /// A planner proposed a plan.
    PlanProposed {
        /// The plan.
        plan: PlanRef,
        /// Who wrote it.
        planner: String,
    },
    /// A plan passed every check.
    PlanChecked {
        /// The plan.
        plan: PlanRef,
        /// The steps that wait for a person.
        approvals: Vec<String>,
    },
    /// A plan was refused before its first side effect.
    PlanRejected {
        /// The plan.
        plan: PlanRef,
        /// Every objection.
        problems: Vec<Failure>,
    },
    /// A workflow began.
    WorkflowStarted {
        /// What it is to reach.
        goal: Bounded,
        /// Its type.
        workflow_type: String,
    },
    /// A workflow went from one state to another.
    WorkflowStateChanged {
        /// The state before.
        from: WorkflowState,
        /// The state now.
        to: WorkflowState,
        /// Why.
        reason: String,
    },
    /// A workflow waits for an answer.
    WorkflowSuspended {
        /// Names the question in the answer.
        token: String,
        /// What is asked.
        prompt: Bounded,
        /// JSON Schema of the answer.
        answer_schema: Bounded,
        /// When the question expires.
        expires: Option<Timestamp>,
    },
    /// A suspended workflow goes on.
    WorkflowResumed {
        /// The question that was answered.
        token: String,
    },
    /// A workflow ended. Comes exactly once and last.
    WorkflowCompleted {
        /// The state it ended in.
        state: WorkflowState,
        /// The sum over all of its runs.
        usage: Usage,
        /// How many steps ran.
        steps: u64,
        /// Why it did not reach its goal.
        error: Option<Failure>,
    },
    /// A step began; its intent is durable.
    StepStarted {
        /// The capability and function.
        action: String,
        /// The attempt, from 1.
        attempt: u32,
    },
    /// A step ended.
    StepCompleted(StepEnd),
    /// A step will not run, because of a step before it.
    StepSkipped {
        /// Why.
        reason: String,
    },
    /// The effect of a step was taken back, because a later step failed.
    StepUndone(StepEnd),
    /// A workflow does not come forward.
    StallDetected {
        /// What kind of stall.
        issue: String,
        /// For how long, or how often.
        count: u64,
        /// What was seen.
        evidence: String,
    },
    /// The same actions come again and again.
    LoopDetected {
        /// How equal they are.
        loop_kind: Open<LoopKind>,
        /// How many times in a row.
        count: u64,
        /// The limit that this reached.
        maximum: u64,
        /// The actions.
        actions: Vec<String>,
    },
    /// A person acted on a workflow: paused, stopped, changed something.
    UserActed {
        /// Who.
        principal: String,
        /// What was done.
        action: String,
        /// With what.
        detail: Bounded,
    },
    /// After a crash there is an intent without an outcome: its effect may have happened.
    ReplayUncertain {
        /// The action that had started.
        action: String,
        /// Its arguments as they were recorded.
        arguments: Bounded,
    },
    /// A stored result was used instead of work.
    CacheHit {
        /// Which cache.
        cache: Open<Cache>,
        /// The start of the key.
        key_prefix: String,
    },
    /// A stored result cannot be trusted, so the work is done anew.
    CacheRefused {
        /// Which cache.
        cache: Open<Cache>,
        /// The start of the key.
        key_prefix: String,
        /// Why.
        reason: String,
    },
    /// A circuit breaker of an outside service changed.
    CircuitChanged {
        /// The service.
        service: String,
        /// The state before.
        from: Breaker,
        /// The state now.
        to: Breaker,
        /// Failures in a row.
        failures: u64,
    },
    /// A capability was added to the registry.
    ComponentRegistered(Component),
    /// A capability's component is another one now.
    ComponentChanged {
        /// The capability as it is now.
        component: Component,
        /// The digest before.
        previous: Digest,
    },
    /// A capability was removed from the registry.
    ComponentRemoved(Component),
    /// A listener was too slow: descriptive events were left out of its stream. Terminal and audit
    /// events are all there.
    StreamTruncated {
        /// How many events are missing since the last such mark.
        lost: u64,
        /// Where they are missing; at most 64 sources.
        gaps: Vec<Gap>,
    },
    /// A part of the engine was looked at.
    HealthReported {
        /// The part.
        part: String,
        /// How it is.
        health: Health,
        /// What was seen.
        detail: String,
    },
    /// Something went wrong outside of a call.
    ErrorReported {
        /// The stable code.
        code: Code,
        /// The class of the failure.
        kind: String,
        /// For whoever maintains this.
        message: String,
        /// For whoever uses this.
        user_message: String,
        /// When trying again may help.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
        /// Where it came from.
        origin: String,
    },
    /// A kind of another version of the engine, as it was written. Never made by this version.
    #[serde(untagged, skip_deserializing)]
    Other {
        /// The kind's name.
        #[serde(rename = "type")]
        name: String,
        /// Its fields.
        data: serde_json::Value,
    },
}

macro_rules! kinds {
    ($($kind:ident = $name:literal in $lane:ident;)*) => {
        impl EventKind {
            /// The name of every kind that this version makes.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The kind's name on the wire.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(EventKind::$kind { .. } => $name,)*
                    EventKind::Other { name, .. } => name,
                }
            }

            /// What becomes of the event when a listener is too slow.
            #[must_use]
            pub fn lane(&self) -> Lane {
                match self {
                    $(EventKind::$kind { .. } => Lane::$lane,)*
                    EventKind::Other { .. } => Lane::Descriptive,
                }
            }
        }
    };
}

kinds! {
    RunStarted = "run_started" in Audit;
    ComponentLoaded = "component_loaded" in Audit;
    PermitIssued = "permit_issued" in Audit;
    PermitDenied = "permit_denied" in Audit;
    NameRepaired = "name_repaired" in Audit;
    VerdictAllowed = "verdict_allowed" in Audit;
    VerdictWarned = "verdict_warned" in Audit;
    VerdictDenied = "verdict_denied" in Audit;
    VerdictKilled = "verdict_killed" in Audit;
    ApprovalRequested = "approval_requested" in Audit;
    ApprovalResolved = "approval_resolved" in Audit;
    ApprovalSkipped = "approval_skipped" in Audit;
    ApprovalExpired = "approval_expired" in Audit;
    AccessAllowed = "access_allowed" in Descriptive;
    AccessDenied = "access_denied" in Audit;
    CallStarted = "call_started" in Audit;
    ArtifactMade = "artifact_made" in Audit;
    Output = "output" in Descriptive;
    Logged = "logged" in Descriptive;
    Progressed = "progressed" in Descriptive;
    CallTimedOut = "call_timed_out" in Audit;
    LimitReached = "limit_reached" in Audit;
    CallCompleted = "call_completed" in Terminal;
    RunCompleted = "run_completed" in Terminal;
    BudgetWarned = "budget_warned" in Audit;
    BudgetExceeded = "budget_exceeded" in Audit;
    RetryScheduled = "retry_scheduled" in Audit;
    PlanProposed = "plan_proposed" in Audit;
    PlanChecked = "plan_checked" in Audit;
    PlanRejected = "plan_rejected" in Audit;
    WorkflowStarted = "workflow_started" in Audit;
    WorkflowStateChanged = "workflow_state_changed" in Audit;
    WorkflowSuspended = "workflow_suspended" in Audit;
    WorkflowResumed = "workflow_resumed" in Audit;
    WorkflowCompleted = "workflow_completed" in Terminal;
    StepStarted = "step_started" in Audit;
    StepCompleted = "step_completed" in Audit;
    StepSkipped = "step_skipped" in Audit;
    StepUndone = "step_undone" in Audit;
    StallDetected = "stall_detected" in Audit;
    LoopDetected = "loop_detected" in Audit;
    UserActed = "user_acted" in Audit;
    ReplayUncertain = "replay_uncertain" in Audit;
    CacheHit = "cache_hit" in Descriptive;
    CacheRefused = "cache_refused" in Audit;
    CircuitChanged = "circuit_changed" in Audit;
    ComponentRegistered = "component_registered" in Audit;
    ComponentChanged = "component_changed" in Audit;
    ComponentRemoved = "component_removed" in Audit;
    StreamTruncated = "stream_truncated" in Audit;
    HealthReported = "health_reported" in Descriptive;
    ErrorReported = "error_reported" in Audit;
}
