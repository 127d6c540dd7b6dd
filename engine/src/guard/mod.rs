//! Decides what one call may do: grants that only narrow, limits, and the permit that carries both.

mod decide;
mod grants;
mod paths;

pub use grants::{Grants, GrantsBuilder};

pub(crate) use decide::{Ask, Permit, Permitted, Policy, Target, decide, verdict};
pub(crate) use grants::DirGrant;
