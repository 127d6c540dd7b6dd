//! Files that a guest makes for whoever asked for its call.

use bytes::Bytes as Buffer;

use super::{Record, Stop};
use crate::event::EventKind;
use crate::host::Caps;
use crate::types::{Artifact, Bytes, Digest, text};

/// The most characters of a name, and of a media type.
const LONGEST: usize = 128;
/// What a guest that does not say it hands over.
const UNTYPED: &str = "application/octet-stream";

/// An artifact as a guest hands it over.
pub(in crate::host) struct Offered {
    pub(in crate::host) name: String,
    pub(in crate::host) media_type: Option<String>,
    pub(in crate::host) content: Vec<u8>,
}

impl Offered {
    /// What is wrong with it by itself.
    fn wrong(&self) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let name = &self.name;
        if name.is_empty()
            || name.len() > LONGEST
            || name.starts_with('.')
            || !name.chars().all(plain)
        {
            return Some(format!(
                "`{}` cannot be the name of an artifact: it has 1 to {LONGEST} ASCII letters, digits, `.`, `_` and `-`, \
                 and does not begin with `.`",
                text::line(name, LONGEST)
            ));
        }
        let token = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "!#$&^_.+-".contains(c))
        };
        let typed = self.media_type.as_deref().filter(|media| {
            media.len() > LONGEST
                || !media
                    .split_once('/')
                    .is_some_and(|(kind, sub)| token(kind) && token(sub))
        });
        typed.map(|media| {
            format!(
                "`{}` is no media type such as `text/csv`, of at most {LONGEST} characters",
                text::line(media, LONGEST)
            )
        })
    }
}

impl Record {
    /// Takes an artifact; what is wrong with it is an answer in words.
    ///
    /// # Errors
    ///
    /// The stop that ends the guest, if the artifact passes the limit on output.
    pub(in crate::host) fn make(&self, offered: Offered) -> Result<Result<(), String>, Stop> {
        if let Some(wrong) = offered.wrong() {
            return Ok(Err(wrong));
        }
        let Offered {
            name,
            media_type,
            content,
        } = offered;
        let mut state = self.lock();
        if state.artifacts.len() >= Caps::ARTIFACTS {
            return Ok(Err(format!(
                "the call has made {} artifacts, and makes no more",
                Caps::ARTIFACTS
            )));
        }
        if state.artifact_names.contains(&name.to_ascii_lowercase()) {
            return Ok(Err(format!("there is an artifact `{name}` already")));
        }
        let typed = media_type.as_deref().map_or(0, str::len);
        self.count_told(&mut state, name.len() + typed + content.len())?;
        self.flush_locked(&mut state);
        let artifact = Artifact {
            digest: Digest::of(&content),
            media_type: media_type.unwrap_or_else(|| UNTYPED.to_owned()),
            content: Buffer::from(content),
            name,
        };
        self.emitter.emit(|| EventKind::ArtifactMade {
            name: artifact.name.clone(),
            media_type: artifact.media_type.clone(),
            bytes: Bytes::new(artifact.content.len() as u64),
            digest: artifact.digest,
        });
        state
            .artifact_names
            .insert(artifact.name.to_ascii_lowercase());
        state.artifacts.push(artifact);
        Ok(Ok(()))
    }
}
