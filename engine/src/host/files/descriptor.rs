//! The functions of a descriptor: each hands the work on, and has what came back judged.

use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::stream::{count_input, count_output};
use super::veil::is_unspeakable;
use super::view::{Fd, Kind, View};

impl HostDescriptor for View<'_> {
    async fn open_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
        how: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let parent = fd.rep();
        let open = self.files.held.open_one().map_err(|stop| {
            self.record.reach(&stop);
            FsError::trap(stop)
        })?;
        let seen = self
            .uncounted()
            .stat_at(Resource::new_borrow(parent), follow, path.clone())
            .await;
        if let Ok(stat) = &seen
            && !matches!(
                stat.type_,
                DescriptorType::RegularFile
                    | DescriptorType::Directory
                    | DescriptorType::SymbolicLink
            )
        {
            return Err(self.refuse_special(parent, &path));
        }
        let changes = how.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE)
            || flags.intersects(DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY);
        let kind = if changes { Kind::Changes } else { Kind::Looks };
        let result = self
            .inner()
            .open_at(fd, follow, path.clone(), how, flags)
            .await;
        let opened = self.judged(("open-at", kind), parent, Some(&path), result)?;
        self.adopt(parent, &path, opened, open)
    }

    fn read_via_stream(&mut self, fd: Fd, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let rep = fd.rep();
        let result = self.inner().read_via_stream(fd, offset);
        let stream = self.judged(("read-via-stream", Kind::Looks), rep, None, result)?;
        let open = self.open_of(rep);
        count_input(self.table, &stream, self.record, open)?;
        Ok(stream)
    }

    fn write_via_stream(
        &mut self,
        fd: Fd,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let rep = fd.rep();
        let result = self.inner().write_via_stream(fd, offset);
        let stream = self.judged(("write-via-stream", Kind::Changes), rep, None, result)?;
        let open = self.open_of(rep);
        count_output(self.table, &stream, self.record, open)?;
        Ok(stream)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let rep = fd.rep();
        let result = self.inner().append_via_stream(fd);
        let stream = self.judged(("append-via-stream", Kind::Changes), rep, None, result)?;
        let open = self.open_of(rep);
        count_output(self.table, &stream, self.record, open)?;
        Ok(stream)
    }

    async fn advise(
        &mut self,
        fd: Fd,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        self.inner().advise(fd, offset, length, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.inner().sync_data(fd).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.inner().sync(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<DescriptorFlags> {
        self.uncounted().get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<DescriptorType> {
        self.uncounted().get_type(fd).await
    }

    async fn set_size(&mut self, fd: Fd, size: Filesize) -> FsResult<()> {
        let rep = fd.rep();
        let result = self.inner().set_size(fd, size).await;
        self.judged(("set-size", Kind::Changes), rep, None, result)
    }

    async fn set_times(
        &mut self,
        fd: Fd,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        let rep = fd.rep();
        let result = self.inner().set_times(fd, access, modification).await;
        self.judged(("set-times", Kind::Changes), rep, None, result)
    }

    async fn read(
        &mut self,
        fd: Fd,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.inner().read(fd, length, offset).await
    }

    async fn write(&mut self, fd: Fd, buffer: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let rep = fd.rep();
        let result = self.inner().write(fd, buffer, offset).await;
        self.judged(("write", Kind::Changes), rep, None, result)
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<DirectoryEntryStream>> {
        let rep = fd.rep();
        let result = self.inner().read_directory(fd).await;
        let entries = self.judged(("read-directory", Kind::Looks), rep, None, result)?;
        self.in_order(entries)
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let rep = fd.rep();
        let result = self.inner().create_directory_at(fd, path.clone()).await;
        self.judged(
            ("create-directory-at", Kind::Changes),
            rep,
            Some(&path),
            result,
        )
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<DescriptorStat> {
        let stat = self.inner().stat(fd).await?;
        Ok(self.veiled(stat))
    }

    async fn stat_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let rep = fd.rep();
        let result = self.inner().stat_at(fd, follow, path.clone()).await;
        let stat = self.judged(("stat-at", Kind::Looks), rep, Some(&path), result)?;
        Ok(self.veiled(stat))
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        let rep = fd.rep();
        let result = self
            .inner()
            .set_times_at(fd, follow, path.clone(), access, modification)
            .await;
        self.judged(("set-times-at", Kind::Changes), rep, Some(&path), result)
    }

    async fn link_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        old: String,
        new_fd: Fd,
        new: String,
    ) -> FsResult<()> {
        let (rep, new_rep) = (fd.rep(), new_fd.rep());
        let (rep, path) = self.blamed((rep, &old), (new_rep, &new));
        let result = self.inner().link_at(fd, follow, old, new_fd, new).await;
        self.judged(("link-at", Kind::Changes), rep, Some(&path), result)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let rep = fd.rep();
        let result = self.inner().readlink_at(fd, path.clone()).await;
        self.judged(("readlink-at", Kind::Looks), rep, Some(&path), result)
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let rep = fd.rep();
        let result = self.inner().remove_directory_at(fd, path.clone()).await;
        self.judged(
            ("remove-directory-at", Kind::Changes),
            rep,
            Some(&path),
            result,
        )
    }

    async fn rename_at(&mut self, fd: Fd, old: String, new_fd: Fd, new: String) -> FsResult<()> {
        let (rep, new_rep) = (fd.rep(), new_fd.rep());
        let (rep, path) = self.blamed((rep, &old), (new_rep, &new));
        let result = self.inner().rename_at(fd, old, new_fd, new).await;
        self.judged(("rename-at", Kind::Changes), rep, Some(&path), result)
    }

    async fn symlink_at(&mut self, fd: Fd, old: String, new: String) -> FsResult<()> {
        let rep = fd.rep();
        let result = self.inner().symlink_at(fd, old, new.clone()).await;
        self.judged(("symlink-at", Kind::Changes), rep, Some(&new), result)
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let rep = fd.rep();
        let result = self.inner().unlink_file_at(fd, path.clone()).await;
        self.judged(("unlink-file-at", Kind::Changes), rep, Some(&path), result)
    }

    async fn is_same_object(&mut self, a: Fd, b: Fd) -> wasmtime::Result<bool> {
        self.uncounted().is_same_object(a, b).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<MetadataHashValue> {
        let identity = self.inner().metadata_hash(fd).await?;
        self.identity(identity)
    }

    async fn metadata_hash_at(
        &mut self,
        fd: Fd,
        follow: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let rep = fd.rep();
        let result = self
            .inner()
            .metadata_hash_at(fd, follow, path.clone())
            .await;
        let identity = self.judged(("metadata-hash-at", Kind::Looks), rep, Some(&path), result)?;
        self.identity(identity)
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        self.files.held.remove(fd.rep());
        self.table.delete(fd)?;
        Ok(())
    }
}

impl HostDirectoryEntryStream for View<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        if let Some(entry) = self.next_in_order(&stream)? {
            return Ok(entry);
        }
        // Listing was counted once, when the stream was made.
        loop {
            let entry = self
                .uncounted()
                .read_directory_entry(Resource::new_borrow(stream.rep()))
                .await;
            // A name that is not UTF-8 cannot be said in WIT. It is left out, and the others are there.
            match entry {
                Err(error) if is_unspeakable(&error) => {}
                entry => return entry,
            }
        }
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.drop_entries(stream)
    }
}
