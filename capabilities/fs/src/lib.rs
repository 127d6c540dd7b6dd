//! Works with files in the directories that were granted.

mod search;

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::UNIX_EPOCH;

use exports::engine::fs::files::{Chunk, Content, Entry, Error, Found, Guest, Kind, Mode};

guest_sdk::capability!(Files in "../../wit/fs");

/// The most bytes of one read or write.
const MOST_BYTES: u32 = 1 << 20;
/// The bytes of a read that does not say how many: escaped or in base64 they fit into the engine's
/// default limit of output.
const USUAL_BYTES: u32 = 256 << 10;
/// The most entries of one list.
const MOST_ENTRIES: usize = 10_000;

struct Files;

impl Guest for Files {
    fn read(path: String, offset: Option<u64>, length: Option<u32>) -> Result<Chunk, Error> {
        let length = length.unwrap_or(USUAL_BYTES);
        if !(1..=MOST_BYTES).contains(&length) {
            return Err(Error::Invalid(format!(
                "length is {length}, outside 1 to {MOST_BYTES}"
            )));
        }
        let offset = offset.unwrap_or(0);
        let mut file = File::open(checked(&path)?).map_err(|error| failed(&path, error))?;
        let seen = file.metadata().map_err(|error| failed(&path, error))?;
        if !seen.is_file() {
            return Err(Error::Invalid(format!("`{path}` is not a file")));
        }
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset))
            .and_then(|_| file.take(length.into()).read_to_end(&mut bytes))
            .map_err(|error| failed(&path, error))?;
        let content = content(bytes);
        let read = match &content {
            Content::Text(text) => text.len(),
            Content::Bytes(bytes) => bytes.len(),
        };
        let end = offset.saturating_add(read as u64);
        Ok(Chunk {
            content,
            size: seen.len(),
            next: (read > 0 && end < seen.len()).then_some(end),
        })
    }

    fn write(path: String, content: Content, mode: Option<Mode>) -> Result<u64, Error> {
        let bytes = match &content {
            Content::Text(text) => text.as_bytes(),
            Content::Bytes(bytes) => bytes,
        };
        if bytes.len() > MOST_BYTES as usize {
            return Err(Error::TooLarge(format!(
                "{} bytes, over the limit of {MOST_BYTES}",
                bytes.len()
            )));
        }
        file_name(&path)?;
        let mut options = OpenOptions::new();
        match mode.unwrap_or(Mode::Overwrite) {
            Mode::Create => options.write(true).create_new(true),
            Mode::Overwrite => options.write(true).create(true).truncate(true),
            Mode::Append => options.append(true).create(true),
        };
        let mut file = options
            .open(checked(&path)?)
            .map_err(|error| failed(&path, error))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(|error| failed(&path, error))?;
        Ok(bytes.len() as u64)
    }

    fn list(path: String) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        for item in fs::read_dir(checked(&path)?).map_err(|error| failed(&path, error))? {
            if entries.len() == MOST_ENTRIES {
                return Err(Error::TooLarge(format!(
                    "`{path}` has over {MOST_ENTRIES} entries"
                )));
            }
            let item = item.map_err(|error| failed(&path, error))?;
            let name = item.file_name().to_string_lossy().into_owned();
            let seen = fs::symlink_metadata(item.path()).map_err(|error| failed(&name, error))?;
            entries.push(entry(name, &seen));
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn stat(path: String) -> Result<Entry, Error> {
        let seen = fs::symlink_metadata(checked(&path)?).map_err(|error| failed(&path, error))?;
        let name = Path::new(&path)
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Ok(entry(name.unwrap_or_else(|| path.clone()), &seen))
    }

    fn search(path: String, pattern: String) -> Result<Found, Error> {
        search::search(checked(&path)?, &pattern)
    }
}

/// Refuses what cannot be a path before it goes anywhere.
fn checked(path: &str) -> Result<&Path, Error> {
    if path.is_empty() {
        return Err(Error::Invalid("the path is empty".to_owned()));
    }
    if path.contains('\0') {
        return Err(Error::Invalid("the path has a NUL character".to_owned()));
    }
    // `./docs` is where `docs` is, also where nobody has a working directory.
    let plain = path.trim_start_matches("./").trim_start_matches('/');
    Ok(match path.strip_prefix("./") {
        Some(_) if plain.is_empty() => Path::new("."),
        Some(_) => Path::new(plain),
        None => Path::new(path),
    })
}

/// Checks the name of a file that is to be written.
fn file_name(path: &str) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::Invalid(format!("`{path}` cannot be written: {why}")));
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || name == "." || name.contains("..") {
        return refuse("it has no proper file name");
    }
    if name.len() > 255 {
        return refuse("its file name is over 255 bytes");
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    {
        return refuse("its file name has other characters than letters, digits, `.`, `_` and `-`");
    }
    let stem = name
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    let numbered = |device: &str| {
        stem.strip_prefix(device)
            .is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']))
    };
    if ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || numbered("COM") || numbered("LPT") {
        return refuse("its file name is that of a device on Windows");
    }
    Ok(())
}

/// Text where the bytes are UTF-8; a character that is cut at the end is left for the next read.
fn content(mut bytes: Vec<u8>) -> Content {
    if let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
        && error.valid_up_to() > 0
    {
        bytes.truncate(error.valid_up_to());
    }
    match String::from_utf8(bytes) {
        Ok(text) => Content::Text(text),
        Err(other) => Content::Bytes(other.into_bytes()),
    }
}

fn entry(name: String, seen: &Metadata) -> Entry {
    let kind = seen.file_type();
    let modified = seen
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    Entry {
        name,
        kind: if kind.is_file() {
            Kind::File
        } else if kind.is_dir() {
            Kind::Directory
        } else if kind.is_symlink() {
            Kind::Link
        } else {
            Kind::Other
        },
        size: if kind.is_dir() { 0 } else { seen.len() },
        modified_ms: modified.and_then(|time| u64::try_from(time.as_millis()).ok()),
    }
}

fn failed(path: &str, error: io::Error) -> Error {
    let message = format!("`{path}`: {error}");
    match error.kind() {
        io::ErrorKind::NotFound => Error::NotFound(message),
        io::ErrorKind::PermissionDenied => Error::NotPermitted(message),
        io::ErrorKind::AlreadyExists => Error::AlreadyExists(message),
        io::ErrorKind::IsADirectory
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::InvalidInput => Error::Invalid(message),
        io::ErrorKind::FileTooLarge | io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::TooLarge(message)
        }
        _ => Error::Other(message),
    }
}
