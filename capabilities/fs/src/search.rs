use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::exports::engine::fs::files::{Error, Found, Hit};
use crate::failed;

const MOST_HITS: usize = 1_000;
const MOST_FILES: u32 = 10_000;
const MOST_LEVELS: usize = 32;
const LARGEST_FILE: u64 = 1 << 20;
const MOST_CHARACTERS: usize = 500;

/// Searches a file, or all files below a directory in the order of their names.
pub(crate) fn search(path: &Path, pattern: &str) -> Result<Found, Error> {
    let pattern = Regex::new(pattern).map_err(|error| Error::Invalid(error.to_string()))?;
    let mut found = Found {
        hits: Vec::new(),
        files: 0,
        skipped: 0,
        truncated: false,
    };
    let seen =
        fs::symlink_metadata(path).map_err(|error| failed(&path.to_string_lossy(), error))?;
    if seen.is_dir() {
        directory(path, &pattern, MOST_LEVELS, &mut found)?;
    } else {
        file(path, seen.len(), &pattern, &mut found);
    }
    Ok(found)
}

fn directory(path: &Path, pattern: &Regex, levels: usize, found: &mut Found) -> Result<(), Error> {
    let shown = path.to_string_lossy();
    let mut paths: Vec<PathBuf> = fs::read_dir(path)
        .and_then(|items| items.map(|item| Ok(item?.path())).collect())
        .map_err(|error| failed(&shown, error))?;
    paths.sort();
    for path in paths {
        if found.truncated {
            return Ok(());
        }
        match fs::symlink_metadata(&path) {
            Ok(seen) if seen.is_dir() => match levels.checked_sub(1) {
                // A directory that cannot be listed is left out, and counted.
                Some(levels) => {
                    if directory(&path, pattern, levels, found).is_err() {
                        found.skipped += 1;
                    }
                }
                None => found.truncated = true,
            },
            Ok(seen) if seen.is_file() => file(&path, seen.len(), pattern, found),
            _ => found.skipped += 1,
        }
    }
    Ok(())
}

fn file(path: &Path, size: u64, pattern: &Regex, found: &mut Found) {
    if found.files == MOST_FILES {
        found.truncated = true;
        return;
    }
    // What cannot be read, or is not text, is left out; the caller is told how many were.
    let text = (size <= LARGEST_FILE)
        .then(|| fs::read_to_string(path).ok())
        .flatten();
    let Some(text) = text else {
        found.skipped += 1;
        return;
    };
    found.files += 1;
    for (line, number) in text.lines().zip(1..) {
        for place in pattern.find_iter(line) {
            if found.hits.len() == MOST_HITS {
                found.truncated = true;
                return;
            }
            let before = line
                .get(..place.start())
                .unwrap_or_default()
                .chars()
                .count();
            found.hits.push(Hit {
                path: path.to_string_lossy().into_owned(),
                line: number,
                column: u32::try_from(before).map_or(u32::MAX, |before| before.saturating_add(1)),
                text: line.chars().take(MOST_CHARACTERS).collect(),
            });
        }
    }
}
