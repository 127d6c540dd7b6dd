//! `engine.toml` and the files beside it: what the operator decides for every call.

mod file;
mod learned;
mod lock;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use engine::data::{
    Bundle, Capability, CedarPolicies, Grant, Lesson, Mode, Policies, Problem, Rule, distance,
};
use engine::{Config, Fault, Grants, Limits};

pub(crate) use file::{read_bounded, read_text, read_within, text_within};
pub(crate) use learned::{learn, replace};
pub(crate) use lock::Lock;

use crate::args;
use crate::settings;

/// The operator's configuration, settled; the default where there is no file.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// The file it came from.
    pub(crate) file: Option<PathBuf>,
    pub(crate) bundle: Option<Bundle>,
    pub(crate) mode: Option<Mode>,
    pub(crate) policies: Vec<PathBuf>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) lessons: Vec<Lesson>,
    pub(crate) repair_names: bool,
    pub(crate) limits: Option<Limits>,
    pub(crate) grants: Option<Grants>,
    pub(crate) minisign_key: Option<String>,
    pub(crate) capabilities: BTreeMap<String, Entry>,
}

/// A configured capability.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As it is written in the file.
    pub(crate) written: String,
    /// The component's file.
    pub(crate) component: PathBuf,
    pub(crate) function: String,
    pub(crate) grants: Option<Grants>,
    /// What its results are to be treated as.
    pub(crate) labels: Vec<String>,
    pub(crate) limits: Option<Limits>,
}

/// Where the configuration is: named, or in the engine's home.
pub(crate) fn place(named: Option<&Path>, global: &args::Global) -> Option<PathBuf> {
    match named {
        Some(named) => Some(named.to_owned()),
        None => settings::home(global).map(|home| home.join("engine.toml")),
    }
}

/// Reads the configuration. One that is named has to be there; the one in the engine's home need not, and what
/// somebody answered for always holds without it.
pub(crate) fn load(named: Option<&Path>, global: &args::Global) -> Result<Settled, Fault> {
    match place(named, global) {
        Some(file) if named.is_some() || file.exists() => file::load(&file),
        Some(file) => Ok(Settled {
            lessons: learned::load(&file)?,
            ..Settled::default()
        }),
        None => Ok(Settled::default()),
    }
}

impl Settled {
    /// The policies of the configuration, with what was said on the command line: a bundle's name takes
    /// the place of the configured one, files add to the configured ones.
    pub(crate) fn policies(&self, typed: &args::Guarding) -> Result<Policies, Fault> {
        let mut builder = Policies::builder()
            .rules(self.rules.iter().cloned())
            .lessons(self.lessons.iter().cloned());
        let mut bundle = self.bundle;
        let mut files = self.policies.clone();
        for policy in &typed.policy {
            match Bundle::ALL
                .into_iter()
                .find(|known| known.as_str() == policy)
            {
                Some(named) => bundle = Some(named),
                None => files.push(policy.into()),
            }
        }
        if let Some(bundle) = bundle {
            builder = builder.bundle(bundle);
        }
        if let Some(mode) = typed.guard.or(self.mode) {
            builder = builder.mode(mode);
        }
        let cedar = cedar(&files)?;
        if let Some(cedar) = cedar {
            builder = builder.cedar(cedar);
        }
        builder.build()
    }

    /// The configured capabilities, each pinned to what the lock file has.
    ///
    /// Those that are not locked are left out: only what was looked at has a name.
    pub(crate) fn apply(&self, mut config: Config, lock: &Lock) -> Result<Config, Fault> {
        for (name, entry) in &self.capabilities {
            let Some(locked) = lock.get(&entry.written) else {
                continue;
            };
            let mut capability =
                Capability::new(name, locked.shape.digest, entry.function.clone())?
                    .component(engine::Source::name_of(&entry.component));
            capability = capability.labels(entry.labels.iter().cloned());
            if let Some(grants) = &entry.grants {
                capability = capability.grants(grants.clone());
            }
            if let Some(limits) = entry.limits {
                capability = capability.limits(limits);
            }
            config = config.capability(capability);
        }
        Ok(config)
    }

    /// The files of the configured capabilities that are granted to callers, by the configuration or by name.
    pub(crate) fn callable(&self, named: &[String], lock: &Lock) -> Vec<PathBuf> {
        let own = self.grants.iter();
        let entries = self.capabilities.values();
        let layers = own.chain(entries.filter_map(|entry| entry.grants.as_ref()));
        let granted = layers.flat_map(Grants::list).filter_map(|grant| {
            if let Grant::Action { name } = grant {
                Some(name)
            } else {
                None
            }
        });
        let names: BTreeSet<String> = granted.chain(named.iter().cloned()).collect();
        let files: BTreeSet<PathBuf> = names
            .iter()
            .filter_map(|name| self.capabilities.get(name))
            .filter(|entry| lock.get(&entry.written).is_some())
            .map(|entry| entry.component.clone())
            .collect();
        files.into_iter().collect()
    }

    /// Keeps guests from changing the files that decide about them.
    pub(crate) fn protect(&self, config: Config, typed: &args::Guarding) -> Config {
        let beside = self.file.iter().flat_map(|file| {
            [
                file.clone(),
                file.with_extension("lock"),
                learned::place(file),
                learned::lock_place(file),
            ]
        });
        let policies = self.policies.iter().cloned();
        let typed = typed
            .policy
            .iter()
            .filter(|policy| Bundle::ALL.iter().all(|bundle| bundle.as_str() != *policy))
            .map(PathBuf::from);
        beside
            .chain(policies)
            .chain(typed)
            .fold(config, Config::protect)
    }

    /// The lock file beside the configuration; empty if there is none.
    pub(crate) fn lock(&self) -> Result<Lock, Fault> {
        self.file
            .as_deref()
            .map_or_else(|| Ok(Lock::default()), Lock::beside)
    }
}

/// Reads Cedar policies; `None` if there are no files.
fn cedar(files: &[PathBuf]) -> Result<Option<CedarPolicies>, Fault> {
    if files.is_empty() {
        return Ok(None);
    }
    read_policies(files)?.map(Some).map_err(|problems| {
        let first = problems.first();
        let fault = Fault::config(first.map_or_else(
            || "the policies cannot be read".to_owned(),
            Problem::to_string,
        ));
        match first.and_then(|problem| problem.help.clone()) {
            Some(help) => fault.hint(help),
            None => fault.hint("`engine policy check` shows every problem with its place"),
        }
    })
}

/// Reads files of Cedar policies, or everything that is wrong with them.
pub(crate) fn read_policies(
    files: &[PathBuf],
) -> Result<Result<CedarPolicies, Vec<Problem>>, Fault> {
    let mut texts = Vec::new();
    for file in files {
        let name = engine::data::line(&file.to_string_lossy(), 256);
        let text = read_text(file, "the policies").map_err(|fault| {
            let written = file.to_string_lossy();
            let near = Bundle::ALL
                .into_iter()
                .find(|bundle| (1..=2).contains(&distance(bundle.as_str(), &written)));
            fault.hint(match near {
                Some(bundle) => format!("did you mean the bundle `{bundle}`?"),
                None => format!(
                    "a policy is a file in Cedar, or one of the bundles {}",
                    Bundle::ALL.map(|bundle| format!("`{bundle}`")).join(", ")
                ),
            })
        })?;
        texts.push((name, text));
    }
    Ok(CedarPolicies::parse(&texts))
}
