use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::exports::engine::archive::archives::{Error, Extracted, Fate, Kind, Skipped};
use crate::format::Archive;
use crate::list::Judge;
use crate::{Content, Found, Visit, failed};

/// Unpacks an archive: reads all of it once to see that it may be, and once more to do it.
pub(crate) fn extract(archive: &Archive<'_>, into: &Path) -> Result<Extracted, Error> {
    let mut check = Unpack::new(into, false);
    check.root()?;
    archive.visit(&mut check)?;

    let mut unpack = Unpack::new(into, true);
    let done = unpack.root().and_then(|()| archive.visit(&mut unpack));
    match done {
        Ok(()) => Ok(unpack.done),
        Err(error) => Err(unpack.undone(error)),
    }
}

/// Looks at every entry, and writes it if that is wanted.
struct Unpack<'a> {
    into: &'a Path,
    write: bool,
    judge: Judge,
    /// Directories that are known to be there.
    there: BTreeSet<String>,
    /// What was made, in its order.
    made: Vec<PathBuf>,
    done: Extracted,
    buffer: Vec<u8>,
}

impl<'a> Unpack<'a> {
    fn new(into: &'a Path, write: bool) -> Self {
        Self {
            into,
            write,
            judge: Judge::default(),
            there: BTreeSet::new(),
            made: Vec::new(),
            done: Extracted {
                files: 0,
                directories: 0,
                size: 0,
                skipped: Vec::new(),
            },
            buffer: vec![0; 64 << 10],
        }
    }

    /// Makes the directory to unpack into, where it is missing.
    fn root(&mut self) -> Result<(), Error> {
        let into = self.into;
        let shown = into.to_string_lossy();
        // The one that was asked for may be a link; only what the archive names must not be.
        match fs::metadata(into) {
            Ok(seen) if seen.is_dir() => Ok(()),
            Ok(_) => Err(Error::Invalid(format!("`{shown}` is not a directory"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make(into),
            Err(error) => Err(failed("look at", &shown, &error)),
        }
    }

    /// Makes the directories of a path in the archive, each of them a real one.
    fn directories(&mut self, path: &str) -> Result<(), Error> {
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let path = path.get(..end).unwrap_or(path);
            if self.there.contains(path) {
                continue;
            }
            let place = self.into.join(path);
            match self.look(&place)? {
                Some(true) => {}
                Some(false) => return Err(taken(&place)),
                None => self.make(&place)?,
            }
            self.there.insert(path.to_owned());
        }
        Ok(())
    }

    /// Whether there is a directory; none if there is nothing.
    fn look(&self, place: &Path) -> Result<Option<bool>, Error> {
        match fs::symlink_metadata(place) {
            Ok(seen) => Ok(Some(seen.is_dir())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("look at", &place.to_string_lossy(), &error)),
        }
    }

    fn make(&mut self, place: &Path) -> Result<(), Error> {
        if self.write {
            fs::create_dir(place)
                .map_err(|error| failed("make", &place.to_string_lossy(), &error))?;
            self.made.push(place.to_owned());
            self.done.directories += 1;
        }
        Ok(())
    }

    fn file(&mut self, path: &str, content: &mut dyn Content) -> Result<(), Error> {
        if let Some((above, _)) = path.rsplit_once('/') {
            self.directories(above)?;
        }
        let place = self.into.join(path);
        let shown = place.to_string_lossy();
        if self.look(&place)?.is_some() {
            return Err(taken(&place));
        }
        let write = |error: io::Error| failed("write", &shown, &error);
        let mut file = match self.write {
            true => Some(File::create_new(&place).map_err(write)?),
            false => None,
        };
        if file.is_some() {
            self.made.push(place.clone());
        }
        loop {
            let read = content.read(&mut self.buffer)?;
            if read == 0 {
                break;
            }
            if let Some(file) = &mut file {
                let bytes = self.buffer.get(..read).unwrap_or_default();
                file.write_all(bytes).map_err(write)?;
            }
            self.done.size += read as u64;
        }
        self.done.files += 1;
        Ok(())
    }

    /// Reads what is not written, so that it is checked as well.
    fn checked(&mut self, content: &mut dyn Content) -> Result<(), Error> {
        while content.read(&mut self.buffer)? > 0 {}
        Ok(())
    }

    /// Removes what was made, the last first, and says so where that fails.
    fn undone(self, error: Error) -> Error {
        let stayed = self.made.iter().rev().find_map(|place| {
            let removed = match fs::symlink_metadata(place) {
                Ok(seen) if seen.is_dir() => fs::remove_dir(place),
                Ok(_) => fs::remove_file(place),
                Err(error) => Err(error),
            };
            removed.err().map(|error| (place, error))
        });
        match stayed {
            None => error,
            Some((place, why)) => more(
                error,
                &format!(
                    "; `{}` stays, as it cannot be removed: {why}",
                    place.display()
                ),
            ),
        }
    }
}

impl Visit for Unpack<'_> {
    fn entry(&mut self, found: &Found<'_>, content: &mut dyn Content) -> Result<(), Error> {
        let (path, fate) = self.judge.judge(found);
        match fate {
            Fate::Refused(why) => Err(Error::Refused(format!("`{path}`: {why}"))),
            Fate::Skipped(why) => {
                self.done.skipped.push(Skipped { path, why });
                self.checked(content)
            }
            Fate::Unpacked if path == "." => self.checked(content),
            Fate::Unpacked => match found.kind {
                Kind::Directory => {
                    self.directories(&path)?;
                    self.checked(content)
                }
                Kind::File | Kind::Link | Kind::Other => self
                    .file(&path, content)
                    .map_err(|error| within(error, &path)),
            },
        }
    }
}

fn taken(place: &Path) -> Error {
    Error::AlreadyExists(format!("`{}` is there already", place.display()))
}

/// Says in which file an archive is broken.
fn within(error: Error, path: &str) -> Error {
    match error {
        Error::Malformed(why) => Error::Malformed(format!("`{path}`: {why}")),
        other => other,
    }
}

/// Adds to what an error says.
fn more(error: Error, and: &str) -> Error {
    match error {
        Error::NotFound(why) => Error::NotFound(why + and),
        Error::NotPermitted(why) => Error::NotPermitted(why + and),
        Error::AlreadyExists(why) => Error::AlreadyExists(why + and),
        Error::Invalid(why) => Error::Invalid(why + and),
        Error::Malformed(why) => Error::Malformed(why + and),
        Error::Refused(why) => Error::Refused(why + and),
        Error::Unsupported(why) => Error::Unsupported(why + and),
        Error::TooLarge(why) => Error::TooLarge(why + and),
        Error::Other(why) => Error::Other(why + and),
    }
}
