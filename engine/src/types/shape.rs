use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AskedLimits, Asks, Declared, Descriptor, Digest, Rights};

/// What a component asks for and offers, as far as somebody who trusts it has to know of changes.
///
/// Small and plain, so that a lock file can keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Shape {
    /// The digest of the component's bytes.
    pub digest: Digest,
    /// The name that its manifest states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The version that its manifest states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The digest of its description: a text that talks a reader into something is a change as well.
    pub description: Digest,
    /// The names of its imports.
    pub imports: BTreeSet<String>,
    /// The authority that its manifest asks for; `None` without a manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Asks>,
    /// Its functions by their full names.
    pub functions: BTreeMap<String, FunctionShape>,
}

/// What one function takes, gives and declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FunctionShape {
    /// Its types, in WIT's words.
    pub signature: String,
    /// The digest of its description and examples.
    pub description: Digest,
    /// What its manifest declares of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
}

/// One difference between two versions of a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShapeChange {
    /// What is different, in words.
    pub what: String,
    /// Whether it asks for more than before, or hides something: somebody has to agree to it anew.
    pub wider: bool,
}

impl Shape {
    /// The shape of a component.
    #[must_use]
    pub fn of(component: &Descriptor) -> Self {
        let manifest = component.manifest();
        let functions = component.functions().iter().enumerate();
        Self {
            digest: component.digest(),
            name: manifest.map(|manifest| manifest.name.clone()),
            version: manifest.map(|manifest| manifest.version.clone()),
            description: Digest::of(
                manifest.map_or(&[][..], |manifest| manifest.description.as_bytes()),
            ),
            imports: component
                .imports()
                .iter()
                .map(|import| import.name.clone())
                .collect(),
            asks: manifest.map(|manifest| manifest.asks.clone()),
            functions: functions
                .map(|(position, function)| {
                    let about = component.about(position);
                    let shape = FunctionShape {
                        signature: function.to_string(),
                        description: about
                            .map_or_else(|| Digest::of(&[]), super::FunctionManifest::told),
                        declared: about.map(super::FunctionManifest::declared),
                    };
                    (function.full_name(), shape)
                })
                .collect(),
        }
    }

    /// What is different in a newer version.
    #[must_use]
    pub fn changes(&self, newer: &Shape) -> Vec<ShapeChange> {
        let mut changes = Changes::default();
        if self.digest != newer.digest {
            changes.note(false, format!("digest: {} → {}", self.digest, newer.digest));
        }
        if let (Some(old), Some(new)) = (&self.name, &newer.name)
            && old != new
        {
            changes.note(true, format!("name: {old} → {new}"));
        }
        if self.version != newer.version {
            let shown = |version: &Option<String>| version.clone().unwrap_or("none".to_owned());
            let back = order(self.version.as_deref()) > order(newer.version.as_deref());
            let (old, new) = (shown(&self.version), shown(&newer.version));
            let note = if back { " (older)" } else { "" };
            changes.note(back, format!("version: {old} → {new}{note}"));
        }
        for name in newer.imports.difference(&self.imports) {
            changes.note(true, format!("imports `{name}`"));
        }
        for name in self.imports.difference(&newer.imports) {
            changes.note(false, format!("imports `{name}` no more"));
        }
        changes.asks(self.asks.as_ref(), newer.asks.as_ref());
        if self.description != newer.description {
            changes.note(true, "describes itself in other words".to_owned());
        }
        for (name, function) in &newer.functions {
            match self.functions.get(name) {
                None => changes.note(false, format!("`{name}` is new")),
                Some(old) => changes.function(name, old, function),
            }
        }
        for name in self.functions.keys() {
            if !newer.functions.contains_key(name) {
                changes.note(false, format!("`{name}` is gone"));
            }
        }
        changes.0
    }
}

#[derive(Default)]
struct Changes(Vec<ShapeChange>);

impl Changes {
    fn note(&mut self, wider: bool, what: String) {
        self.0.push(ShapeChange { what, wider });
    }

