use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::host::{Caps, Stop};
use crate::types::{Budget, text};

/// What the guest's descriptors stand for, and how many files they keep open.
#[derive(Debug, Default)]
pub(super) struct Held {
    descriptors: HashMap<u32, Descriptor>,
    open: Arc<AtomicU32>,
}

/// One descriptor of the guest.
#[derive(Debug)]
pub(super) struct Descriptor {
    /// The position of the granted directory it was reached through.
    pub(super) grant: usize,
    /// The path by which the guest reached it, escaped and cut; for people.
    pub(super) path: String,
    /// Keeps the file counted; the granted directories themselves are not.
    pub(super) open: Option<Arc<OpenFile>>,
}

/// Counts one open file for as long as a descriptor or a stream holds it.
#[derive(Debug)]
pub(super) struct OpenFile(Arc<AtomicU32>);

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Held {
    pub(super) fn insert(&mut self, rep: u32, descriptor: Descriptor) {
        self.descriptors.insert(rep, descriptor);
    }

    pub(super) fn get(&self, rep: u32) -> Option<&Descriptor> {
        self.descriptors.get(&rep)
    }

    pub(super) fn remove(&mut self, rep: u32) {
        self.descriptors.remove(&rep);
    }

    /// Counts one more open file.
    ///
    /// # Errors
    ///
    /// The stop that ends the guest if it holds as many as it may.
    pub(super) fn open_one(&self) -> Result<Arc<OpenFile>, Stop> {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        // Made first, so that it is counted back in both cases.
        let file = Arc::new(OpenFile(self.open.clone()));
        if before >= Caps::OPEN_FILES {
            return Err(Stop {
                budget: Budget::Files,
                used: u64::from(before) + 1,
                limit: u64::from(Caps::OPEN_FILES),
            });
        }
        Ok(file)
    }

    /// The path that a guest means, for people.
    pub(super) fn shown(&self, rep: u32, path: Option<&str>) -> String {
        let base = self
            .get(rep)
            .map_or("?", |descriptor| descriptor.path.as_str());
        match path {
            None => base.to_owned(),
            Some(path) if path.starts_with('/') => text::line(path, 256),
            Some(path) => text::line(
                &format!("{}/{}", base.trim_end_matches('/'), text::prefix(path, 256)),
                256,
            ),
        }
    }
}
