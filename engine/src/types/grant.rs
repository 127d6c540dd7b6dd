use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One piece of authority that a run was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Grant {
    /// A directory of the host and all below it.
    Dir {
        /// Where it is on the host, resolved.
        host: PathBuf,
        /// The name under which the guest sees it.
        guest: String,
        /// What the guest may do in it.
        rights: Rights,
    },
    /// An environment variable. Its value is not shown.
    Env {
        /// The variable's name.
        name: String,
    },
}

/// What may be done in a granted directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Rights {
    /// List, look at and read.
    #[serde(rename = "ro")]
    ReadOnly,
    /// Also create, write, rename and remove.
    #[serde(rename = "rw")]
    ReadWrite,
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Rights::ReadOnly => "ro",
            Rights::ReadWrite => "rw",
        })
    }
}
