use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;
use std::sync::Arc;

use crate::types::{Bytes, Digest, Fault, FaultKind, Phase, text};

/// The bytes of a component, and their digest.
///
/// The bytes are read once: what is digested is what is compiled.
#[derive(Clone)]
pub struct Source {
    name: String,
    bytes: Arc<[u8]>,
    digest: Digest,
}

impl Source {
    /// The largest component that is taken, 64 MiB.
    pub const LARGEST: Bytes = Bytes::mib(64);

    /// Reads a component from a file. Its name is the file's without `.wasm`.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-COMPONENT` if the file cannot be read or is larger than
    /// [`Source::LARGEST`]. Whether it holds a component is looked at when it is loaded.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, Fault> {
        let path = path.as_ref();
        let shown = text::line(&path.to_string_lossy(), 256);
        let unreadable = |error: std::io::Error| {
            let fault = Fault::new(FaultKind::Unreadable {
                path: shown.clone(),
            })
            .at(Phase::Load);
            let fault = if error.kind() == ErrorKind::NotFound {
                fault.hint("there is no such file; check the path")
            } else if error.kind() == ErrorKind::IsADirectory {
                fault.hint("it is a directory; name the `.wasm` file in it")
            } else {
                fault
            };
            fault.caused_by(error)
        };
        let mut bytes = Vec::new();
        // One byte more than is allowed tells a file that is too large from one that just fits.
        #[expect(clippy::disallowed_methods, reason = "here components come in")]
        let file = File::open(path);
        file.and_then(|file| file.take(Self::LARGEST.get() + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        let name = path
            .file_stem()
            .unwrap_or(path.as_os_str())
            .to_string_lossy();
        Self::bytes(&name, bytes)
    }

    /// Takes a component from memory under a name of the caller's.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-COMPONENT` if it is larger than [`Source::LARGEST`].
    pub fn bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Self, Fault> {
        let bytes = bytes.into();
        let name = text::line(name, 128);
        if Bytes::of_len(bytes.len()) > Self::LARGEST {
            return Err(Fault::new(FaultKind::Structure {
                name,
                what: "bytes or more",
                found: bytes.len() as u64,
                limit: Self::LARGEST.get(),
                compile: false,
            })
            .at(Phase::Load));
        }
        Ok(Self {
            digest: Digest::of(&bytes),
            name,
            bytes,
        })
    }

    /// The name, bounded and escaped.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> Bytes {
        Bytes::of_len(self.bytes.len())
    }

    /// The bytes themselves.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn content(&self) -> &Arc<[u8]> {
        &self.bytes
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .field("digest", &self.digest)
            .field("size", &self.size())
            .finish()
    }
}
