use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Digest, WorkflowId, text};

/// What a function may do beyond returning a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Effect {
    /// It looks at files.
    Read,
    /// It makes or changes files.
    Write,
    /// It talks to other machines.
    Network,
    /// It removes what cannot be made again.
    Destructive,
    /// It costs money.
    Spend,
}

impl Effect {
    /// Every effect there is.
    pub const ALL: [Effect; 5] = [
        Effect::Read,
        Effect::Write,
        Effect::Network,
        Effect::Destructive,
        Effect::Spend,
    ];

    /// The effect's name in manifests, policies and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Read => "read",
            Effect::Write => "write",
            Effect::Network => "network",
            Effect::Destructive => "destructive",
            Effect::Spend => "spend",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a function's manifest declares of it.
///
/// A declaration never gives anything: a function that declares less gets less.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Declared {
    /// What it may do. Empty for a computation.
    pub effects: BTreeSet<Effect>,
    /// Equal arguments give equal results, and nothing else happens.
    pub pure: bool,
    /// To do it twice is to do it once.
    pub idempotent: bool,
}

impl Declared {
    /// Whether it may change files.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.effects.contains(&Effect::Write) || self.effects.contains(&Effect::Destructive)
    }

    /// The effects in words, such as `read, write`; `none` if there are none.
    #[must_use]
    pub fn in_words(&self) -> String {
        if self.effects.is_empty() {
            return "none".to_owned();
        }
        let names: Vec<&str> = self.effects.iter().map(|effect| effect.as_str()).collect();
        names.join(", ")
    }
}

/// For whom something is done: a user, a service, an agent.
///
/// Who that is was found out before; the engine compares names and nothing more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(with = "String")
)]
pub struct Principal(String);

impl From<String> for Principal {
    fn from(name: String) -> Self {
        Self::new(&name)
    }
}

impl Principal {
    /// Names a principal. Of a name over 128 bytes, or with characters that act on a terminal, the start is
    /// kept with a digest of the whole: two principals never share a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let shown = text::line(name, 128);
        if shown == name {
            return Self(shown);
        }
        let digest = Digest::of(name.as_bytes()).to_string();
        let digest = digest.trim_start_matches("sha256:");
        Self(format!(
            "{}#{}",
            text::line(text::prefix(&shown, 60), 60),
            text::prefix(digest, 64)
        ))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Principal {
    /// `local`: whoever runs the engine.
    fn default() -> Self {
        Self("local".to_owned())
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// On which way an action was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Via {
    /// By the operator: `engine exec`, or a program that embeds the engine.
    #[default]
    Direct,
    /// By a client of the API.
    Served,
    /// By a step of a workflow.
    Planned,
    /// By another action.
    Called,
}

impl Via {
    /// The way's name in policies and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Direct => "direct",
            Via::Served => "served",
            Via::Planned => "planned",
            Via::Called => "called",
        }
    }
}

/// One call that somebody wants: what the guard decides about.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// For whom.
    pub principal: Principal,
    /// On which way.
    pub via: Via,
    /// What policies call it: the name of a configured capability such as `fs.read.v1`, or the
    /// component's and the function's, such as `text.count-words`.
    pub name: String,
    /// What policies call it besides, where it is a configured capability: the component's name and the function's. Rules
    /// that were written before it was configured hold for it still.
    pub also: Option<String>,
    /// The component's name, as its source or the configuration has it.
    pub component: String,
    /// The version its manifest states.
    pub version: Option<String>,
    /// The digest of the component's bytes.
    pub digest: Digest,
    /// The function's full name.
    pub function: String,
    /// What the manifest declares of the function; `None` if it says nothing.
    pub declared: Option<Declared>,
    /// The digest of the arguments, as typed values.
    pub arguments: Digest,
    /// The workflow and the step, where there is one.
    pub step: Option<(WorkflowId, String)>,
    /// The labels of the data that flowed into the arguments, such as `untrusted` or `secret`. Empty unless
    /// whoever asks says so.
    pub labels: BTreeSet<String>,
}

/// Whether a text is a label of data, such as `untrusted`: lower-case ASCII words with `-` between them, at most
/// 64 bytes.
///
/// ```
/// assert!(engine::data::is_label("from-the-web"));
/// assert!(!engine::data::is_label("From the web"));
/// ```
#[must_use]
pub fn is_label(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|word| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that would look alike when they are cut or escaped stay different.
    #[test]
    fn two_principals_never_share_a_name() {
        let long = "t".repeat(200);
        let names = [
            format!("{long}A"),
            format!("{long}B"),
            "a\nb".to_owned(),
            "a\\nb".to_owned(),
            "ann".to_owned(),
            "ann\u{200b}".to_owned(),
        ];
        let principals: BTreeSet<Principal> =
            names.iter().map(|name| Principal::new(name)).collect();
        assert_eq!(principals.len(), names.len());
        for principal in principals {
            assert!(principal.as_str().len() <= 140, "{principal}");
            let written = serde_json::to_string(&principal).unwrap();
            let read: Principal = serde_json::from_str(&written).unwrap();
            assert_eq!(read, principal);
            let word = format!("\"{long}A\"");
            let typed: Principal = serde_json::from_str(&word).unwrap();
            assert_eq!(typed, Principal::new(&format!("{long}A")));
        }
    }
}
