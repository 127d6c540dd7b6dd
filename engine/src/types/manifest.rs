use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Bytes, Declared, Digest, Effect, Fuel, Limits, Rights, WallTime, text};

/// What a component says of itself, in its custom section `engine:manifest`.
///
/// All of it is written by the component's author, so it is never believed where that would give anything:
/// what it asks for narrows what it is granted, and texts are bounded and cleaned before anybody reads them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this format: 1.
    pub manifest: u32,
    /// The component's name: lower-case words with `-` between them, at most 64 bytes.
    pub name: String,
    /// Its version, such as `1.0.0`.
    pub version: String,
    /// What it is for, for people.
    #[serde(default)]
    pub description: String,
    /// Its functions, by their names in any form that is unambiguous.
    #[serde(default)]
    pub functions: BTreeMap<String, FunctionManifest>,
    /// The authority it needs.
    #[serde(default)]
    pub asks: Asks,
}

/// What a manifest says of one function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FunctionManifest {
    /// The capability's name that its author has in mind, such as `fs.read.v1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capability: Option<String>,
    /// What it does, for people.
    #[serde(default)]
    pub description: String,
    /// What it may do beyond returning a value.
    #[serde(default)]
    pub effects: BTreeSet<Effect>,
    /// Equal arguments give equal results, and nothing else happens.
    #[serde(default)]
    pub pure: bool,
    /// To do it twice is to do it once.
    #[serde(default)]
    pub idempotent: bool,
    /// Calls that work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

/// A call that works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// The arguments.
    pub args: Value,
    /// What comes back, where that is always the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// The authority that a component needs, at most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asks {
    /// What it does in granted directories; `None` if it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Rights>,
    /// The environment variables that it reads.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub env: BTreeSet<String>,
    /// The actions of other capabilities that it calls.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub actions: BTreeSet<String>,
    /// The limits that are enough for it.
    #[serde(default, skip_serializing_if = "AskedLimits::is_empty")]
    pub limits: AskedLimits,
}

/// Limits that are enough for a component; what is left out may be all that others allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AskedLimits {
    /// Units of computation.
    #[serde(default, with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub fuel: Option<Fuel>,
    /// Memory, such as `"64MiB"`.
    #[serde(default, with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub memory: Option<Bytes>,
    /// Real time, such as `"2s"`.
    #[serde(default, with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub timeout: Option<WallTime>,
    /// Output and result together, such as `"1MiB"`.
    #[serde(default, with = "written", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub output: Option<Bytes>,
}

