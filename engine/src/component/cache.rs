//! Compiled code, kept between processes.

#[expect(clippy::disallowed_methods, reason = "a directory of the engine's own")]
mod place;

use std::fmt;
use std::fs::File;
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use self::place::Place;
use super::Source;
use super::compile::first_that_fits;
use crate::types::{Bytes, Fault, Timestamp};

/// A seal that is being made, or checked.
pub(super) type Seal = Hmac<Sha256>;

/// The bytes of a seal.
const SEAL: usize = 32;
/// The bytes of the key that makes seals.
const KEY: usize = 64;
/// The largest entry that is read, 2 GiB.
const LARGEST: u64 = 2 << 30;
/// How much of an entry is looked at at once.
const PIECE: usize = 64 << 10;
/// Why entries are refused.
const UNREADABLE: &str = "it cannot be read";
const FORGED: &str = "its seal is not of this cache's key";
/// What the files of entries end with.
const ENDING: &str = ".code";

/// Compiled code of components in a directory, for the next process that loads the same bytes.
///
/// Compiled code is native code, so an entry is used only if it carries a seal of this directory's own key, made for these
/// very bytes of the component, this version of the compiler and its settings. Anything else is compiled anew, and said
/// in an event. Directory and key are their owner's alone: whoever could write there could run code as the engine does.
///
/// Any number of processes may share a directory. Default size: [`CodeCache::USUAL`]; what was used least lately goes first.
///
/// # Example
///
/// ```
/// use engine::Engine;
/// use engine::data::CodeCache;
///
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("cache");
/// let cache = CodeCache::open(&dir)?;
/// let engine = Engine::builder().cache(cache).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct CodeCache {
    place: Place,
    key: [u8; KEY],
    most: Bytes,
}

/// One entry of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeEntry {
    /// Its key: 64 hexadecimal digits.
    pub key: String,
    /// Its size on disk.
    pub size: Bytes,
    /// When it was last used.
    pub used: Timestamp,
}

/// Where compiled code came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was compiled.
    Compiled,
    /// It was in the cache, under a key that begins like this.
    Found(String),
    /// It was compiled, because the entry under a key that begins like this cannot be trusted, for this reason.
    Refused(String, &'static str),
}

/// What looking for an entry gave.
pub(super) enum Looked {
    Found(Component, String),
    Missing,
    Refused(String, &'static str),
}

impl CodeCache {
    /// How much a cache holds if nothing else is said, 512 MiB.
    pub const USUAL: Bytes = Bytes::mib(512);

    /// Opens a cache, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if the directory or its key is somebody else's, may be read or written by
    /// somebody else, is a link, or cannot be made.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, Fault> {
        let place = Place::open(dir.into())?;
        let key = place.key()?;
        Ok(Self {
            place,
            key,
            most: Self::USUAL,
        })
    }

    /// Holds at most so much, counted in the bytes of entries.
    #[must_use]
    pub fn most(mut self, most: Bytes) -> Self {
        self.most = most;
        self
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.place.path()
    }

