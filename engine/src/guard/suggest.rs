//! Proposes the least that recorded calls need.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::explain::{attribute, quoted, this_component};
use crate::event::{Event, EventKind, Source};
use crate::types::{Digest, Grant, Rights, RunId, text};

/// What recorded calls need, and nothing that they did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestion {
    /// Policies in Cedar, one for each different call.
    pub policies: Vec<String>,
    /// Flags of `engine exec` that grant what was reached.
    pub flags: Vec<String>,
    /// Calls that no policy can describe exactly, and why.
    pub left_out: Vec<String>,
}

/// What may be broader than what was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broader {
    /// Functions with any arguments.
    pub arguments: bool,
    /// Calls by anybody.
    pub principals: bool,
}

/// Proposes policies and grants that cover recorded calls.
///
/// Events are those of whole runs, in the order of each run.
#[must_use]
pub fn suggest<'a>(events: impl IntoIterator<Item = &'a Event>, broader: Broader) -> Suggestion {
    let mut runs: BTreeMap<RunId, Seen> = BTreeMap::new();
    for event in events {
        if let Source::Run { run_id } = event.source {
            runs.entry(run_id).or_default().take(&event.kind);
        }
    }
    let mut policies = BTreeSet::new();
    let mut left_out = BTreeSet::new();
    let mut reached = Reached::default();
    for (run, seen) in &runs {
        if seen.action.is_empty() {
            continue;
        }
        match seen.policy(broader) {
            Ok(policy) => {
                policies.insert(policy);
            }
            Err(why) => {
                let action = text::line(&seen.action, 128);
                left_out.insert(format!("{action} in run {run}: {why}"));
            }
        }
        reached.add(seen);
    }
    Suggestion {
        policies: policies
            .into_iter()
            .enumerate()
            .map(|(n, policy)| format!("@id(\"suggested-{}\")\n{policy}", n + 1))
            .collect(),
        flags: reached.flags(),
        left_out: left_out.into_iter().collect(),
    }
}

/// What is known of one run.
#[derive(Debug, Default)]
struct Seen {
    action: String,
    principal: String,
    component: String,
    digest: Option<Digest>,
    /// Whether it was a command, whose arguments are words.
    command: bool,
    arguments: Option<String>,
    truncated: bool,
    absent: Vec<String>,
    grants: Vec<Grant>,
    paths: BTreeSet<String>,
    actions: BTreeSet<String>,
}

impl Seen {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "other events say nothing about what a call needs"
    )]
    fn take(&mut self, kind: &EventKind) {
        match kind {
            EventKind::ComponentLoaded { name, .. } => self.component.clone_from(name),
            EventKind::PermitIssued {
                digest,
                action,
                principal,
                function,
                grants,
                ..
            } => {
                self.digest = Some(*digest);
                self.command = function.is_none();
                self.action.clone_from(action);
                self.principal.clone_from(principal);
                self.grants.clone_from(grants);
            }
            EventKind::CallStarted {
                arguments, absent, ..
            } => {
                self.absent.clone_from(absent);
                self.truncated = arguments.truncated;
                self.arguments = Some(arguments.text.clone());
            }
            EventKind::AccessAllowed(access) if access.interface.starts_with("wasi:filesystem") => {
                self.paths.insert(access.target.clone());
            }
            EventKind::AccessAllowed(access) if access.interface == "engine:host/actions" => {
                self.actions.insert(access.target.clone());
            }
            _ => {}
        }
    }

    fn policy(&self, broader: Broader) -> Result<String, String> {
        let principal = if broader.principals {
            "principal".to_owned()
        } else {
            format!("principal == Principal::{}", quoted(&self.principal))
        };
        let head = format!(
            "permit (\n  {principal},\n  action == Action::{},\n  resource == Component::{}\n)",
            quoted(&self.action),
            quoted(&self.component)
        );
        let mut conditions: Vec<String> = self.digest.iter().map(this_component).collect();
        if !broader.arguments {
            conditions.extend(self.conditions()?);
        }
        Ok(if conditions.is_empty() {
            format!("{head};")
        } else {
            format!("{head} when {{\n  {}\n}};", conditions.join(" &&\n  "))
        })
    }

    /// The conditions that only these arguments fulfil.
    fn conditions(&self) -> Result<Vec<String>, String> {
        if self.truncated {
            return Err("its arguments are cut in the events".to_owned());
        }
        let arguments = self.arguments.as_deref().unwrap_or("{}");
        let arguments: Value = serde_json::from_str(arguments)
            .map_err(|_| "its arguments are not whole".to_owned())?;
        let Value::Object(arguments) = arguments else {
            if self.command {
                return Err(
                    "policies cannot compare the words of a command whole; `--generalise arguments` permits any"
                        .to_owned(),
                );
            }
            if arguments.as_array().is_some_and(Vec::is_empty) {
                return Ok(self.without(&Map::new()));
            }
            return Err("its arguments came by position, so their names are not known".to_owned());
        };
        let mut conditions = compared(&arguments)?;
        conditions.extend(self.without(&arguments));
        Ok(conditions)
    }

    /// What was left out stays out: whoever gives it makes another call.
    fn without(&self, given: &Map<String, Value>) -> Vec<String> {
        let absent = self.absent.iter();
        absent
            .filter(|name| !given.contains_key(*name))
            .map(|name| format!("!(context.args has {})", quoted(name)))
            .collect()
    }
}

