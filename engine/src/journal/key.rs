use std::fmt;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::chain::Head;
use super::unusable;
use crate::types::{Digest, Fault, JournalId};

/// Signs checkpoints. Its file is readable by its owner alone.
#[derive(Debug)]
pub(super) struct Key(SigningKey);

/// Checks the signatures of a journal. Text form: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// What a signature is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) journal: JournalId,
    pub(super) kind: CheckpointKind,
    pub(super) head: Head,
}

/// Why a checkpoint was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckpointKind {
    /// The chain had this head.
    Checkpoint,
    /// What came before was removed by retention; the chain starts after it.
    Anchor,
}

impl CheckpointKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            CheckpointKind::Checkpoint => "checkpoint",
            CheckpointKind::Anchor => "anchor",
        }
    }
}

impl Claim {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = b"engine-checkpoint-1\n".to_vec();
        bytes.extend(self.journal.to_string().as_bytes());
        bytes.push(b'\n');
        bytes.extend(self.kind.as_str().as_bytes());
        bytes.push(b'\n');
        bytes.extend(self.head.position.to_le_bytes());
        bytes.extend(self.head.hash.as_bytes());
        bytes
    }
}

impl Key {
    /// Reads the key, or makes one at first use.
    ///
    /// # Errors
    ///
    /// A fault if the file cannot be read or made, is not a key, or others may read it.
    pub(super) fn at(path: &Path) -> Result<Self, Fault> {
        let failed = |error: io::Error| {
            unusable(
                path,
                "the key that signs the journal cannot be read or made",
            )
            .hint("name a directory that you may write to with `--home DIR`")
            .caused_by(error)
        };
        match Self::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => return read.map_err(failed)?.ok_or_else(|| damaged(path)),
        }
        let mut seed = [0; 32];
        rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| failed(error.into()))?;
        match Self::make(path, &seed) {
            Ok(()) => Ok(Self(SigningKey::from_bytes(&seed))),
            // Another process was first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(path)
                .map_err(failed)?
                .ok_or_else(|| damaged(path)),
            Err(error) => Err(failed(error)),
        }
    }

    /// `None` if the file is not a key of its owner alone.
    #[expect(clippy::disallowed_methods, reason = "the journal keeps its own key")]
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(NO_FOLLOW)
            .open(path)?;
        let seen = file.metadata()?;
        if !seen.is_file() || seen.mode() & 0o077 != 0 {
            return Ok(None);
        }
        let mut seed = Vec::new();
        (&file).take(33).read_to_end(&mut seed)?;
        Ok(<[u8; 32]>::try_from(seed)
            .ok()
            .map(|seed| Self(SigningKey::from_bytes(&seed))))
    }

    /// Makes the file whole or not at all: it is linked to its name once its content is durable.
    #[expect(clippy::disallowed_methods, reason = "the journal keeps its own key")]
    fn make(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
        }
        let draft = path.with_extension(format!("{}.new", uuid::Uuid::now_v7()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(NO_FOLLOW)
            .open(&draft)
            .and_then(|mut file| {
                file.write_all(seed)?;
                file.sync_all()
            })
            .and_then(|()| std::fs::hard_link(&draft, path));
        let removed = std::fs::remove_file(&draft);
        written.and(removed)
    }

    pub(super) fn sign(&self, claim: &Claim) -> [u8; 64] {
        self.0.sign(&claim.bytes()).to_bytes()
    }

    pub(super) fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

/// Where the holder of a key remembers what it signed last in each journal.
fn memory(key: &Path, journal: JournalId) -> PathBuf {
    let mut dir = key.file_name().unwrap_or_default().to_owned();
    dir.push(".heads");
    key.with_file_name(dir).join(journal.to_string())
}

/// The newest head that the holder of a key signed in a journal; `None` if it remembers none.
///
/// # Errors
///
/// A fault with the code `E-JOURNAL` if there is a memory that cannot be read.
pub fn remembered(key: &Path, journal: JournalId) -> Result<Option<(u64, Digest)>, Fault> {
    let place = memory(key, journal);
    recall(&place).map_err(|error| {
        unusable(&place, "what was signed last cannot be read")
            .hint("remove the file to trust the journal as it is now")
            .caused_by(error)
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the journal keeps its own memory"
)]
fn recall(place: &Path) -> io::Result<Option<(u64, Digest)>> {
    let text = match std::fs::read_to_string(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let parsed = text
        .trim()
        .split_once(' ')
        .and_then(|(position, hash)| Some((position.parse().ok()?, hash.parse().ok()?)));
    match parsed {
        Some(head) => Ok(Some(head)),
        None => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

/// Remembers a head. It is written beside its place and moved there, so that it is whole at any time.
#[expect(
    clippy::disallowed_methods,
    reason = "the journal keeps its own memory"
)]
pub(super) fn remember(key: &Path, journal: JournalId, head: Head) -> io::Result<()> {
    let place = memory(key, journal);
    if recall(&place)?.is_some_and(|(position, _)| position >= head.position) {
        return Ok(());
    }
    if let Some(dir) = place.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let draft = place.with_extension(format!("{}.new", uuid::Uuid::now_v7()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(NO_FOLLOW)
        .open(&draft)?;
    writeln!(file, "{} {}", head.position, head.hash)?;
    std::fs::rename(&draft, &place)
}

/// Opens no link; the same as `O_NOFOLLOW`.
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

fn damaged(path: &Path) -> Fault {
    unusable(
        path,
        "it is not a key of 32 bytes that its owner alone may read",
    )
    .hint("restore it, or move it away: a new one is made, and `verify` names both")
}

impl PublicKey {
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        VerifyingKey::from_bytes(bytes).ok().map(Self)
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(super) fn verifies(&self, claim: &Claim, signature: &[u8; 64]) -> bool {
        self.0
            .verify_strict(&claim.bytes(), &Signature::from_bytes(signature))
            .is_ok()
    }

    /// The public half of the key in a file, without making one.
    ///
    /// # Errors
    ///
    /// A fault if the file is there and is not a key.
    pub fn of_file(path: &Path) -> Result<Option<Self>, Fault> {
        match Key::read(path) {
            Ok(Some(key)) => Ok(Some(key.public())),
            Ok(None) => Err(damaged(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(path, "the key cannot be read").caused_by(error)),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        // The same digits as those of a digest.
        format!("sha256:{text}")
            .parse::<Digest>()
            .ok()
            .and_then(|bytes| Self::from_bytes(bytes.as_bytes()))
            .ok_or_else(|| PublicKeyError {
                text: crate::types::text::line(text, 100),
            })
    }
}

/// A text that is not a public key.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a public key: expected 64 lower-case hexadecimal digits")]
pub struct PublicKeyError {
    text: String,
}
