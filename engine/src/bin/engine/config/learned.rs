use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use engine::Fault;
use engine::data::Lesson;
use serde::{Deserialize, Serialize};

use super::file::MOST as MOST_BYTES;
use super::read_text;

/// The most answers that are kept.
const MOST: usize = 10_000;

/// The file of answers that somebody gave for always, beside the configuration.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Learned {
    #[serde(default)]
    lessons: Vec<Lesson>,
}

/// The file of answers beside a configuration.
pub(super) fn place(config: &Path) -> PathBuf {
    config.with_file_name("learned.toml")
}

/// The file that whoever changes the answers holds locked meanwhile.
pub(super) fn lock_place(config: &Path) -> PathBuf {
    config.with_file_name("learned.toml.lock")
}

/// Reads the answers beside a configuration; none if there is no file.
pub(super) fn load(config: &Path) -> Result<Vec<Lesson>, Fault> {
    let file = place(config);
    let Ok(about) = file.symlink_metadata() else {
        return Ok(Vec::new());
    };
    let shown = engine::data::line(&file.to_string_lossy(), 256);
    // Whoever can write it can answer for everybody.
    if about.permissions().mode() & 0o077 != 0 || !about.is_file() {
        return Err(Fault::config(format!(
            "`{shown}` can be read or changed by others, or is no plain file"
        ))
        .hint(format!("make it the operator's alone: `chmod 600 {shown}`")));
    }
    let text = read_text(&file, "the learned answers")?;
    let Learned { lessons } = toml::from_str(&text).map_err(|error| {
        Fault::config(format!(
            "{shown}: {}",
            engine::data::line(error.message(), 400)
        ))
    })?;
    if lessons.len() > MOST {
        return Err(Fault::config(format!(
            "`{shown}` has {} answers, over the limit of {MOST}",
            lessons.len()
        )));
    }
    Ok(lessons)
}

/// Adds an answer to those beside a configuration, unless it is there already. Of several that do so at once, one
/// does it after the other, so that no answer is lost.
pub(crate) fn learn(config: &Path, lesson: Lesson) -> Result<PathBuf, Fault> {
    let _lock = lock(config)?;
    let mut lessons = load(config)?;
    let file = place(config);
    if lessons.contains(&lesson) {
        return Ok(file);
    }
    lessons.push(lesson);
    let count = lessons.len();
    let text = toml::to_string(&Learned { lessons })
        .map_err(|error| Fault::system("writing the learned answers").caused_by(error))?;
    // What could not be read again would stop every call.
    if count > MOST || text.len() as u64 > MOST_BYTES {
        return Err(Fault::config(format!(
            "`{}` would have {count} answers in {} bytes, over the limit of {MOST} in {MOST_BYTES}",
            engine::data::line(&file.to_string_lossy(), 256),
            text.len(),
        ))
        .hint("remove answers that are needed no more"));
    }
    replace(&file, &text, 0o600)?;
    Ok(file)
}

/// Waits until nobody else changes the answers, and keeps others from it until the file is dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "a file beside the configuration, which is the binary's to write"
)]
fn lock(config: &Path) -> Result<File, Fault> {
    let place = lock_place(config);
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&place);
    let locked = opened.and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| {
        Fault::config(format!(
            "cannot lock `{}`",
            engine::data::line(&place.to_string_lossy(), 256)
        ))
        .caused_by(error)
    })
}

/// Replaces a file as a whole: a reader sees the old one or the new one.
#[expect(
    clippy::disallowed_methods,
    reason = "files beside the configuration, which is the binary's to write"
)]
pub(crate) fn replace(file: &Path, text: &str, mode: u32) -> Result<(), Fault> {
    let beside = file.with_extension(format!("new.{}", std::process::id()));
    let failed = |error: std::io::Error| {
        Fault::config(format!(
            "cannot write `{}`",
            engine::data::line(&file.to_string_lossy(), 256)
        ))
        .caused_by(error)
    };
    let mut new = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)
        .map_err(failed)?;
    let written = new
        .write_all(text.as_bytes())
        .and_then(|()| new.sync_all())
        .and_then(|()| std::fs::rename(&beside, file));
    written.map_err(|error| {
        std::fs::remove_file(&beside).ok();
        failed(error)
    })
}

#[cfg(test)]
mod tests;