/// Comparisons with every argument, or the first that cannot be compared whole.
fn compared(arguments: &Map<String, Value>) -> Result<Vec<String>, String> {
    arguments
        .iter()
        .map(|(name, value)| {
            let place = attribute(name);
            match value {
                Value::String(text) => Ok(format!("context.args{place} == {}", quoted(text))),
                Value::Bool(value) => Ok(format!("context.args{place} == {value}")),
                Value::Number(number) if number.is_i64() => {
                    Ok(format!("context.args{place} == {number}"))
                }
                Value::Null => Ok(format!("!(context.args has {})", quoted(name))),
                Value::Number(_) | Value::Array(_) | Value::Object(_) => Err(format!(
                    "policies cannot compare `{}` whole; `--generalise arguments` permits any",
                    text::line(name, 100)
                )),
            }
        })
        .collect()
}

/// What all runs reached together: by the host's directory and the guest's name, the directories below and
/// the rights.
#[derive(Debug, Default)]
struct Reached {
    dirs: BTreeMap<(String, String), (Rights, BTreeSet<String>)>,
    env: BTreeSet<String>,
    actions: BTreeSet<String>,
}

impl Reached {
    fn add(&mut self, seen: &Seen) {
        for grant in &seen.grants {
            match grant {
                Grant::Dir {
                    host,
                    guest,
                    rights,
                } => {
                    let below = seen.paths.iter().filter_map(|path| below(path, guest));
                    let below: BTreeSet<String> = below.collect();
                    if below.is_empty() {
                        continue;
                    }
                    let host = text::line(&host.to_string_lossy(), 4096);
                    let known = self
                        .dirs
                        .entry((host, guest.clone()))
                        .or_insert((*rights, BTreeSet::new()));
                    known.0 = known.0.max(*rights);
                    known.1.extend(below);
                }
                Grant::Env { name } => {
                    self.env.insert(name.clone());
                }
                Grant::Action { name } if seen.actions.contains(name) => {
                    self.actions.insert(name.clone());
                }
                Grant::Action { .. } => {}
            }
        }
    }

    fn flags(&self) -> Vec<String> {
        let dirs = self.dirs.iter().map(|((host, guest), (rights, below))| {
            let shared = shared(below);
            let joined = |start: &str| match (start, shared.as_str()) {
                (start, "") => start.to_owned(),
                (".", rest) => rest.to_owned(),
                (start, rest) => format!("{}/{rest}", start.trim_end_matches('/')),
            };
            format!("--dir {}::{}:{rights}", joined(host), joined(guest))
        });
        let env = self.env.iter().map(|name| format!("--env {name}"));
        let actions = self
            .actions
            .iter()
            .map(|name| format!("--allow-action {name}"));
        dirs.chain(env).chain(actions).collect()
    }
}

/// The directory of a path below a granted one, without the granted one's name; `None` if it is elsewhere.
fn below(path: &str, guest: &str) -> Option<String> {
    let rest = match guest {
        "." => path.strip_prefix("./").unwrap_or(path),
        guest => {
            let rest = path.strip_prefix(guest)?;
            if rest.is_empty() {
                return Some(String::new());
            }
            rest.strip_prefix('/')?
        }
    };
    Some(rest.rsplit_once('/').map_or("", |(dir, _)| dir).to_owned())
}

/// The deepest directory that all of these are in.
fn shared(dirs: &BTreeSet<String>) -> String {
    let mut dirs = dirs.iter();
    let Some(first) = dirs.next() else {
        return String::new();
    };
    let mut shared: Vec<&str> = first.split('/').filter(|part| !part.is_empty()).collect();
    for dir in dirs {
        let same = shared
            .iter()
            .zip(dir.split('/'))
            .take_while(|(a, b)| *a == b)
            .count();
        shared.truncate(same);
    }
    shared.join("/")
}

#[cfg(test)]
mod tests;
