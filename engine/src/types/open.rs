use serde::{Deserialize, Serialize};

/// A descriptive word that a newer engine may have added to.
///
/// A reader that does not know the word keeps it as it is. Statuses, decisions and identities are not
/// read like this: an unknown one is an error.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Open<T> {
    /// A word of this version.
    Known(T),
    /// A word of another version, as it was written.
    Unknown(String),
}

impl<T> Open<T> {
    /// The word, if this version knows it.
    pub fn known(&self) -> Option<&T> {
        match self {
            Open::Known(word) => Some(word),
            Open::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Open<T> {
    fn from(word: T) -> Self {
        Open::Known(word)
    }
}
