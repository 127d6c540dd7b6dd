mod makers;
mod words;

use std::error::Error;
use std::fmt;

use self::words::{busy, denied, exhausted, import, payload, pointer_prefix};
use super::{
    ApprovalRefused, Blame, Budget, Code, CompileBound, Denial, Digest, Frame, Json, Phase, Status,
};

/// Why a run gave no value.
///
/// Match on [`kind`](Fault::kind) to react, on [`code`](Fault::code) across processes and versions,
/// on [`blame`](Fault::blame) to route, and print it with its sources to explain.
#[derive(Debug)]
pub struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: FaultKind,
    phase: Option<Phase>,
    hints: Vec<String>,
    /// Hints for whoever asked alone.
    confided: Vec<String>,
    /// The id of the question that was left for somebody to answer.
    question: Option<String>,
    backtrace: Vec<Frame>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong.
///
/// Names and texts that come from a component or a caller are already bounded and escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The file of the component cannot be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The path as it was given.
        path: String,
    },
    /// The bytes are something else.
    #[error("`{name}` is {found}, not a component")]
    NotComponent {
        /// The component's name.
        name: String,
        /// What the bytes look like, with its article.
        found: String,
    },
    /// The bytes start like a component but are not a valid one.
    #[error("`{name}` is not a valid component: {reason}")]
    Malformed {
        /// The component's name.
        name: String,
        /// What the validator says.
        reason: String,
    },
    /// The component needs a feature that this engine leaves off.
    #[error("`{name}` needs {feature}, which this engine does not run")]
    UnsupportedFeature {
        /// The component's name.
        name: String,
        /// The feature.
        feature: String,
    },
    /// The component wants code of others as an import.
    #[error("`{name}` imports the {what} `{import}`, and code is never given to a guest")]
    ImportsCode {
        /// The component's name.
        name: String,
        /// A module or a component.
        what: &'static str,
        /// The import's name.
        import: String,
    },
    /// The component's structure passes a bound that is checked before it is compiled.
    #[error("`{name}` has {found} {what}, over the limit of {limit}")]
    Structure {
        /// The component's name.
        name: String,
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there may be.
        limit: u64,
        /// Whether the bound protects the compiler ([`Code::LimitCompile`]) or the loader.
        compile: bool,
    },
    /// The compiler was stopped before it was done.
    #[error("compiling `{name}` {bound}")]
    Compiling {
        /// The component's name.
        name: String,
        /// What it ran into.
        bound: CompileBound,
    },
    /// The compiler crashed over the component.
    #[error("`{name}` makes the compiler crash: {reason}")]
    CompilerCrashed {
        /// The component's name.
        name: String,
        /// What the compiler said, or the signal that ended it.
        reason: String,
    },
    /// Code that was compiled ahead of time is not for this engine.
    #[error("the compiled code in `{name}` cannot be used: {why}")]
    ForeignCode {
        /// The component's name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// No exported function has this name.
    #[error("`{component}` has no function `{function}`")]
    NoFunction {
        /// The component's name.
        component: String,
        /// The function asked for.
        function: String,
    },
    /// No function was named, and the component is no command.
    #[error("`{component}` is not a command, so a function has to be named")]
    NoCommand {
        /// The component's name.
        component: String,
    },
    /// Several exported functions have this short name.
    #[error("`{function}` fits {} functions of `{component}`", candidates.len())]
    AmbiguousFunction {
        /// The component's name.
        component: String,
        /// The function asked for.
        function: String,
        /// The full names that fit.
        candidates: Vec<String>,
    },
    /// The function takes or returns what cannot cross as JSON.
    #[error("`{function}` cannot be called: {reason}")]
    Uncallable {
        /// The function's full name.
        function: String,
        /// The type that is in the way.
        reason: String,
    },
    /// The arguments do not fit.
    #[error("{}expected {expected}, found {found}", pointer_prefix(.pointer))]
    Argument {
        /// Where, as a JSON pointer (RFC 6901); empty for the whole.
        pointer: String,
        /// The type or rule, in WIT's words.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The arguments are not JSON.
    #[error("the arguments are not JSON: {reason}")]
    ArgumentSyntax {
        /// The parser's message with line and column.
        reason: String,
    },
    /// A setting, grant or limit makes no sense.
    #[error("{what}")]
    Config {
        /// What is wrong, with the value.
        what: String,
    },
    /// The command line cannot be understood.
    #[error("{what}")]
    Usage {
        /// What is wrong, with the word.
        what: String,
    },
    /// Policy denies the action, or grants were asked for that an outer layer does not give; all for the
    /// reason that the first denial's code names.
    #[error("{}", denied(.0))]
    Denied(Vec<Denial>),
    /// An approval does not let the action run.
    #[error(transparent)]
    Approval(ApprovalRefused),
    /// What was decided about is not what would run.
    #[error("the decision is stale: {what} changed after it was made")]
    Stale {
        /// What changed.
        what: &'static str,
    },
    /// The component is not the one that its name is pinned to.
    #[error("`{name}` is pinned to {pinned}, and this is {found}")]
    Pinned {
        /// The capability's name.
        name: String,
        /// The digest it is pinned to.
        pinned: Digest,
        /// The digest of what is there.
        found: Digest,
    },
    /// The component is not signed by the configured key.
    #[error("`{name}` is not signed: {why}")]
    Unsigned {
        /// The component's name.
        name: String,
        /// What is wrong with the signature.
        why: String,
    },
    /// The component asks for more than somebody agreed to.
    #[error("`{component}` asks for more than before")]
    Widened {
        /// The component, as the configuration writes it.
        component: String,
    },
    /// No capability has this name.
    #[error("there is no capability `{name}`")]
    UnknownCapability {
        /// The name asked for.
        name: String,
    },
    /// A plan was refused before anything ran.
    #[error("the plan was rejected: {first}")]
    PlanRejected {
        /// How many objections there are.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// A workflow cannot do what is asked for in its state.
    #[error("{what}")]
    Workflow {
        /// What cannot be done, and why.
        what: String,
    },
    /// The guest called an import that nobody granted.
    #[error("the guest called {}, which was not granted", import(.interface, .function))]
    DeniedImport {
        /// The interface's name; empty for an import at the top.
        interface: String,
        /// The function's name.
        function: String,
    },
    /// A limit was reached.
    #[error("{}", exhausted(.budget, .limit))]
    Exhausted {
        /// Which limit.
        budget: Budget,
        /// What had been used when the guest was stopped, in the limit's unit.
        used: u64,
        /// The limit.
        limit: u64,
    },
    /// The guest trapped.
    #[error("the guest trapped: {reason}")]
    Trapped {
        /// The trap's name or the host's reason.
        reason: String,
    },
    /// The function returned its error case.
    #[error("the guest returned an error{}", payload(.value))]
    GuestError {
        /// The payload; `null` if there is none.
        value: Json,
    },
    /// The command exited with a failure.
    #[error("the guest exited with code {code}")]
    GuestExit {
        /// The exit code.
        code: i32,
    },
    /// There is no room for one more instance now.
    #[error("{}", busy(*.instances, *.waiting))]
    Busy {
        /// How many instances there is room for.
        instances: u32,
        /// How many calls wait for room.
        waiting: u32,
    },
    /// Somebody cancelled the call.
    #[error("the call was cancelled")]
    Cancelled,
    /// The machine could not do what the engine needs; neither guest nor caller is at fault.
    #[error("{what} failed")]
    System {
        /// What it was.
        what: &'static str,
    },
    /// The call may have had its effect, but what came of it could not be made durable.
    #[error("the call ended as {status}, but this could not be made durable")]
    Uncertain {
        /// How the call ended, as far as this process knows.
        status: Status,
    },
    /// A file is not a journal that this version can use.
    #[error("cannot use the journal `{path}`: {reason}")]
    Journal {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The journal cannot be written now; what it holds can be read.
    #[error("cannot write the journal `{path}`: {reason}")]
    JournalWrite {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// The journal is not what was written.
    #[error("the journal `{path}` is not what was written: {reason}")]
    JournalTampered {
        /// The file.
        path: String,
        /// The first thing that is wrong, and where.
        reason: String,
    },
    /// A project cannot be built.
    #[error("{what}")]
    Build {
        /// What is wrong, and where.
        what: String,
    },
    /// A tool that a build needs is not there, and could not be got.
    #[error("{what}")]
    MissingTool {
        /// Which one.
        what: String,
    },
    /// A broken promise inside the engine.
    #[error("internal error in {at}")]
    Bug {
        /// Where.
        at: &'static str,
    },
}

impl Fault {
    #[cold]
    pub(crate) fn new(kind: FaultKind) -> Self {
        Self(Box::new(Inner {
            kind,
            phase: None,
            hints: Vec::new(),
            confided: Vec::new(),
            question: None,
            backtrace: Vec::new(),
            source: None,
        }))
    }

    /// Adds something to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds something to try that holds a secret of whoever asked: outcomes and callers get it, events do not.
    pub(crate) fn confide(mut self, hint: impl Into<String>) -> Self {
        self.0.confided.push(hint.into());
        self
    }

    /// Names the question that was left for somebody to answer.
    pub(crate) fn asking(mut self, id: &str) -> Self {
        self.0.question = Some(id.to_owned());
        self
    }

    pub(crate) fn at(mut self, phase: Phase) -> Self {
        self.0.phase.get_or_insert(phase);
        self
    }

    /// Names the cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(cause.into());
        self
    }

    pub(crate) fn with_backtrace(mut self, frames: Vec<Frame>) -> Self {
        self.0.backtrace = frames;
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &FaultKind {
        &self.0.kind
    }

    /// How far the run had come; `None` if it had not begun.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// What to try, most promising first.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// What to try, for whoever asked alone: an approval token can be in it.
    #[must_use]
    pub fn confided(&self) -> &[String] {
        &self.0.confided
    }

    /// The id of the question that waits for an answer, where the action needs approval and one was left at the
    /// desk. [`ApprovalDesk::state`](crate::data::ApprovalDesk::state) says what became of it.
    #[must_use]
    pub fn question(&self) -> Option<&str> {
        self.0.question.as_deref()
    }

    /// The guest's stack at a trap, innermost frame first.
    #[must_use]
    pub fn backtrace(&self) -> &[Frame] {
        &self.0.backtrace
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        // No `_` arm: whoever adds a kind decides this.
        match self.kind() {
            FaultKind::Unreadable { .. }
            | FaultKind::NotComponent { .. }
            | FaultKind::Malformed { .. }
            | FaultKind::UnsupportedFeature { .. }
            | FaultKind::ImportsCode { .. }
            | FaultKind::CompilerCrashed { .. }
            | FaultKind::ForeignCode { .. }
            | FaultKind::Structure { compile: false, .. } => Code::InvalidComponent,
            FaultKind::Structure { compile: true, .. } | FaultKind::Compiling { .. } => {
                Code::LimitCompile
            }
            FaultKind::NoFunction { .. }
            | FaultKind::NoCommand { .. }
            | FaultKind::AmbiguousFunction { .. }
            | FaultKind::Uncallable { .. } => Code::InvalidFunction,
            FaultKind::Argument { .. } | FaultKind::ArgumentSyntax { .. } => Code::InvalidArgs,
            FaultKind::Config { .. } => Code::InvalidConfig,
            FaultKind::Usage { .. } => Code::Usage,
            FaultKind::Build { .. } => Code::Build,
            FaultKind::MissingTool { .. } => Code::MissingTool,
            FaultKind::Denied(denials) => denials
                .first()
                .map_or(Code::DeniedGrant, |denial| denial.code),
            FaultKind::Approval(refused) => refused.code(),
            FaultKind::Stale { .. } => Code::DeniedStale,
            FaultKind::Pinned { .. } => Code::DeniedDigest,
            FaultKind::Unsigned { .. } => Code::DeniedSignature,
            FaultKind::Widened { .. } => Code::DeniedWider,
            FaultKind::UnknownCapability { .. } => Code::UnknownCapability,
            FaultKind::PlanRejected { .. } => Code::InvalidPlan,
            FaultKind::Workflow { .. } => Code::WorkflowState,
            FaultKind::DeniedImport { .. } => Code::DeniedImport,
            FaultKind::Exhausted { budget, .. } => budget.code(),
            FaultKind::Trapped { .. } => Code::Trap,
            FaultKind::GuestError { .. } | FaultKind::GuestExit { .. } => Code::GuestError,
            FaultKind::Busy { .. } => Code::LimitBusy,
            FaultKind::Cancelled => Code::Cancelled,
            FaultKind::Journal { .. } => Code::Journal,
            FaultKind::JournalWrite { .. } => Code::JournalWrite,
            FaultKind::JournalTampered { .. } => Code::JournalTampered,
            FaultKind::Uncertain { .. } => Code::Uncertain,
            FaultKind::Bug { .. } | FaultKind::System { .. } => Code::Internal,
        }
    }

    /// How a run with this fault ended.
    #[must_use]
    pub fn status(&self) -> Status {
        self.code().status()
    }

    /// Whose move is next.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self.status() {
            Status::Ok | Status::Internal | Status::Uncertain => Blame::Host,
            Status::Invalid | Status::Cancelled => Blame::Caller,
            Status::Denied | Status::Limit => Blame::Policy,
            Status::Error | Status::Trap => Blame::Guest,
        }
    }

    /// The limit that stopped the call, if one did.
    #[must_use]
    pub fn budget(&self) -> Option<Budget> {
        if let FaultKind::Exhausted { budget, .. } = self.kind() {
            Some(*budget)
        } else {
            None
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.source {
            Some(source) => Some(&**source),
            None => None,
        }
    }
}
