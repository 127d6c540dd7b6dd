use std::fmt;

use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value as text.
///
/// Values cross the sandbox as text, so that nothing is lost on the way: a 64-bit integer stays exact
/// and the order of a record's fields stays the one of its WIT type.
#[derive(Clone, PartialEq)]
pub struct Json(Box<str>);

impl Json {
    /// The value `null`.
    #[must_use]
    pub fn null() -> Self {
        Self("null".into())
    }

    /// Takes over text that is JSON.
    ///
    /// # Errors
    ///
    /// The parser's error if it is not.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        let value: &RawValue = serde_json::from_str(&text)?;
        // Space around a value is no part of it.
        let whole = value.get().len() == text.len();
        Ok(Self(if whole {
            text.into()
        } else {
            value.get().into()
        }))
    }

    /// Takes over text that was made as JSON here.
    pub(crate) fn made(text: String) -> Self {
        debug_assert!(
            serde_json::from_str::<&RawValue>(&text).is_ok_and(|value| value.get() == text),
            "no JSON"
        );
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text itself.
    pub(crate) fn into_text(self) -> String {
        self.0.into()
    }

    /// The text, with characters that act on a terminal escaped as JSON escapes them: the same value.
    #[must_use]
    pub fn to_shown(&self) -> std::borrow::Cow<'_, str> {
        super::text::json(self.as_str())
    }

    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// Reads the value into a type.
    ///
    /// # Errors
    ///
    /// The parser's error if the value has another shape.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // What writes JSON takes a value as it is only if it is known to be one, so it is read once more.
        let value: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        value.serialize(serializer)
    }
}

/// Arguments made of a value: their text.
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        Self::made(value.to_string())
    }
}
