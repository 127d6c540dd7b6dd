use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, Timespec, Timestamps, futimens};

use super::{CodeEntry, ENDING, KEY};
use crate::types::{Bytes, Fault, Timestamp, text};

/// The file of the key.
const KEY_FILE: &str = "key";
/// How long a mark of use holds, in seconds.
const MARKED_FOR: i64 = 3600;
/// Leftovers of writers that were killed are removed after an hour.
const STALE_SECS: i64 = 3600;

/// The directory of a cache.
#[derive(Clone)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn open(dir: PathBuf) -> Result<Self, Fault> {
        let place = Self(dir);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&place.0)
            .map_err(|error| place.wrong("it cannot be made").caused_by(error))?;
        let about = std::fs::symlink_metadata(&place.0)
            .map_err(|error| place.wrong("it cannot be looked at").caused_by(error))?;
        if !about.is_dir() {
            return Err(place
                .wrong("a link or a file is in its place")
                .hint("move that away, or name another home with `--home DIR`"));
        }
        match private(&about) {
            Ok(()) => Ok(place),
            Err(why) => Err(place.wrong(why.into()).hint(match why {
                Exposed::Foreign => "name another home with `--home DIR`".to_owned(),
                Exposed::Open => format!("make it yours alone: `chmod 700 {}`", place.shown()),
            })),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    fn shown(&self) -> String {
        text::line(&self.0.to_string_lossy(), 256)
    }

    fn wrong(&self, why: &str) -> Fault {
        Fault::config(format!(
            "the directory of compiled code `{}` cannot be used: {why}",
            self.shown()
        ))
    }

    /// The key, which is made the first time.
    pub(super) fn key(&self) -> Result<[u8; KEY], Fault> {
        let failed = |error: io::Error| self.wrong("its key cannot be read").caused_by(error);
        let path = self.0.join(KEY_FILE);
        let file = match reading(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_key()
                    .map_err(|error| self.wrong("its key cannot be made").caused_by(error))?;
                reading(&path).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        let about = file.metadata().map_err(failed)?;
        private(&about).map_err(|why| {
            let why = <&str>::from(why);
            self.wrong(&format!("its key: {why}")).hint(format!(
                "remove `{}/{KEY_FILE}`, which others may know; everything is compiled anew then",
                self.shown()
            ))
        })?;
        let mut key = [0; KEY];
        if !about.is_file() || about.len() != KEY as u64 {
            return Err(self.wrong("its key is no key").hint(format!(
                "remove `{}/{KEY_FILE}`; everything is compiled anew then",
                self.shown()
            )));
        }
        (&file).read_exact(&mut key).map_err(failed)?;
        Ok(key)
    }

    /// Makes a key; of several that do so at once, the first one's counts.
    fn make_key(&self) -> io::Result<()> {
        let mut key = [0; KEY];
        rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty())?;
        let new = self.new_file(&key)?;
        // A key of which a part is missing after a loss of power would stop every command.
        File::open(&new)?.sync_all()?;
        let linked = std::fs::hard_link(&new, self.0.join(KEY_FILE))
            .and_then(|()| File::open(&self.0)?.sync_all());
        std::fs::remove_file(&new)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The file of an entry, if there is one that may be looked at.
    pub(super) fn entry(&self, key: &str) -> Result<Option<File>, &'static str> {
        let file = match reading(&self.named(key)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) => return Err("it cannot be opened"),
        };
        let about = file.metadata().map_err(|_| "it cannot be looked at")?;
        if !about.is_file() {
            return Err("it is no file");
        }
        private(&about)?;
        Ok(Some(file))
    }

    /// Writes an entry; whoever looks meanwhile finds the old one or the new one.
    pub(super) fn write(&self, key: &str, sealed: &[u8]) -> io::Result<()> {
        let new = self.new_file(sealed)?;
        std::fs::rename(&new, self.named(key)).inspect_err(|_| {
            std::fs::remove_file(&new).ok();
        })
    }

    fn new_file(&self, content: &[u8]) -> io::Result<PathBuf> {
        let mut name = [0; 16];
        rustix::rand::getrandom(&mut name, rustix::rand::GetRandomFlags::empty())?;
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.0.join(format!("new.{name}"));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(content).inspect_err(|_| {
            std::fs::remove_file(&path).ok();
        })?;
        Ok(path)
    }

    fn named(&self, key: &str) -> PathBuf {
        self.0.join(format!("{key}{ENDING}"))
    }

    pub(super) fn entries(&self) -> Result<Vec<CodeEntry>, Fault> {
        let failed = |error: io::Error| self.wrong("it cannot be read").caused_by(error);
        let mut entries = Vec::new();
        for found in std::fs::read_dir(&self.0).map_err(failed)? {
            let found = found.map_err(failed)?;
            let name = found.file_name();
            let Some(key) = name.to_str().and_then(|name| name.strip_suffix(ENDING)) else {
                continue;
            };
            // One that somebody removed meanwhile is none.
            if let Ok(about) = found.metadata() {
                entries.push(CodeEntry {
                    key: key.to_owned(),
                    size: Bytes::new(about.len()),
                    used: Timestamp::from_second(about.mtime()).unwrap_or(Timestamp::UNIX_EPOCH),
                });
            }
        }
        Ok(entries)
    }

    pub(super) fn remove(&self, key: &str) -> Result<(), Fault> {
        match std::fs::remove_file(self.named(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(self.wrong("an entry cannot be removed").caused_by(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes what was used least lately until the rest fits, and what killed writers left behind; the newest entry stays.
    pub(super) fn prune(&self, most: Bytes, newest: &str) {
        let pruned = self.entries().and_then(|mut entries| {
            let mut size: u64 = entries.iter().map(|entry| entry.size.get()).sum();
            entries.retain(|entry| entry.key != newest);
            entries.sort_by_key(|entry| entry.used);
            for entry in entries {
                if size <= most.get() {
                    break;
                }
                self.remove(&entry.key)?;
                size = size.saturating_sub(entry.size.get());
            }
            self.remove_leftovers();
            Ok(())
        });
        if let Err(error) = pruned {
            tracing::warn!(%error, "the cache of compiled code is over its size");
        }
    }

    fn remove_leftovers(&self) {
        let Ok(found) = std::fs::read_dir(&self.0) else {
            return;
        };
        // The newest file of the directory tells what time it is here.
        let all: Vec<_> = found
            .flatten()
            .filter_map(|found| Some((found.path(), found.metadata().ok()?.mtime())))
            .collect();
        let now = all.iter().map(|(_, time)| *time).max().unwrap_or_default();
        for (path, time) in all {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("new.") && time < now - STALE_SECS {
                std::fs::remove_file(&path).ok();
            }
        }
    }
}

/// Opens a file to read, and follows no link.
fn reading(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Why something is not its user's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exposed {
    Foreign,
    Open,
}

impl From<Exposed> for &'static str {
    fn from(exposed: Exposed) -> Self {
        match exposed {
            Exposed::Foreign => "it is somebody else's",
            Exposed::Open => "others may read or write it",
        }
    }
}

/// Whether something is its owner's alone, and the owner is this process's user.
fn private(about: &Metadata) -> Result<(), Exposed> {
    if about.uid() != rustix::process::geteuid().as_raw() {
        return Err(Exposed::Foreign);
    }
    if about.mode() & 0o077 != 0 {
        return Err(Exposed::Open);
    }
    Ok(())
}

/// Marks a file as used now, so that it is kept longer; once an hour, because each mark is a write to the disk.
pub(super) fn used(file: &File) {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse).tv_sec;
    let marked = file.metadata().map_or(0, |about| about.mtime());
    if (marked..marked.saturating_add(MARKED_FOR)).contains(&now) {
        return;
    }
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: rustix::fs::UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    // On a file system that is read alone, what is used is not known.
    futimens(file, &times).ok();
}
