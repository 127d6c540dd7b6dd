use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::ahead::Ahead;
use crate::types::{Bytes, Digest, Fault, FaultKind, Phase, text};

/// The longest name, in bytes.
const LONGEST_NAME: usize = 128;

/// The bytes of a component, and their digest.
///
/// The bytes are read once: what is digested is what is compiled.
#[derive(Clone)]
pub struct Source {
    name: String,
    bytes: Arc<[u8]>,
    digest: Digest,
    /// Code that came with it.
    ahead: Option<Ahead>,
}

impl Source {
    /// The largest component that is taken, 64 MiB.
    pub const LARGEST: Bytes = Bytes::mib(64);

    /// Reads a component from a file, or one with its code from a file of
    /// [`Engine::compile_ahead`](crate::Engine::compile_ahead). Its name is the one that [`Source::name_of`] makes of
    /// the file's.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-COMPONENT` if the file cannot be read, or the component is larger than
    /// [`Source::LARGEST`]. Whether it holds a component is looked at when it is loaded.
    pub fn file(path: impl AsRef<Path>) -> Result<Self, Fault> {
        let path = path.as_ref();
        let shown = text::line(&path.to_string_lossy(), 256);
        let unreadable = |error: io::Error| {
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
        #[expect(clippy::disallowed_methods, reason = "here components come in")]
        let file = File::open(path);
        let bytes = file.and_then(|file| read(&file)).map_err(unreadable)?;
        Self::bytes(&Self::name_of(path), bytes)
    }

    /// The name of the component in a file: the file's without its extension, with a `-` for every character
    /// that is no ASCII letter, no digit, no `-` and no `_`, cut to 128.
    ///
    /// So `my.tool v1.2.wasm` is the component `my-tool-v1-2`. Policies speak of components by these names, and
    /// no name of a file can take a component out of their groups, or give it the name of another's capability.
    ///
    /// ```
    /// assert_eq!(engine::Source::name_of("tools/my.tool v1.2.wasm"), "my-tool-v1-2");
    /// ```
    #[must_use]
    pub fn name_of(path: impl AsRef<Path>) -> String {
        let path = path.as_ref();
        let stem = path.file_stem().unwrap_or(path.as_os_str());
        stem.to_string_lossy()
            .chars()
            .map(|c| if is_for_names(c) { c } else { '-' })
            .take(LONGEST_NAME)
            .collect()
    }

    /// Takes a component, or a file of one with its code, from memory under a name of the caller's: 1 to 128 ASCII
    /// letters, digits, `-` and `_`.
    ///
    /// # Errors
    ///
    /// - A fault with the code `E-INVALID-CONFIG` if the name is not one.
    /// - A fault with the code `E-INVALID-COMPONENT` if the component is larger than [`Source::LARGEST`].
    pub fn bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> Result<Self, Fault> {
        check_name(name)?;
        let mut bytes = bytes.into();
        let name = name.to_owned();
        let mut ahead = None;
        if Ahead::is(&bytes) {
            let (component, code) = Ahead::open(&name, bytes)?;
            bytes = component;
            ahead = Some(code);
        }
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
            ahead,
        })
    }

    /// The name: ASCII letters, digits, `-` and `_`.
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

    /// Whether it came with code that was compiled ahead of time.
    #[must_use]
    pub fn is_compiled(&self) -> bool {
        self.ahead.is_some()
    }

    /// Code that came with it.
    pub(super) fn ahead(&self) -> Option<&Ahead> {
        self.ahead.as_ref()
    }

    /// The same without code that came with it.
    pub(super) fn bare(&self) -> Self {
        Self {
            ahead: None,
            ..self.clone()
        }
    }
}

/// How much of a file is read.
fn most_of(file: &File) -> u64 {
    use std::os::unix::fs::FileExt as _;
    let mut start = [0; Ahead::ENOUGH];
    match file.read_exact_at(&mut start, 0) {
        Ok(()) if Ahead::is(&start) => Ahead::LARGEST,
        // Of a pipe, which has no places to read from, no more than a component is taken.
        Ok(()) | Err(_) => Source::LARGEST.get(),
    }
}

/// Reads a file, and one byte more than is allowed of one that is too large.
///
/// Straight to where the bytes stay if the file is as long as it says, because each copy of a large component costs as
/// much as half of its digest.
fn read(mut file: &File) -> io::Result<Arc<[u8]>> {
    let most = most_of(file) + 1;
    let said = usize::try_from(file.metadata()?.len().min(most)).unwrap_or_default();
    let mut bytes: Arc<[u8]> = std::iter::repeat_n(0, said).collect();
    let mut length = 0;
    if let Some(place) = Arc::get_mut(&mut bytes) {
        while let Some(rest) = place.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match file.read(rest) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    // A pipe says nothing of its length, and a file may have changed.
    let mut rest = Vec::new();
    let left = most.saturating_sub(length as u64);
    file.take(left).read_to_end(&mut rest)?;
    if length == said && rest.is_empty() {
        return Ok(bytes);
    }
    let mut whole = bytes.get(..length).unwrap_or_default().to_vec();
    whole.append(&mut rest);
    Ok(whole.into())
}

/// Whether a character may be in the name of a component: none that means something in the name of an action,
/// of a group or of a capability.
fn is_for_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Refuses a name that policies could take for something else.
fn check_name(name: &str) -> Result<(), Fault> {
    let refused = |why: &str| {
        let shown = text::line(name, 128);
        let fault = Fault::config(format!("a component cannot be called `{shown}`: {why}"));
        fault.at(Phase::Load)
    };
    if name.is_empty() {
        return Err(refused("the name is empty"));
    }
    if name.len() > LONGEST_NAME {
        return Err(refused(&format!(
            "the name has {} bytes, over the limit of {LONGEST_NAME}",
            name.len()
        )));
    }
    match name.chars().find(|c| !is_for_names(*c)) {
        None => Ok(()),
        Some(c) => {
            let c = text::line(&c.to_string(), 16);
            Err(refused(&format!("the name has a `{c}`")).hint(
                "use ASCII letters, digits, `-` and `_`; `Source::name_of` makes such a name of a file's",
            ))
        }
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make files")]
mod tests;
