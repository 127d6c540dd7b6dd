use std::fmt;

use bytes::Bytes as Buffer;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::Digest;

/// A file that a guest made for whoever asked for the call, besides its result.
///
/// Its name is safe as the name of a file: 1 to 128 ASCII letters, digits, `.`, `_` and `-`, none of them a `.` at the
/// beginning. Its content is untrusted.
#[derive(Clone, PartialEq, Eq)]
pub struct Artifact {
    pub(crate) name: String,
    pub(crate) media_type: String,
    pub(crate) content: Buffer,
    pub(crate) digest: Digest,
}

impl Artifact {
    /// Its name; no other artifact of the call has it, whatever the case of its letters.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the guest says that it is, such as `text/csv`; `application/octet-stream` if it says nothing.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The bytes.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifact")
            .field("name", &self.name)
            .field("bytes", &self.content.len())
            .finish_non_exhaustive()
    }
}

/// As outcomes and events show it: without its content.
impl Serialize for Artifact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut artifact = serializer.serialize_struct("Artifact", 4)?;
        artifact.serialize_field("name", &self.name)?;
        artifact.serialize_field("media_type", &self.media_type)?;
        artifact.serialize_field("bytes", &self.content.len())?;
        artifact.serialize_field("digest", &self.digest)?;
        artifact.end()
    }
}
