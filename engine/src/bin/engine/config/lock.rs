use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::Fault;
use engine::data::Shape;
use serde::{Deserialize, Serialize};

use super::learned::replace;
use super::read_text;

/// `engine.lock`: what each configured component was when somebody last agreed to it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lock {
    /// The version of this format: 1.
    version: u32,
    /// By the component's file, as the configuration writes it.
    #[serde(default)]
    components: BTreeMap<String, Locked>,
    #[serde(skip)]
    file: PathBuf,
}

/// One component that was looked at.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Locked {
    pub(crate) shape: Shape,
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            version: 1,
            components: BTreeMap::new(),
            file: PathBuf::new(),
        }
    }
}

impl Lock {
    /// Reads the lock file beside a configuration; an empty one if there is none.
    pub(crate) fn beside(config: &Path) -> Result<Self, Fault> {
        let file = config.with_extension("lock");
        if !file.exists() {
            return Ok(Self {
                file,
                ..Self::default()
            });
        }
        let shown = engine::data::line(&file.to_string_lossy(), 256);
        let text = read_text(&file, "the lock file")?;
        let lock: Lock = toml::from_str(&text).map_err(|error| {
            Fault::config(format!(
                "{shown}: {}",
                engine::data::line(error.message(), 400)
            ))
            .hint("the lock file is written by `engine lock`, not by hand")
        })?;
        if lock.version != 1 {
            return Err(Fault::config(format!(
                "{shown} is of version {}, and this engine reads version 1",
                lock.version
            )));
        }
        Ok(Self { file, ..lock })
    }

    pub(crate) fn get(&self, component: &str) -> Option<&Locked> {
        self.components.get(component)
    }

    /// Keeps what a component is now.
    pub(crate) fn set(&mut self, component: String, shape: Shape) {
        self.components.insert(component, Locked { shape });
    }

    /// Forgets components that are configured no more.
    pub(crate) fn keep(&mut self, configured: impl Fn(&str) -> bool) {
        self.components.retain(|component, _| configured(component));
    }

    pub(crate) fn save(&self) -> Result<(), Fault> {
        let text = toml::to_string(self)
            .map_err(|error| Fault::system("writing the lock file").caused_by(error))?;
        let head =
            "# Written by `engine lock`. What each component was when somebody agreed to it.\n";
        replace(&self.file, &format!("{head}{text}"), 0o644)
    }
}
