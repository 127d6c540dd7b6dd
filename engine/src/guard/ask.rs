use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Counters, Grants};
use crate::types::{Action, Descriptor, Fault, Function, Limits, Rights};

/// What the operator allows: the outermost layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    grants: Option<Grants>,
    limits: Limits,
    /// The file in which grants are written.
    written: Option<PathBuf>,
    /// What the engine keeps for itself.
    kept: Vec<PathBuf>,
    /// What decides about calls, and may be read but not changed by guests.
    protected: Vec<PathBuf>,
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

    /// The file in which grants are written, of all calls and of single capabilities.
    #[must_use]
    pub(crate) fn written_in(mut self, file: impl Into<PathBuf>) -> Self {
        self.written = Some(file.into());
        self
    }

    /// The directory of the engine's own state, which no grant may touch.
    #[must_use]
    pub(crate) fn home(mut self, home: impl Into<PathBuf>) -> Self {
        self.kept.push(home.into());
        self
    }

    /// A file that no guest may change.
    #[must_use]
    pub(crate) fn protect(mut self, file: impl Into<PathBuf>) -> Self {
        self.protected.push(file.into());
        self
    }

    /// Checks the layer itself.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.grants
            .as_ref()
            .map_or(Ok(()), |grants| self.keep_out(grants))
    }

    /// Refuses grants that touch what the engine keeps for itself.
    pub(crate) fn keep_out(&self, grants: &Grants) -> Result<(), Fault> {
        self.kept
            .iter()
            .try_for_each(|kept| grants.keep_out_of(kept))?;
        self.protected
            .iter()
            .try_for_each(|file| grants.keep_from_changing(file))
    }

    /// The most that any call may be given, if that is said.
    pub(crate) fn most(&self) -> Option<&Grants> {
        self.grants.as_ref()
    }

    /// The file in which grants are written, if there is one.
    pub(super) fn written(&self) -> Option<&Path> {
        self.written.as_deref()
    }

    /// The limits of a call that asks for none.
    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// One layer of authority inside the operator's: the caller's, or a plan step's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) grants: Option<Grants>,
    pub(crate) limits: Option<Limits>,
    /// What is kept of all that outer layers grant, by the names that guests see.
    pub(crate) keep: Option<Keep>,
}

/// Grants by name: what a plan, which knows no paths of the host, keeps of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keep {
    pub(crate) dirs: BTreeMap<String, Rights>,
    pub(crate) env: BTreeSet<String>,
    pub(crate) actions: BTreeSet<String>,
}

/// What one call asks for.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) target: Target,
    pub(crate) action: Action,
    /// What the operator's configuration says of this capability; without it, what it says of all.
    pub(crate) capability: Layer,
    /// The caller's layer, and the plan step's inside it.
    pub(crate) layers: Vec<Layer>,
    /// Who has to approve it besides what policies say.
    pub(crate) approvers: Option<String>,
    pub(crate) counters: Counters,
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
