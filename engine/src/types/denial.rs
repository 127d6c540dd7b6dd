use serde::{Deserialize, Serialize};

use super::Code;

/// One thing that was asked for and refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Denial {
    /// Why, as a stable code.
    pub code: Code,
    /// The interface the guest used, such as `wasi:filesystem/types`; empty for a grant refused before the start.
    pub interface: String,
    /// The function of that interface, such as `open-at`.
    pub operation: String,
    /// What it was about: a path, a host, an address family. Escaped and cut to 256 bytes.
    pub target: String,
    /// The rule that refused.
    pub reason: String,
    /// The smallest change that would allow it; empty where nothing would.
    pub hint: String,
    /// How many times the same thing was refused.
    pub count: u64,
}