    /// All entries, what was used last first.
    ///
    /// # Errors
    ///
    /// `E-INVALID-CONFIG` if the directory cannot be read.
    pub fn entries(&self) -> Result<Vec<CodeEntry>, Fault> {
        let mut entries = self.place.entries()?;
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.used));
        Ok(entries)
    }

    /// Removes all entries, and tells how many there were and how large. Processes that use one go on with it.
    ///
    /// # Errors
    ///
    /// `E-INVALID-CONFIG` if one cannot be removed.
    pub fn clear(&self) -> Result<(usize, Bytes), Fault> {
        let entries = self.place.entries()?;
        let mut bytes = 0;
        for entry in &entries {
            self.place.remove(&entry.key)?;
            bytes += entry.size.get();
        }
        Ok((entries.len(), Bytes::new(bytes)))
    }

    /// Looks for the code of a component.
    ///
    /// All of these engines compile alike; the component is for the first of them in which it fits.
    pub(super) fn look(&self, engines: &[&Engine], source: &Source) -> Looked {
        let Some(engine) = engines.first() else {
            return Looked::Missing;
        };
        let key = key(engine, source);
        let short = key.get(..12).unwrap_or(&key).to_owned();
        let refused = |why| Looked::Refused(short.clone(), why);
        let file = match self.place.entry(&key) {
            Ok(Some(file)) => file,
            Ok(None) => return Looked::Missing,
            Err(why) => return refused(why),
        };
        let found = if is_reachable(&file) {
            self.verify(&key, &file)
                .map(|()| first_that_fits(engines, |engine| mapped(engine, &file)))
        } else {
            self.read(&key, &file)
                .map(|code| first_that_fits(engines, |engine| copied(engine, &code)))
        };
        match found {
            Ok(Ok(component)) => {
                place::used(&file);
                Looked::Found(component, short)
            }
            Ok(Err(_)) => refused("it is of another compiler"),
            Err(why) => refused(why),
        }
    }

    /// Checks the seal of a file that is mapped afterwards. A piece at a time: memory for all of it would cost more than to
    /// look at it.
    fn verify(&self, key: &str, mut file: &File) -> Result<(), &'static str> {
        let unreadable = |_: io::Error| UNREADABLE;
        let length = file.metadata().map_err(unreadable)?.len();
        let mut left = length
            .checked_sub(SEAL as u64)
            .filter(|_| length <= LARGEST)
            .ok_or(UNREADABLE)?;
        let mut sealing = self.sealing(key);
        let mut piece = vec![0; PIECE];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let place = piece.get_mut(..most).ok_or(UNREADABLE)?;
            file.read_exact(place).map_err(unreadable)?;
            sealing.update(place);
            left -= most as u64;
        }
        let mut seal = [0; SEAL];
        file.read_exact(&mut seal).map_err(unreadable)?;
        sealing.verify_slice(&seal).map_err(|_| FORGED)
    }

    /// Reads the code of a file that cannot be mapped, and checks the seal of these very bytes.
    fn read(&self, key: &str, file: &File) -> Result<Vec<u8>, &'static str> {
        let mut code = Vec::new();
        file.take(LARGEST)
            .read_to_end(&mut code)
            .map_err(|_| UNREADABLE)?;
        let length = code.len().checked_sub(SEAL).ok_or(UNREADABLE)?;
        let seal = code.split_off(length);
        let mut sealing = self.sealing(key);
        sealing.update(&code);
        sealing
            .verify_slice(&seal)
            .map(|()| code)
            .map_err(|_| FORGED)
    }

    /// Keeps the code of a component. What cannot be kept is compiled again the next time.
    pub(super) fn keep(&self, source: &Source, component: &Component) {
        let key = key(component.engine(), source);
        let kept = component
            .serialize()
            .map_err(|error| error.to_string())
            .and_then(|mut code| {
                let mut sealing = self.sealing(&key);
                sealing.update(&code);
                code.extend_from_slice(&sealing.finalize().into_bytes());
                self.place
                    .write(&key, &code)
                    .map_err(|error| error.to_string())
            });
        match kept {
            Ok(()) => self.place.prune(self.most, &key),
            Err(error) => tracing::warn!(%error, "compiled code is not kept"),
        }
    }

    /// Begins a seal of this cache's key.
    pub(super) fn begin_seal(&self) -> Seal {
        <Seal as hmac::Mac>::new((&self.key).into())
    }

    /// The seal of an entry, before its code.
    fn sealing(&self, key: &str) -> Seal {
        let mut seal = self.begin_seal();
        seal.update(key.as_bytes());
        seal
    }
}

impl fmt::Debug for CodeCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeCache")
            .field("dir", &self.dir())
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

/// What code is for: these bytes, and whatever the compiler makes of its version, its settings and this processor.
pub(super) fn key(engine: &Engine, source: &Source) -> String {
    let mut hash = Hashing(Sha256::new());
    hash.write(b"engine code 1");
    hash.write(source.digest().as_bytes());
    engine.precompile_compatibility_hash().hash(&mut hash);
    hash.digits()
}

/// Which engines code is for: those with this version of the compiler, its settings and this processor.
pub(super) fn compatibility(engine: &Engine) -> String {
    let mut hash = Hashing(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hash);
    hash.digits()
}

/// Hashes with SHA-256 what can only be hashed for tables.
struct Hashing(Sha256);

impl Hashing {
    fn digits(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Hasher for Hashing {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        // Nobody asks for it: the whole hash is taken.
        0
    }
}

/// The path of an open file by its own descriptor, and not by its name.
fn by_descriptor(file: &File) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", file.as_raw_fd())
}

/// Whether the very file that is open can be opened anew.
fn is_reachable(file: &File) -> bool {
    cfg!(target_os = "linux") && Path::new(&by_descriptor(file)).exists()
}

/// Makes a component of a file whose seal was checked.
fn mapped(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    trusted(engine, Code::In(&by_descriptor(file)))
}

/// Makes a component of bytes whose seal was checked.
fn copied(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    trusted(engine, Code::Of(code))
}

/// Makes a component of code that a compiler of this engine made just now, or that carries a seal which was checked.
pub(super) fn made(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    trusted(engine, Code::Of(code))
}

/// Where code is.
enum Code<'a> {
    /// In a file with this path.
    In(&'a str),
    /// In memory.
    Of(&'a [u8]),
}

/// Makes a component of code that is this engine's own: in a file, or in memory.
#[expect(
    unsafe_code,
    reason = "wasmtime cannot know whether code is its own; the seal, or where it comes from, is how we do"
)]
fn trusted(engine: &Engine, code: Code<'_>) -> wasmtime::Result<Component> {
    // SAFETY: the code is what `Component::serialize` or `Engine::precompile_component` made, for this very key of compiler
    // and settings. Either it carries a seal that only a holder of a cache's key makes, and engines that hold one seal
    // nothing else; or it comes through a pipe from the compiler that the engine's owner named, which was started for it.
    // A file is opened anew through its own descriptor, not by its name; it is private to its owner, and entries of a
    // cache are replaced by new files and never written to.
    unsafe {
        match code {
            Code::In(file) => Component::deserialize_file(engine, file),
            Code::Of(code) => Component::deserialize(engine, code),
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the tests change files of a cache"
)]
mod tests;