/// A quantity in its text form; a number of its base unit is read too.
mod written {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer, T: Display>(
        quantity: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match quantity {
            Some(quantity) => serializer.collect_str(quantity),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D, T>(json: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr,
        T::Err: Display,
    {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let text = match Written::deserialize(json)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map(Some).map_err(D::Error::custom)
    }
}

impl AskedLimits {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The smaller of each limit.
    #[must_use]
    pub fn narrow(&self, limits: &Limits) -> Limits {
        let AskedLimits {
            fuel,
            memory,
            timeout,
            output,
        } = *self;
        limits.at_most(fuel, memory, timeout, output)
    }
}

/// The most bytes that a manifest may have, 64 KiB.
pub(crate) const MOST_MANIFEST: usize = 64 << 10;
/// The most bytes of one description that are kept.
const MOST_DESCRIPTION: usize = 2 << 10;

impl Manifest {
    /// Reads a manifest and cleans its texts.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MOST_MANIFEST {
            return Err(format!(
                "it has {} bytes, over the limit of {MOST_MANIFEST}",
                bytes.len()
            ));
        }
        let mut manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|error| text::line(&error.to_string(), 400))?;
        manifest.check()?;
        manifest.description = clean(&manifest.description);
        for function in manifest.functions.values_mut() {
            function.description = clean(&function.description);
        }
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if self.manifest != 1 {
            return Err(format!(
                "its format is version {}, and this engine reads version 1",
                self.manifest
            ));
        }
        if !is_word(&self.name) {
            return Err(format!(
                "the name `{}` is not lower-case words with `-` between them, at most 64 bytes",
                text::line(&self.name, 64)
            ));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || ".+-".contains(c);
        if self.version.is_empty() || self.version.len() > 64 || !self.version.chars().all(plain) {
            return Err(format!(
                "the version `{}` is not one such as `1.0.0`",
                text::line(&self.version, 64)
            ));
        }
        for (name, function) in &self.functions {
            let shown = text::line(name, 200);
            if let Some(capability) = &function.capability
                && !is_capability(capability)
            {
                return Err(format!(
                    "`{}` of `{shown}` is not a capability's name such as `fs.read.v1`",
                    text::line(capability, 128)
                ));
            }
            if let Some(odd) = function.examples.iter().find_map(Example::acts) {
                return Err(format!(
                    "an example of `{shown}` has `{}`, which cannot be seen",
                    odd.escape_unicode()
                ));
            }
            if function.pure && !function.effects.is_empty() {
                return Err(format!("`{shown}` is pure and yet has effects"));
            }
        }
        let bad =
            |name: &&String| name.is_empty() || name.len() > 256 || name.contains(['=', '\0']);
        if let Some(name) = self.asks.env.iter().find(bad) {
            return Err(format!(
                "`{}` cannot be an environment variable",
                text::line(name, 256)
            ));
        }
        if let Some(name) = self.asks.actions.iter().find(|name| !is_action(name)) {
            return Err(format!(
                "`{}` is not the name of an action such as `text.search.v1` or `text.search`",
                text::line(name, 256)
            ));
        }
        Ok(())
    }
}

impl Example {
    /// A character in it that acts on a terminal or cannot be seen. Examples are shown as they are, and run as they are.
    fn acts(&self) -> Option<char> {
        let texts = std::iter::once(&self.args).chain(&self.value);
        // Of a line end JSON shows the escape.
        let mut shown = texts.map(Value::to_string);
        shown.find_map(|text| text.chars().find(|c| text::acts(*c)))
    }
}

impl FunctionManifest {
    /// What it says for people to read, beyond what it declares.
    pub(super) fn told(&self) -> Digest {
        let mut told = self.description.clone().into_bytes();
        for example in &self.examples {
            told.push(0);
            told.extend(example.args.to_string().into_bytes());
            told.push(0);
            told.extend(
                example
                    .value
                    .iter()
                    .flat_map(|value| value.to_string().into_bytes()),
            );
        }
        Digest::of(&told)
    }

    /// What it declares, for the guard.
    #[must_use]
    pub fn declared(&self) -> Declared {
        Declared {
            effects: self.effects.clone(),
            pure: self.pure,
            idempotent: self.idempotent || self.pure,
        }
    }
}

/// Whether a text is lower-case ASCII words with `-` between them, of at most 64 bytes.
fn is_word(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Whether a text is the name of a capability: `domain.verb.vN`, at most 128 bytes of lower-case ASCII.
///
/// ```
/// assert!(engine::data::is_capability("fs.read.v1"));
/// assert!(!engine::data::is_capability("fs.read"));
/// ```
#[must_use]
pub fn is_capability(text: &str) -> bool {
    let Some((stem, version)) = text.rsplit_once(".v") else {
        return false;
    };
    let number = version.starts_with(|c: char| ('1'..='9').contains(&c))
        && version.len() <= 6
        && version.chars().all(|c| c.is_ascii_digit());
    text.len() <= 128 && number && stem.contains('.') && stem.split('.').all(is_word)
}

/// Whether a text can be the name of an action: that of a capability, or a component's and its function's with a `.` between
/// them, at most 256 bytes.
pub(crate) fn is_action(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@#".contains(c);
    text.len() <= 256
        && text.chars().all(plain)
        && text
            .split_once('.')
            .is_some_and(|(component, function)| !component.is_empty() && !function.is_empty())
}

/// A text for people without the characters that act on a terminal or cannot be seen, cut to 2 KiB.
fn clean(text: &str) -> String {
    let seen: String = text
        .chars()
        .filter(|c| *c == '\n' || !text::acts(*c))
        .collect();
    text::prefix(seen.trim(), MOST_DESCRIPTION).to_owned()
}

#[cfg(test)]
mod tests;
