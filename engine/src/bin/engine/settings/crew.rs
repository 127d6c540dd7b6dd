use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use engine::data::{CodeCache, Mode, Principal, line};
use engine::{Config, Fault, Grants, Limits};
use serde_json::Value;

use super::{Events, EventsTo, code_cache, home, known, layered, settle_grants, settle_limits};
use crate::args;
use crate::config::{self, Lock, Settled};

/// What plans may use, decided.
pub(crate) struct Crew {
    pub(crate) config: Config,
    /// The caller's layer of every call.
    pub(crate) caller: (Option<Limits>, Option<Grants>),
    /// Files of components that were named on the command line.
    pub(crate) components: Vec<PathBuf>,
    /// For whom plans run.
    pub(crate) principal: Principal,
    /// The key that has to have signed every component.
    pub(crate) minisign_key: Option<String>,
    /// How policies are applied.
    pub(crate) mode: Mode,
    /// Where compiled code is kept.
    pub(crate) cache: Option<CodeCache>,
    /// Actions whose calls are granted on the command line.
    granted: Vec<String>,
    settled: Settled,
    lock: Lock,
}

impl Crew {
    /// Decides; no grant may touch the journal.
    pub(crate) fn resolve(
        typed: args::Crew,
        journal: Option<&Path>,
        global: &args::Global,
    ) -> Result<Self, Fault> {
        let args::Crew {
            component,
            limits,
            grants,
            guarding,
        } = typed;
        let settled = config::load(guarding.config.as_deref(), global)?;
        let lock = settled.lock()?;
        let kept: Vec<PathBuf> = home(global)
            .into_iter()
            .chain(journal.map(Path::to_owned))
            .collect();
        let mut config = kept.iter().fold(Config::new(), Config::home);
        config = settled.protect(config, &guarding);
        let own_limits = settle_limits(limits, true, settled.limits.as_ref())?;
        let granted = grants.allow_action.clone();
        let own_grants = settle_grants(grants)?;
        if let Some(grants) = &own_grants {
            kept.iter().try_for_each(|kept| grants.check_home(kept))?;
        }
        let policies = settled.policies(&guarding)?;
        let mode = policies.mode();
        config = config.policies(policies);
        config = settled.apply(config, &lock)?;
        let (config, caller) = layered(&settled, config, own_limits, own_grants);
        Ok(Self {
            config,
            caller,
            components: component,
            principal: Principal::new(&guarding.principal),
            minisign_key: settled.minisign_key.clone(),
            mode,
            cache: code_cache(global)?,
            granted,
            settled,
            lock,
        })
    }

    /// The files of the configured capabilities among these names, and of those that guests may be allowed to call.
    ///
    /// # Errors
    ///
    /// A fault if one is configured and nobody has looked at it.
    pub(crate) fn files(&self, names: &BTreeSet<String>) -> Result<BTreeSet<PathBuf>, Fault> {
        let callable = self.settled.callable(&self.granted, &self.lock);
        let mut files: BTreeSet<PathBuf> = callable.into_iter().collect();
        for name in names {
            if let Some(entry) = self.settled.capabilities.get(name) {
                known(name, &self.settled, &self.lock)?;
                files.insert(entry.component.clone());
            }
        }
        Ok(files)
    }
}

/// Where events of a workflow go; never into a file that it is made of.
pub(crate) fn events(telling: &args::Telling, inputs: Vec<PathBuf>) -> Option<Events> {
    let to = telling.events.as_ref()?;
    Some(Events {
        to: if to == "-" {
            EventsTo::Stderr
        } else {
            EventsTo::File(to.into())
        },
        format: telling.events_format,
        inputs,
    })
}

/// Reads inputs in the form `NAME=JSON`; what is not JSON is a text.
pub(crate) fn inputs(typed: &[String]) -> Result<BTreeMap<String, Value>, Fault> {
    let mut inputs = BTreeMap::new();
    for word in typed {
        let Some((name, value)) = word.split_once('=') else {
            return Err(
                Fault::usage(format!("--input: `{}` has no `=`", line(word, 100)))
                    .hint("write it as NAME=JSON, such as `topic=\"wasm\"` or `count=3`"),
            );
        };
        let value = match serde_json::from_str(value) {
            Ok(value) => value,
            Err(error) if value.starts_with(['{', '[', '"']) => {
                return Err(Fault::usage(format!(
                    "--input: the value of `{}` begins like JSON and is none: {error}",
                    line(name, 100)
                ))
                .hint("a text that begins like this is written as JSON, too: `topic='\"[x\"'`"));
            }
            Err(_) => Value::from(value),
        };
        if inputs.insert(name.to_owned(), value).is_some() {
            return Err(Fault::usage(format!(
                "--input: `{}` is given twice",
                line(name, 100)
            )));
        }
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_input_that_is_not_json_is_a_text() {
        let typed = ["a=3", "b=\"3\"", "c=plain words", "d={\"x\": [1]}", "e="].map(str::to_owned);
        let found = inputs(&typed).unwrap();
        let wanted = json!({"a": 3, "b": "3", "c": "plain words", "d": {"x": [1]}, "e": ""});
        assert_eq!(json!(found), wanted);
        for typed in [["alone", "a=1"], ["a=1", "a=2"], ["a=1", "b={\"x\": 1"]] {
            let fault = inputs(&typed.map(str::to_owned)).unwrap_err();
            assert_eq!(fault.code().as_str(), "E-USAGE", "{typed:?}");
        }
    }
}
