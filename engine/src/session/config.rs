use std::path::PathBuf;

use super::capability::Capability;
use crate::component::Pool;
use crate::guard::{Grants, Policies, Policy};
use crate::types::Limits;

/// What the operator of an engine decides: the outermost layer of every call.
///
/// Defaults: the limits of [`Limits`], no grants, no home, the policies of the bundle `strict`, real time and chance.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub(super) policy: Policy,
    pub(super) policies: Policies,
    pub(super) capabilities: Vec<Capability>,
    pub(super) deterministic: bool,
    pub(super) pool: Option<Pool>,
}

impl Config {
    /// Starts from the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The most that any call may use.
    #[must_use]
    pub fn limits(mut self, most: Limits) -> Self {
        self.policy = self.policy.limited_to(most);
        self
    }

    /// The most that any call may be given; a call that asks for nothing gets all of it.
    ///
    /// Without this layer a call gets what it asks for itself.
    #[must_use]
    pub fn grants(mut self, most: Grants) -> Self {
        self.policy = self.policy.grants(most);
        self
    }

    /// The file in which these grants and those of capabilities are written, for hints: whoever is denied is told what to
    /// write there, in TOML. Without it, they are told what to add to the command line. Default: none.
    #[must_use]
    pub fn granted_in(mut self, file: impl Into<PathBuf>) -> Self {
        self.policy = self.policy.written_in(file);
        self
    }

    /// A directory or file of the engine's own state, such as a journal. No grant may touch it. There can be
    /// several.
    #[must_use]
    pub fn home(mut self, home: impl Into<PathBuf>) -> Self {
        self.policy = self.policy.home(home);
        self
    }

    /// A file that decides what calls may do, such as a configuration or a file of policies. No grant may let
    /// a guest change it. There can be several.
    #[must_use]
    pub fn protect(mut self, file: impl Into<PathBuf>) -> Self {
        self.policy = self.policy.protect(file);
        self
    }

    /// What judges every action.
    #[must_use]
    pub fn policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
        self
    }

    /// Makes every call deterministic: the same component with the same inputs gives the same output on every machine.
    ///
    /// Clocks begin at 2026-01-01T00:00:00Z and move by a millisecond each time a guest looks at them; a wait moves them
    /// to its end, and takes no time. Random numbers come from one fixed seed. There is one NaN, which makes code that
    /// works with floating-point numbers slower. Files all have one time, and directories are listed by name. Limits,
    /// events and what is measured stay real, so a call that is near its timeout may still end in two ways.
    ///
    /// Never for calls whose random numbers have to be secret.
    #[must_use]
    pub fn deterministic(mut self) -> Self {
        self.deterministic = true;
        self
    }

    /// Makes room for instances before the first call, for an engine that makes many. Default: none.
    #[must_use]
    pub fn pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Adds a capability under a name of its own.
    #[must_use]
    pub fn capability(mut self, capability: Capability) -> Self {
        self.capabilities.push(capability);
        self
    }
}
