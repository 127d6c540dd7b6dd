use crate::component::{Cancel, Forward, Stdin};
use crate::guard::Grants;
use crate::types::{Json, Limits};

/// What to call, with what, and within which bounds.
///
/// # Example
///
/// ```
/// use engine::{Call, Limits, WallTime};
/// use serde_json::json;
///
/// let call = Call::function("count-words", json!({ "text": "to be or not to be" }))
///     .limits(Limits::builder().wall(WallTime::millis(200)).build()?);
/// # Ok::<(), engine::LimitsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    pub(super) target: CallTarget,
    pub(super) grants: Option<Grants>,
    pub(super) limits: Option<Limits>,
    pub(super) cancel: Cancel,
    pub(super) forward: Option<Forward>,
}

#[derive(Clone, Debug)]
pub(super) enum CallTarget {
    Function { name: String, arguments: Json },
    Command { args: Vec<String>, stdin: Stdin },
}

impl Call {
    /// Calls an exported function with JSON: an object by parameter name, or an array by position.
    #[must_use]
    pub fn function(name: impl Into<String>, arguments: impl Into<Json>) -> Self {
        Self::to(CallTarget::Function {
            name: name.into(),
            arguments: arguments.into(),
        })
    }

    /// Runs a command, a component that exports `wasi:cli/run`, with its arguments; the first is the
    /// program's own name.
    #[must_use]
    pub fn command(args: impl IntoIterator<Item = impl Into<String>>, stdin: Stdin) -> Self {
        Self::to(CallTarget::Command {
            args: args.into_iter().map(Into::into).collect(),
            stdin,
        })
    }

    fn to(target: CallTarget) -> Self {
        Self {
            target,
            grants: None,
            limits: None,
            cancel: Cancel::new(),
            forward: None,
        }
    }

    /// Asks for authority. If the engine's configuration grants some, this can only narrow it.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> Self {
        self.grants = Some(grants);
        self
    }

    /// Asks for limits. They can only lower the engine's.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Lets somebody else stop the call.
    #[must_use]
    pub fn cancelled_by(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Passes on what the guest writes as it comes, instead of keeping it for the outcome.
    ///
    /// A receiver that is slow slows the guest down; one that is gone closes the guest's stream.
    #[must_use]
    pub fn forward(mut self, to: Forward) -> Self {
        self.forward = Some(to);
        self
    }
}
