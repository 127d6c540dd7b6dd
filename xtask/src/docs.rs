mod page;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::shell::{self, build_engine, build_guests, ensure_guest_target, output, root};
use crate::shipped::shipped;

/// Where the pages lie, below the root of the repository.
const PLACE: &str = "docs/capabilities";

/// `cargo xtask docs`: writes the pages of the shipped capabilities, and removes those that no capability has.
pub(crate) fn write() -> anyhow::Result<()> {
    let pages = pages()?;
    let place = root().join(PLACE);
    std::fs::create_dir_all(&place)?;
    for name in present(&place)?.keys() {
        if !pages.contains_key(name) {
            std::fs::remove_file(place.join(name))
                .with_context(|| format!("cannot remove {PLACE}/{name}"))?;
        }
    }
    for (name, text) in &pages {
        std::fs::write(place.join(name), text)
            .with_context(|| format!("cannot write {PLACE}/{name}"))?;
    }
    println!("\nwrote {} pages to {PLACE}", pages.len());
    Ok(())
}

/// `cargo xtask docs --check`: fails where a page is not what [`write()`] would write.
pub(crate) fn check() -> anyhow::Result<()> {
    let pages = pages()?;
    let wrong = differences(&pages, &present(&root().join(PLACE))?);
    ensure!(
        wrong.is_empty(),
        "{}; run `cargo xtask docs`",
        wrong.join(", ")
    );
    println!("\n{} pages of capabilities are up to date", pages.len());
    Ok(())
}

/// What is wrong with the pages that lie there.
fn differences(
    pages: &BTreeMap<String, String>,
    present: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, text) in pages {
        match present.get(name) {
            Some(there) if there == text => {}
            Some(_) => wrong.push(format!("{PLACE}/{name} is not what its capability says")),
            None => wrong.push(format!("{PLACE}/{name} is missing")),
        }
    }
    for name in present.keys().filter(|name| !pages.contains_key(*name)) {
        wrong.push(format!("{PLACE}/{name} has no capability"));
    }
    wrong
}

/// Every page by the name of its file, made from what the components say of themselves.
fn pages() -> anyhow::Result<BTreeMap<String, String>> {
    ensure_guest_target()?;
    let built = build_guests("capabilities")?;
    let engine = build_engine()?;
    let mut all = Vec::new();
    for capability in shipped()? {
        let told = inspect(&engine, &capability.component(&built))?;
        let name = told.pointer("/manifest/name").and_then(Value::as_str);
        ensure!(
            name == Some(&capability.name),
            "the manifest of `capabilities/{}` names it {name:?}: a page needs one name",
            capability.name
        );
        all.push((capability, told));
    }
    let mut pages = BTreeMap::from([("README.md".to_owned(), page::index(&all)?)]);
    for (capability, told) in &all {
        let text = page::of(capability, told)
            .with_context(|| format!("cannot make the page of `{}`", capability.name))?;
        pages.insert(format!("{}.md", capability.name), text);
    }
    Ok(pages)
}

fn inspect(engine: &Path, component: &PathBuf) -> anyhow::Result<Value> {
    let mut ask = Command::new(engine);
    ask.arg("inspect")
        .arg(component)
        .args(["--output", "json"])
        .current_dir(root());
    let told = output(&mut ask)?;
    ensure!(
        told.status.success(),
        "{} failed: {}",
        shell::shown(&ask),
        String::from_utf8_lossy(&told.stderr)
    );
    Ok(serde_json::from_slice(&told.stdout)?)
}

/// The pages that lie there, by the names of their files.
fn present(place: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut pages = BTreeMap::new();
    if !place.exists() {
        return Ok(pages);
    }
    for entry in std::fs::read_dir(place)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "md") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            pages.insert(name.into_owned(), std::fs::read_to_string(&path)?);
        }
    }
    Ok(pages)
}

#[cfg(test)]
mod tests;
