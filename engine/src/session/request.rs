use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use crate::component::{Cancel, Forward, Stdin};
use crate::guard::{Grants, Keep, Layer, Tally};
use crate::types::{
    Fault, Json, Limits, Principal, Rights, Token, Via, WorkflowId, is_label, text,
};

/// The most labels of one call.
const MOST_LABELS: usize = 64;

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
    pub(super) principal: Principal,
    pub(super) via: Via,
    /// The caller's layer.
    pub(super) own: Layer,
    pub(super) step: Option<(WorkflowId, String)>,
    pub(super) labels: BTreeSet<String>,
    /// The plan step's layer.
    pub(super) inner: Layer,
    /// Who has to approve it besides what policies say.
    pub(super) approvers: Option<String>,
    pub(super) tally: Tally,
    pub(super) approval: Option<Redeem>,
    /// The misspelt name that was repaired.
    pub(super) misspelt: Option<String>,
    pub(super) cancel: Cancel,
    pub(super) forward: Option<Forward>,
    /// How many actions called each other to come here.
    pub(super) depth: u32,
    /// The call that the first of them was made for; `None` for that call itself.
    pub(super) outermost: Option<Arc<Outermost>>,
}

/// What an action that another one calls takes from the call that all began with.
#[derive(Debug)]
pub(super) struct Outermost {
    /// The caller's layer.
    pub(super) own: Layer,
    /// The plan step's layer.
    pub(super) inner: Layer,
    /// How many questions were left by actions that were called on the way.
    pub(super) questions: AtomicU32,
}

/// Which approval a call uses, if policy asks for one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Redeem {
    /// That of this token.
    Token(Token),
    /// That of this token, if it was given for this very call; the token came with the call of another action.
    Offered(Token),
    /// One that was given for this very call.
    Answered,
}

#[derive(Clone, Debug)]
pub(super) enum CallTarget {
    /// A function by its own name.
    Function {
        name: String,
        arguments: Json,
    },
    /// A configured capability.
    Capability {
        name: String,
        arguments: Json,
    },
    Command {
        args: Vec<String>,
        stdin: Stdin,
    },
}

/// For whom and on which way a call is made, and what flowed into it.
pub(super) struct Asker {
    pub(super) principal: Principal,
    pub(super) via: Via,
    pub(super) step: Option<(WorkflowId, String)>,
    pub(super) labels: BTreeSet<String>,
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

    /// Calls a configured capability by its full name, such as `fs.read.v1`.
    ///
    /// The component has to be the one that the name is pinned to.
    #[must_use]
    pub fn capability(name: impl Into<String>, arguments: impl Into<Json>) -> Self {
        Self::to(CallTarget::Capability {
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
            principal: Principal::default(),
            via: Via::default(),
            own: Layer::default(),
            step: None,
            labels: BTreeSet::new(),
            inner: Layer::default(),
            approvers: None,
            tally: Tally::new(),
            approval: None,
            misspelt: None,
            cancel: Cancel::new(),
            forward: None,
            depth: 0,
            outermost: None,
        }
    }

    /// Calls the same with other arguments. A command has no arguments of this kind, and stays as it is.
    ///
    /// A copy of a call shares its [`tally`](Call::tally) with the first; give it one of its own where calls are not to
    /// be counted together.
    #[must_use]
    pub fn arguments(mut self, other: impl Into<Json>) -> Self {
        match &mut self.target {
            CallTarget::Function { arguments, .. } | CallTarget::Capability { arguments, .. } => {
                *arguments = other.into();
            }
            CallTarget::Command { .. } => {}
        }
        self
    }

    /// Refuses what no policy could speak of.
    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.labels.len() > MOST_LABELS {
            return Err(Fault::config(format!(
                "a call has {} labels, over the limit of {MOST_LABELS}",
                self.labels.len()
            )));
        }
        match self.labels.iter().find(|label| !is_label(label)) {
            None => Ok(()),
            Some(label) => Err(Fault::config(format!(
                "`{}` is no label of data",
                text::line(label, 64)
            ))
            .hint("a label is lower-case words with `-` between them, such as `untrusted`")),
        }
    }

    /// Asks for authority. If the engine's configuration grants some, this can only narrow it.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> Self {
        self.own.grants = Some(grants);
        self
    }

    /// Asks for limits. They can only lower the engine's.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.own.limits = Some(limits);
        self
    }

    /// For whom the call is made. Default: `local`, whoever runs the engine.
    ///
    /// Find out who that is before: the engine does not.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principal = principal;
        self
    }

    /// On which way the call was asked for. Default: directly, by the operator.
    #[must_use]
    pub fn via(mut self, via: Via) -> Self {
        self.via = via;
        self
    }

    /// Makes the call a step of a workflow, which can narrow what the caller has.
    #[must_use]
    pub fn step(
        mut self,
        workflow: WorkflowId,
        step: impl Into<String>,
        grants: Option<Grants>,
        limits: Option<Limits>,
    ) -> Self {
        self.via = Via::Planned;
        self.step = Some((workflow, step.into()));
        self.inner = Layer {
            grants,
            limits,
            keep: None,
        };
        self
    }

    /// Keeps of all that is granted only these directories, by the names that guests see, with at most these
    /// rights, these environment variables and these actions.
    ///
    /// Comes after [`step`](Call::step), whose layer it is. What nobody grants denies the call.
    #[must_use]
    pub fn only(
        mut self,
        dirs: BTreeMap<String, Rights>,
        env: BTreeSet<String>,
        actions: BTreeSet<String>,
    ) -> Self {
        self.inner.keep = Some(Keep { dirs, env, actions });
        self
    }

    /// Has the call approved by these, separated by `,`, whatever policies say; empty for anybody but whoever
    /// makes the call.
    #[must_use]
    pub fn asking(mut self, approvers: impl Into<String>) -> Self {
        self.approvers = Some(approvers.into());
        self
    }

    /// Labels the data that flowed into the arguments, such as `untrusted` or `secret`, for policies to see.
    /// Default: none. A label is lower-case words with `-` between them, at most 64 bytes; a call has at most
    /// 64 of them. Others let nothing run (`E-INVALID-CONFIG`).
    #[must_use]
    pub fn labels(mut self, labels: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// Counts the call together with others of the same caller. Default: on its own.
    #[must_use]
    pub fn tally(mut self, tally: Tally) -> Self {
        self.tally = tally;
        self
    }

    /// Redeems an approval, if policy asks for one. It lets this very call run once.
    #[must_use]
    pub fn approval(mut self, token: Token) -> Self {
        self.approval = Some(Redeem::Token(token));
        self
    }

    /// Goes on with what was answered at the desk, if policy asks for an approval: one that was given for this
    /// very call (same component, arguments, labels, grants, policies, principal and step), is not over and was
    /// not used is used up, and lets the call run once. No token is needed for it.
    ///
    /// While the question waits, the call is refused with that question ([`Fault::question`]) and nothing is
    /// asked again. Otherwise it is asked, as without this. The later of this and
    /// [`approval`](Call::approval) counts.
    ///
    /// Whoever can make calls for a principal can use every approval of that principal's calls this way: let
    /// drivers do it, not clients.
    #[must_use]
    pub fn redeem_answered(mut self) -> Self {
        self.approval = Some(Redeem::Answered);
        self
    }

    /// Says that the capability's name was repaired from a misspelt one, for the record.
    #[must_use]
    pub fn misspelt(mut self, original: impl Into<String>) -> Self {
        self.misspelt = Some(original.into());
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
