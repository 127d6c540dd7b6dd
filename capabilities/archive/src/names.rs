use std::collections::BTreeMap;

/// The most bytes of a path.
const MOST_BYTES: usize = 1_024;
/// The most bytes of one part of a path.
const MOST_PART: usize = 255;
/// The most parts of a path.
const MOST_PARTS: usize = 32;

/// The plain form of a path in an archive; `.` is the place where the archive is unpacked.
///
/// # Errors
///
/// Why nothing may be written there, with the path as it can be shown.
pub(crate) fn plain(name: &[u8]) -> Result<String, (String, &'static str)> {
    let refuse = |why| {
        let shown = String::from_utf8_lossy(name);
        Err((shown.chars().take(MOST_BYTES).collect(), why))
    };
    let Ok(path) = std::str::from_utf8(name) else {
        return refuse("its path is not UTF-8");
    };
    if path.is_empty() {
        return refuse("its path is empty");
    }
    if path.len() > MOST_BYTES {
        return refuse("its path is over 1024 bytes");
    }
    if path.starts_with('/') {
        return refuse("its path is absolute");
    }
    if path.contains('\\') {
        return refuse("its path has a `\\`");
    }
    if path.contains(char::is_control) {
        return refuse("its path has a control character");
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => continue,
            ".." => return refuse("its path has a `..`"),
            part if part.len() > MOST_PART => {
                return refuse("a part of its path is over 255 bytes");
            }
            part => parts.push(part),
        }
    }
    if parts.len() > MOST_PARTS {
        return refuse("its path has over 32 parts");
    }
    // `c:x` is another drive on Windows, also behind a `./`.
    if let Some(&[letter, b':', ..]) = parts.first().map(|part| part.as_bytes())
        && letter.is_ascii_alphabetic()
    {
        return refuse("its path begins with a drive letter");
    }
    if parts.is_empty() {
        return Ok(".".to_owned());
    }
    Ok(parts.join("/"))
}

/// The paths of an archive, of which no two may be taken for one another.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// By the path in lower case: the path, and whether it is a directory.
    taken: BTreeMap<String, (String, bool)>,
}

impl Names {
    /// Takes a path in its plain form, and those of the directories that it lies in.
    ///
    /// # Errors
    ///
    /// Why there cannot be this one as well.
    pub(crate) fn take(&mut self, path: &str, directory: bool) -> Result<(), String> {
        for (at, _) in path.match_indices('/') {
            if let Some(above) = path.get(..at) {
                self.one(above, true)?;
            }
        }
        self.one(path, directory)
    }

    fn one(&mut self, path: &str, directory: bool) -> Result<(), String> {
        let folded = path.to_lowercase();
        match self.taken.get(&folded) {
            None => {
                let taken = (path.to_owned(), directory);
                self.taken.insert(folded, taken);
                Ok(())
            }
            Some((same, true)) if same == path && directory => Ok(()),
            Some((same, other)) if same == path && *other == directory => {
                Err(format!("`{path}` is there twice"))
            }
            Some((same, _)) if same == path => {
                Err(format!("`{path}` is a directory and something else"))
            }
            Some((same, _)) => Err(format!(
                "`{path}` and `{same}` are one path where case does not count"
            )),
        }
    }
}
