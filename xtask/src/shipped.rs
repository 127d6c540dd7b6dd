use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::shell::{cargo, output, root};

/// A capability that comes with the engine: a member of the workspace `capabilities`.
#[derive(Debug)]
pub(crate) struct Shipped {
    /// The name of its package.
    pub(crate) name: String,
    /// The name of the file that its build makes.
    pub(crate) file: String,
}

impl Shipped {
    /// Its component, in the directory that a build of all of them gave.
    pub(crate) fn component(&self, built: &Path) -> PathBuf {
        built.join(&self.file)
    }
}

/// The capabilities that come with the engine, by name. The members of the workspace are the one list of them.
pub(crate) fn shipped() -> anyhow::Result<Vec<Shipped>> {
    let mut ask = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let told = output(ask.current_dir(root().join("capabilities")))?;
    ensure!(
        told.status.success(),
        "cannot list the capabilities: {}",
        String::from_utf8_lossy(&told.stderr)
    );
    let told: Value = serde_json::from_slice(&told.stdout)?;
    let packages = told
        .get("packages")
        .and_then(Value::as_array)
        .context("`cargo metadata` names no packages")?;
    let mut shipped = packages
        .iter()
        .filter_map(component)
        .collect::<Vec<Shipped>>();
    shipped.sort_by(|a, b| a.name.cmp(&b.name));
    ensure!(
        !shipped.is_empty(),
        "the workspace `capabilities` has no member that makes a component"
    );
    Ok(shipped)
}

/// The component of a package; none for a crate that others share.
fn component(package: &Value) -> Option<Shipped> {
    let targets = package.get("targets")?.as_array()?;
    let made = targets.iter().find(|target| {
        let kinds = target.get("kind").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
    })?;
    Some(Shipped {
        name: package.get("name")?.as_str()?.to_owned(),
        file: format!("{}.wasm", made.get("name")?.as_str()?.replace('-', "_")),
    })
}
