//! What files tell of the machine besides their content, which a deterministic run does not show.

use std::collections::HashMap;

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream, ErrorCode,
    MetadataHashValue,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::view::View;
use crate::host::clocks::OF_FILES;

/// The most files whose identities a guest can compare; each takes some bytes of the host.
const MOST_KNOWN: usize = 64 << 10;

/// Stands before the files of a deterministic run.
///
/// Times are all the same, directories have no size and one link, identities are numbers in the order in which
/// they were asked for, and entries of directories come by name.
#[derive(Debug, Default)]
pub(super) struct Veil {
    known: HashMap<(u64, u64), u64>,
}

/// The entries of one directory that were not read yet, the next one last.
struct Listing(Vec<DirectoryEntry>);

impl Veil {
    fn number(&mut self, identity: MetadataHashValue) -> FsResult<MetadataHashValue> {
        let next = self.known.len();
        let identity = (identity.lower, identity.upper);
        if next >= MOST_KNOWN && !self.known.contains_key(&identity) {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let number = self.known.entry(identity).or_insert(next as u64 + 1);
        Ok(MetadataHashValue {
            lower: *number,
            upper: 0,
        })
    }
}

impl View<'_> {
    /// A look at a file, as the guest is shown it.
    pub(super) fn veiled(&self, stat: DescriptorStat) -> DescriptorStat {
        if self.files.veil.is_none() {
            return stat;
        }
        let directory = matches!(stat.type_, DescriptorType::Directory);
        DescriptorStat {
            type_: stat.type_,
            link_count: if directory { 1 } else { stat.link_count },
            size: if directory { 0 } else { stat.size },
            data_access_timestamp: stat.data_access_timestamp.map(|_| OF_FILES),
            data_modification_timestamp: stat.data_modification_timestamp.map(|_| OF_FILES),
            status_change_timestamp: stat.status_change_timestamp.map(|_| OF_FILES),
        }
    }

    /// The identity of a file, as the guest is shown it.
    pub(super) fn identity(&mut self, of: MetadataHashValue) -> FsResult<MetadataHashValue> {
        match &mut self.files.veil {
            None => Ok(of),
            Some(veil) => veil.number(of),
        }
    }

    /// Puts the entries of a directory in order.
    pub(super) fn in_order(
        &mut self,
        entries: Resource<DirectoryEntryStream>,
    ) -> FsResult<Resource<DirectoryEntryStream>> {
        if self.files.veil.is_none() {
            return Ok(entries);
        }
        let mut ordered = self
            .table
            .delete(entries)?
            .into_iter()
            .filter(|entry| !entry.as_ref().is_err_and(is_unspeakable))
            .collect::<FsResult<Vec<_>>>()?;
        ordered.sort_by(|one, other| other.name.cmp(&one.name));
        let listing = self.table.push(Listing(ordered))?;
        // The guest's handle says only where in the table it is.
        Ok(Resource::new_own(listing.rep()))
    }

    /// The next entry of a directory; `None` if the run is not deterministic.
    pub(super) fn next_in_order(
        &mut self,
        entries: &Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<Option<DirectoryEntry>>> {
        if self.files.veil.is_none() {
            return Ok(None);
        }
        let listing = Resource::<Listing>::new_borrow(entries.rep());
        Ok(Some(self.table.get_mut(&listing)?.0.pop()))
    }

    /// Forgets the entries of a directory.
    pub(super) fn drop_entries(
        &mut self,
        entries: Resource<DirectoryEntryStream>,
    ) -> wasmtime::Result<()> {
        if self.files.veil.is_none() {
            self.table.delete(entries)?;
        } else {
            self.table
                .delete(Resource::<Listing>::new_own(entries.rep()))?;
        }
        Ok(())
    }
}

/// Whether an entry was left out because its name is not UTF-8, and so cannot be said in WIT.
pub(super) fn is_unspeakable(error: &FsError) -> bool {
    error.downcast_ref() == Some(&ErrorCode::IllegalByteSequence)
}
