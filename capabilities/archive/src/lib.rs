//! Lists and unpacks archives in the directories that were granted.

mod bounds;
mod format;
mod gzip;
mod list;
mod names;
mod tar;
mod unpack;
mod zip;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use exports::engine::archive::archives::{Error, Extracted, Guest, Kind, Listing};

guest_sdk::capability!(Archives in "../../wit/archive");

struct Archives;

impl Guest for Archives {
    fn list(path: String) -> Result<Listing, Error> {
        list::list(&format::Archive::new(&path, &load(&path)?)?)
    }

    fn extract(path: String, into: String) -> Result<Extracted, Error> {
        let into = checked(&into)?;
        unpack::extract(&format::Archive::new(&path, &load(&path)?)?, into)
    }
}

/// Something in an archive.
struct Found<'a> {
    /// Its name as the archive has it.
    name: &'a [u8],
    kind: Kind,
    /// In bytes, unpacked.
    size: u64,
    /// Why it must not be unpacked, as far as its format knows.
    trouble: Option<String>,
}

/// The content of a file in an archive, unpacked.
trait Content {
    /// Puts the next bytes into the buffer, and says how many; 0 at the end, when all of it is as it was stated.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error>;
}

/// Who looks at what is in an archive, in the archive's order.
trait Visit {
    fn entry(&mut self, found: &Found<'_>, content: &mut dyn Content) -> Result<(), Error>;
}

/// Reads a whole archive, so that it cannot change while it is looked at.
fn load(path: &str) -> Result<Vec<u8>, Error> {
    let failed = |error| failed("read", path, &error);
    let file = File::open(checked(path)?).map_err(failed)?;
    let seen = file.metadata().map_err(failed)?;
    if !seen.is_file() {
        return Err(Error::Invalid(format!("`{path}` is not a file")));
    }
    let most = bounds::MOST_ARCHIVE;
    let within = |size: u64| match size {
        size if size > most => Err(Error::TooLarge(format!(
            "`{path}` has {size} bytes, over the limit of {most}"
        ))),
        _ => Ok(()),
    };
    within(seen.len())?;
    // Room for one byte more than it has, so that the end is found without twice the memory.
    let room = usize::try_from(seen.len() + 1).unwrap_or_default();
    let mut bytes = Vec::with_capacity(room);
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    within(bytes.len() as u64)?;
    Ok(bytes)
}

/// Refuses what cannot be a path before it goes anywhere.
fn checked(path: &str) -> Result<&Path, Error> {
    if path.is_empty() || path.contains('\0') {
        let path = path.escape_default();
        return Err(Error::Invalid(format!("`{path}` is not a path")));
    }
    // `./docs` is where `docs` is, also where nobody has a working directory.
    let plain = path.trim_start_matches("./").trim_start_matches('/');
    Ok(match path.strip_prefix("./") {
        Some(_) if plain.is_empty() => Path::new("."),
        Some(_) => Path::new(plain),
        None => Path::new(path),
    })
}

/// The error of reading or writing a file, which says nothing about an archive.
fn failed(act: &str, path: &str, error: &io::Error) -> Error {
    let message = format!("cannot {act} `{path}`: {error}");
    match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound(message),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Error::NotPermitted(message)
        }
        io::ErrorKind::AlreadyExists => Error::AlreadyExists(message),
        _ => Error::Other(message),
    }
}

#[cfg(test)]
mod tests;
