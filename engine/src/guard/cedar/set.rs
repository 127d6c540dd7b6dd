use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest as _, Sha256};

use super::check::Named;
use super::problem::{Problem, Source};
use super::schema::Known;
use super::slice::{Key, Slice};
use super::{check, decide, parse};
use crate::guard::{Guard, Judgement, PolicyRef, Question};
use crate::types::{Action, Digest, Fault};

/// Most actions whose policies are kept ready.
const MOST_READY: usize = 1024;

/// Policies in Cedar: a guard.
///
/// For every action only the policies whose scope fits it are asked; they are picked when it first comes.
pub struct CedarPolicies {
    files: Vec<Source>,
    rules: Vec<Arc<parse::Rule>>,
    digest: Digest,
    ready: RwLock<HashMap<Key, Arc<Slice>>>,
}

impl CedarPolicies {
    /// Reads files of policies: their names, for messages, and their texts.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, by file and line. A file has at most 256 KiB, 64 open brackets
    /// and 256 operators that hang on each other; all files together have at most 2,000 policies.
    pub fn parse(files: &[(String, String)]) -> Result<Self, Vec<Problem>> {
        let files: Vec<Source> = files
            .iter()
            .map(|(name, text)| Source {
                name: name.clone(),
                text: text.clone(),
            })
            .collect();
        let rules = parse::rules(&files)?;
        Ok(Self {
            rules: rules.into_iter().map(Arc::new).collect(),
            digest: digest(&files),
            files,
            ready: RwLock::default(),
        })
    }

    /// Compares the policies with what there is to speak about.
    ///
    /// Without a problem that is not a warning, every name in a policy is known, and no policy fails
    /// because of a type or of an attribute that is not there.
    #[must_use]
    pub fn check(&self, known: &[Known]) -> Vec<Problem> {
        check::check(&self.files, &self.rules, known, &[])
    }

    /// Compares the policies with what there is to speak about, where of some things only the names are at
    /// hand: policies that speak of those are not looked at any closer.
    #[must_use]
    pub fn check_with(&self, known: &[Known], named: &[Named]) -> Vec<Problem> {
        check::check(&self.files, &self.rules, known, named)
    }

    /// Lists the policies, in the order in which they are written.
    #[must_use]
    pub fn refs(&self) -> Vec<PolicyRef> {
        self.rules.iter().map(|rule| rule.place.clone()).collect()
    }

    /// The policies that can apply to an action.
    pub(super) fn ready(&self, action: &Action) -> Result<Arc<Slice>, Fault> {
        let key = Key::of(action);
        let ready = self.ready.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(slice) = ready.get(&key) {
            return Ok(slice.clone());
        }
        drop(ready);
        let slice = Arc::new(Slice::of(&self.rules, action)?);
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever makes up names of actions costs time, not memory.
        if ready.len() >= MOST_READY {
            ready.clear();
        }
        ready.insert(key, slice.clone());
        Ok(slice)
    }
}

impl Guard for CedarPolicies {
    fn judge(&self, question: &Question<'_>) -> Result<Judgement, Fault> {
        let slice = self.ready(question.action())?;
        decide::judge(&slice, question)
    }

    fn digest(&self) -> Digest {
        self.digest
    }
}

impl fmt::Debug for CedarPolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CedarPolicies")
            .field("digest", &self.digest)
            .field("policies", &self.rules.len())
            .finish_non_exhaustive()
    }
}

/// The digest of all names and texts; each is preceded by its length.
fn digest(files: &[Source]) -> Digest {
    let mut hasher = Sha256::new();
    for part in files.iter().flat_map(|file| [&file.name, &file.text]) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    Digest::from_bytes(hasher.finalize().into())
}

#[cfg(test)]
pub(super) mod tests;
