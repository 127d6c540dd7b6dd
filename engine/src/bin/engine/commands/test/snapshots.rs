use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use engine::Fault;
use engine::data::{acts, line};
use serde_json::Value;

use crate::config;
use crate::render::{Change, Changed};

/// The longest snapshot that is read.
const MOST: u64 = 16 << 20;

/// The snapshots of a project's cases.
pub(super) struct Snapshots {
    /// Whether what comes out is taken as it is.
    bless: bool,
    /// The command that does that.
    pub(super) command: String,
    changes: Vec<Changed>,
}

impl Snapshots {
    pub(super) fn new(bless: bool, command: String) -> Self {
        Self {
            bless,
            command,
            changes: Vec::new(),
        }
    }

    /// What a snapshot has; `None` if there is none.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if it cannot be read, or is not JSON.
    pub(super) fn read(&self, file: &Path) -> Result<Option<Value>, Fault> {
        if !file.exists() {
            return Ok(None);
        }
        let text = config::read_bounded(file, "the snapshot", MOST)?;
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Some(value)),
            // It is about to be replaced.
            Err(_) if self.bless => Ok(None),
            Err(error) => Err(
                Fault::config(format!("the snapshot `{}` is not JSON", shown(file)))
                    .hint(format!("make it anew: `{}`", self.command))
                    .caused_by(error),
            ),
        }
    }

    /// Takes a value as the snapshot, if that is wanted. Returns whether it is.
    pub(super) fn take(
        &mut self,
        file: &Path,
        old: Option<&Value>,
        new: &Value,
    ) -> Result<bool, Fault> {
        if !self.bless {
            return Ok(false);
        }
        write(file, new)?;
        self.changes.push(Changed {
            file: shown(file),
            change: if old.is_none() {
                Change::New
            } else {
                Change::Changed
            },
        });
        Ok(true)
    }

    /// Finds snapshots of no case; removes them, if that is wanted.
    pub(super) fn sweep<'a>(
        &mut self,
        tests: &Path,
        dirs: impl Iterator<Item = &'a Path>,
        used: impl Iterator<Item = &'a Path>,
    ) -> Result<(), Fault> {
        let used: BTreeSet<&Path> = used.collect();
        let mut dirs: BTreeSet<PathBuf> = dirs.map(Path::to_owned).collect();
        // Those of files that are gone.
        dirs.extend(
            list(&tests.join("snapshots"))?
                .into_iter()
                .filter(|path| path.is_dir()),
        );
        for file in dirs
            .iter()
            .map(|dir| list(dir))
            .collect::<Result<Vec<_>, _>>()?
            .concat()
        {
            let ours = file.extension() == Some("json".as_ref()) && file.is_file();
            if !ours || used.contains(file.as_path()) {
                continue;
            }
            if self.bless {
                remove(&file)?;
            }
            self.changes.push(Changed {
                file: shown(&file),
                change: if self.bless {
                    Change::Removed
                } else {
                    Change::Unused
                },
            });
        }
        Ok(())
    }

    pub(super) fn changes(self) -> Vec<Changed> {
        self.changes
    }
}

pub(super) fn shown(file: &Path) -> String {
    line(&file.to_string_lossy(), 512)
}

/// What is in a directory, by name; nothing if there is none.
#[expect(clippy::disallowed_methods, reason = "a directory of the project")]
fn list(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    let entries = std::fs::read_dir(dir).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<Vec<_>>>()
    });
    let mut paths = entries.map_err(|error| {
        Fault::config(format!("cannot read the directory `{}`", shown(dir))).caused_by(error)
    })?;
    paths.sort();
    Ok(paths)
}

/// Writes a value for people to read, without characters that act on a terminal.
#[expect(
    clippy::disallowed_methods,
    reason = "the project's own snapshot, as the user asked for"
)]
fn write(file: &Path, value: &Value) -> Result<(), Fault> {
    let failed = |error: std::io::Error| {
        Fault::config(format!("cannot write the snapshot `{}`", shown(file))).caused_by(error)
    };
    let pretty = serde_json::to_string_pretty(value).map_err(|error| failed(error.into()))?;
    let mut json = String::with_capacity(pretty.len() + 1);
    for c in pretty.chars() {
        // Between values lines end; in texts their ends are escaped already.
        if c == '\n' || !acts(c) {
            json.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                json.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    json.push('\n');
    let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::write(file, json))
        .map_err(failed)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the project's own snapshot, as the user asked for"
)]
fn remove(file: &Path) -> Result<(), Fault> {
    std::fs::remove_file(file).map_err(|error| {
        Fault::config(format!("cannot remove the snapshot `{}`", shown(file))).caused_by(error)
    })
}
