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
    /// An action that may be called.
    Action {
        /// The name of a configured capability, or of a component and its function.
        name: String,
    },
}

impl Grant {
    /// Whether this is all that the other one is, or more: a variable counts by its name.
    pub(crate) fn covers(&self, other: &Grant) -> bool {
        match (self, other) {
            (
                Grant::Dir { host, rights, .. },
                Grant::Dir {
                    host: inner,
                    rights: asked,
                    ..
                },
            ) => inner.starts_with(host) && asked <= rights,
            (Grant::Env { name }, Grant::Env { name: asked })
            | (Grant::Action { name }, Grant::Action { name: asked }) => name == asked,
            (Grant::Dir { .. } | Grant::Env { .. } | Grant::Action { .. }, _) => false,
        }
    }
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
