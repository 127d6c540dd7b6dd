use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident;)*) => {
        /// A stable name of a failure, for programs to branch on.
        ///
        /// A published code is never reused for something else. `docs/errors` has a page for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// The code as it appears in outcomes, events and messages.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$name => $text,)*
                }
            }

            /// The status of an outcome that failed with this code.
            #[must_use]
            pub fn status(self) -> Status {
                match self {
                    $(Code::$name => Status::$status,)*
                }
            }
        }
    };
}

codes! {
    /// The fuel budget was spent.
    LimitFuel = "E-LIMIT-FUEL", Limit;
    /// The guest asked for more memory than its limit, and could not go on.
    LimitMemory = "E-LIMIT-MEMORY", Limit;
    /// The wall time was over.
    LimitTime = "E-LIMIT-TIME", Limit;
    /// The guest handed out more than its output limit.
    LimitOutput = "E-LIMIT-OUTPUT", Limit;
    /// The guest held too many handles or open files.
    LimitHandles = "E-LIMIT-HANDLES", Limit;
    /// The guest made too many host calls, or moved too much data in one of them.
    LimitHostcall = "E-LIMIT-HOSTCALL", Limit;
    /// Actions call each other too deep, or one makes too many calls.
    LimitCalls = "E-LIMIT-CALLS", Limit;
    /// There is no room for one more instance now.
    LimitBusy = "E-LIMIT-BUSY", Limit;
    /// The component is too large to compile within bounds.
    LimitCompile = "E-LIMIT-COMPILE", Limit;
    /// The guest called an import that nobody granted.
    DeniedImport = "E-DENIED-IMPORT", Denied;
    /// A grant was asked for that an outer layer does not give.
    DeniedGrant = "E-DENIED-GRANT", Denied;
    /// Policy denies the action.
    DeniedPolicy = "E-DENIED-POLICY", Denied;
    /// Policy wants somebody to approve the action, and nobody has.
    DeniedApproval = "E-DENIED-APPROVAL", Denied;
    /// No question was asked with this approval token.
    ApprovalUnknown = "E-APPROVAL-UNKNOWN", Denied;
    /// The approval is another principal's, or not this one's to give.
    ApprovalForeign = "E-APPROVAL-FOREIGN", Denied;
    /// The approval is for another call.
    ApprovalAltered = "E-APPROVAL-ALTERED", Denied;
    /// The approval was asked for under other policies.
    ApprovalStale = "E-APPROVAL-STALE", Denied;
    /// The approval's time is over.
    ApprovalExpired = "E-APPROVAL-EXPIRED", Denied;
    /// A person said no.
    ApprovalDenied = "E-APPROVAL-DENIED", Denied;
    /// The approval let a call run already.
    ApprovalUsed = "E-APPROVAL-USED", Denied;
    /// Too many unknown approval tokens were tried.
    ApprovalLocked = "E-APPROVAL-LOCKED", Denied;
    /// What was decided about is not what would run.
    DeniedStale = "E-DENIED-STALE", Denied;
    /// The component is not the one that its name is pinned to.
    DeniedDigest = "E-DENIED-DIGEST", Denied;
    /// The component is not signed by the configured key.
    DeniedSignature = "E-DENIED-SIGNATURE", Denied;
    /// The component asks for more than somebody agreed to.
    DeniedWider = "E-DENIED-WIDER", Denied;
    /// A budget of the workflow is spent.
    DeniedBudget = "E-DENIED-BUDGET", Denied;
    /// The same actions came again and again.
    DeniedLoop = "E-DENIED-LOOP", Denied;
    /// No capability has this name.
    UnknownCapability = "E-UNKNOWN-CAPABILITY", Denied;
    /// The guest trapped.
    Trap = "E-TRAP", Trap;
    /// The bytes are not a component that this engine can run.
    InvalidComponent = "E-INVALID-COMPONENT", Invalid;
    /// There is no such function, or it cannot be called.
    InvalidFunction = "E-INVALID-FUNCTION", Invalid;
    /// The arguments do not fit the function's parameters.
    InvalidArgs = "E-INVALID-ARGS", Invalid;
    /// A limit, grant or setting makes no sense.
    InvalidConfig = "E-INVALID-CONFIG", Invalid;
    /// A plan makes no sense, or does not fit the capabilities.
    InvalidPlan = "E-INVALID-PLAN", Invalid;
    /// A workflow cannot do what was asked for in its state.
    WorkflowState = "E-WORKFLOW-STATE", Invalid;
    /// The command line could not be understood.
    Usage = "E-USAGE", Invalid;
    /// A project cannot be built.
    Build = "E-BUILD", Invalid;
    /// A tool that a build needs is not there.
    MissingTool = "E-MISSING-TOOL", Invalid;
    /// The function returned its error case, or the command exited with a failure.
    GuestError = "E-GUEST-ERROR", Error;
    /// A workflow did all of its plan, and a success criterion is not met.
    CriterionUnmet = "E-CRITERION-UNMET", Error;
    /// The call ran, but what came of it could not be made durable.
    Uncertain = "E-UNCERTAIN", Uncertain;
    /// A file is not a journal that this version can use.
    Journal = "E-JOURNAL", Invalid;
    /// The journal cannot be written now.
    JournalWrite = "E-JOURNAL-WRITE", Internal;
    /// The journal is not what was written.
    JournalTampered = "E-JOURNAL-TAMPERED", Invalid;
    /// Somebody cancelled the call.
    Cancelled = "E-CANCELLED", Cancelled;
    /// The engine itself is at fault.
    Internal = "E-INTERNAL", Internal;
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Status {
    /// The function returned a value, or the command exited with success.
    Ok,
    /// The function returned its error case, or the command exited with a failure.
    Error,
    /// The guard refused, or an import was used that nobody granted.
    Denied,
    /// A limit was reached.
    Limit,
    /// The guest trapped.
    Trap,
    /// The component, the function, the arguments or the settings are not valid.
    Invalid,
    /// Somebody cancelled the call.
    Cancelled,
    /// The call may have had its effect, but what came of it is not known for sure.
    Uncertain,
    /// The engine itself is at fault.
    Internal,
}

impl Status {
    /// The status as it appears in outcomes and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Error => "error",
            Status::Denied => "denied",
            Status::Limit => "limit",
            Status::Trap => "trap",
            Status::Invalid => "invalid",
            Status::Cancelled => "cancelled",
            Status::Uncertain => "uncertain",
            Status::Internal => "internal",
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose move is next after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Whoever asked: the component, the function or the arguments have to change.
    Caller,
    /// Whoever decides what is allowed: a grant or a limit would have to change.
    Policy,
    /// Whoever wrote the component.
    Guest,
    /// Whoever wrote this engine: please report it.
    Host,
}
