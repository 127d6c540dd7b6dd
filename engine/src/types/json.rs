use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON value as text.
///
/// Values cross the sandbox as text, so that nothing is lost on the way: a 64-bit integer stays exact
/// and the order of a record's fields stays the one of its WIT type.
#[derive(Clone)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The value `null`.
    #[must_use]
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned())
    }

    /// Takes over text that is JSON.
    ///
    /// # Errors
    ///
    /// The parser's error if it is not.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
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

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Arguments made of a value: their text.
impl From<serde_json::Value> for Json {
    fn from(value: serde_json::Value) -> Self {
        // The text of a `Value` is JSON by construction.
        Self::from_text(value.to_string()).unwrap_or_else(|_| Self::null())
    }
}
