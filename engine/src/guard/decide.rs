use std::path::PathBuf;

use super::Grants;
use crate::types::{Decision, Descriptor, Digest, Fault, FaultKind, Function, Limits, Verdict};

/// What the operator allows: the outermost layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    grants: Option<Grants>,
    limits: Limits,
    /// What the engine keeps for itself.
    kept: Vec<PathBuf>,
}

impl Policy {
    /// The most that any call may use.
    #[must_use]
    pub(crate) fn limited_to(mut self, most: Limits) -> Self {
        self.limits = most;
        self
    }

    /// The most that any call may be given. Without it, a call gets what its own layer asks for.
    #[must_use]
    pub(crate) fn grants(mut self, most: Grants) -> Self {
        self.grants = Some(most);
        self
    }

    /// The directory of the engine's own state, which no grant may touch.
    #[must_use]
    pub(crate) fn home(mut self, home: impl Into<PathBuf>) -> Self {
        self.kept.push(home.into());
        self
    }

    /// Checks the layer itself.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.grants
            .as_ref()
            .map_or(Ok(()), |grants| self.keep_out(grants))
    }

    /// Refuses grants that touch what the engine keeps for itself.
    fn keep_out(&self, grants: &Grants) -> Result<(), Fault> {
        self.kept
            .iter()
            .try_for_each(|kept| grants.keep_out_of(kept))
    }

    /// The limits of a call that asks for none.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// What one call asks for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) target: Target,
    pub(crate) grants: Option<Grants>,
    pub(crate) limits: Option<Limits>,
}

/// What a permit lets start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The component's `wasi:cli/run`.
    Command,
    /// The exported function at this position of the descriptor.
    Function(usize),
}

impl Target {
    /// The function's description; `None` for the command.
    #[must_use]
    pub(crate) fn function(self, shape: &Descriptor) -> Option<&Function> {
        match self {
            Target::Command => None,
            Target::Function(position) => shape.functions().get(position),
        }
    }
}

/// Proof that [`decide`] let one component start once.
///
/// Not `Clone`; its fields are private to `guard::decide`. To use it is to give it up.
#[derive(Debug)]
#[must_use = "a permit does nothing until an instance is started with it"]
pub(crate) struct Permit(Permitted);

/// What a used permit leaves behind.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) digest: Digest,
    pub(crate) target: Target,
    pub(crate) grants: Grants,
    pub(crate) limits: Limits,
    pub(crate) verdict: Verdict,
}

impl Permit {
    /// What it permits, to look at.
    pub(crate) fn peek(&self) -> &Permitted {
        &self.0
    }

    /// Gives the permit up for what it permits.
    pub(crate) fn spend(self) -> Permitted {
        self.0
    }
}

/// The name of the built-in rule: within the grants and limits of every layer, a call may run.
const RULE: &str = "builtin:within-grants";

/// Narrows what the operator allows by what the call asks for.
///
/// # Errors
///
/// [`FaultKind::Denied`] with every grant that was asked for in vain, not the first alone, so that one
/// round of fixing is enough; [`FaultKind::Config`] if a grant would expose the engine's own state.
pub(crate) fn decide(shape: &Descriptor, ask: Ask, policy: &Policy) -> Result<Permit, Fault> {
    let grants = match (&policy.grants, ask.grants) {
        // An absent layer does not restrict; where no layer grants, nothing is granted.
        (None, None) => Grants::none(),
        // The operator's layer was checked when the engine was built; what is within it is as well.
        (None, Some(asked)) => {
            policy.keep_out(&asked)?;
            asked
        }
        (Some(outer), None) => outer.clone(),
        (Some(outer), Some(inner)) => outer.narrowed_by(&inner).map_err(|denials| {
            Fault::new(FaultKind::Denied(denials)).hint("see `denials` for what to grant")
        })?,
    };
    let limits = ask
        .limits
        .map_or(policy.limits, |asked| policy.limits.narrowed_by(&asked));
    Ok(Permit(Permitted {
        digest: shape.digest(),
        target: ask.target,
        grants,
        limits,
        verdict: verdict(Decision::Allow),
    }))
}

/// The built-in rule's verdict.
pub(crate) fn verdict(decision: Decision) -> Verdict {
    Verdict {
        decision,
        policies: vec![RULE.to_owned()],
    }
}

#[cfg(test)]
mod tests;