    fn asks(&mut self, old: Option<&Asks>, new: Option<&Asks>) {
        let (old, new) = match (old, new) {
            (None, None) => return,
            (Some(_), None) => return self.note(true, "has no manifest any more".to_owned()),
            (None, Some(new)) => {
                // What is unknown is denied to clients; what declares itself may not be.
                self.note(true, "has a manifest now".to_owned());
                // Without a manifest it could be given anything.
                (
                    Asks {
                        files: Some(Rights::ReadWrite),
                        env: new.env.clone(),
                        actions: new.actions.clone(),
                        limits: AskedLimits::default(),
                    },
                    new,
                )
            }
            (Some(old), Some(new)) => (old.clone(), new),
        };
        if old.files != new.files {
            let shown = |files: Option<Rights>| files.map_or("none".to_owned(), |r| r.to_string());
            let (from, to) = (shown(old.files), shown(new.files));
            self.note(
                new.files > old.files,
                format!("asks for files: {from} → {to}"),
            );
        }
        for name in new.env.difference(&old.env) {
            self.note(true, format!("asks for the variable `{name}`"));
        }
        for name in old.env.difference(&new.env) {
            self.note(false, format!("asks for the variable `{name}` no more"));
        }
        for name in new.actions.difference(&old.actions) {
            self.note(true, format!("asks to call `{name}`"));
        }
        for name in old.actions.difference(&new.actions) {
            self.note(false, format!("asks to call `{name}` no more"));
        }
        let AskedLimits {
            fuel,
            memory,
            timeout,
            output,
        } = old.limits;
        let now = new.limits;
        self.limit("fuel", fuel, now.fuel);
        self.limit("memory", memory, now.memory);
        self.limit("time", timeout, now.timeout);
        self.limit("output", output, now.output);
    }

    fn limit<T: Ord + std::fmt::Display>(&mut self, name: &str, old: Option<T>, new: Option<T>) {
        if old == new {
            return;
        }
        let wider = match (&old, &new) {
            (Some(old), Some(new)) => new > old,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let shown = |limit: Option<T>| limit.map_or("any".to_owned(), |limit| limit.to_string());
        self.note(
            wider,
            format!("asks for {name}: {} → {}", shown(old), shown(new)),
        );
    }

    fn function(&mut self, name: &str, old: &FunctionShape, new: &FunctionShape) {
        if old.signature != new.signature {
            self.note(
                false,
                format!("`{name}`: `{}` → `{}`", old.signature, new.signature),
            );
        }
        if old.description != new.description {
            self.note(true, format!("`{name}` is described in other words"));
        }
        match (&old.declared, &new.declared) {
            (None, None) => {}
            (Some(_), None) => self.note(true, format!("`{name}` declares nothing any more")),
            (None, Some(now)) => self.note(
                true,
                format!("`{name}` declares its effects now: {}", now.in_words()),
            ),
            (Some(was), Some(now)) if was != now => {
                let wider = !now.effects.is_subset(&was.effects)
                    || (was.pure && !now.pure)
                    || (was.idempotent && !now.idempotent);
                let marks = |declared: &Declared| {
                    let pure = if declared.pure { ", pure" } else { "" };
                    let idempotent = if declared.idempotent {
                        ", idempotent"
                    } else {
                        ""
                    };
                    format!("{}{pure}{idempotent}", declared.in_words())
                };
                self.note(
                    wider,
                    format!("`{name}` declares {} → {}", marks(was), marks(now)),
                );
            }
            (Some(_), Some(_)) => {}
        }
    }
}

/// A version as something that can be compared: its numbers, then whether it is a release, then its text.
fn order(version: Option<&str>) -> Option<(Vec<u64>, bool, &str)> {
    let version = version?;
    let release = version.split(['-', '+']).next().unwrap_or(version);
    let numbers = release
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect();
    Some((numbers, !version.contains('-'), version))
}

#[cfg(test)]
mod tests;
