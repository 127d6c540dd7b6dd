use std::os::unix::fs::FileTypeExt as _;
use std::sync::Arc;

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{self, ErrorCode};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::held;
use super::open::Files;
use crate::host::Record;
use crate::host::record::Refusal;
use crate::types::{Code, Rights};

const INTERFACE: &str = "wasi:filesystem/types";

/// What the functions of `wasi:filesystem` see of a store.
pub(in crate::host) struct View<'a> {
    pub(super) files: &'a mut Files,
    pub(super) ctx: &'a mut WasiFilesystemCtx,
    pub(super) table: &'a mut ResourceTable,
    pub(super) record: &'a Arc<Record>,
}

pub(in crate::host) struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = View<'a>;
}

pub(super) type Fd = Resource<Descriptor>;

/// Whether an operation would change something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Looks,
    Changes,
}

impl<'a> View<'a> {
    pub(in crate::host) fn new(
        files: &'a mut Files,
        ctx: &'a mut WasiFilesystemCtx,
        table: &'a mut ResourceTable,
        record: &'a Arc<Record>,
    ) -> Self {
        Self {
            files,
            ctx,
            table,
            record,
        }
    }

    /// The implementation that does the work, for one operation of the guest.
    pub(super) fn inner(&mut self) -> WasiFilesystemCtxView<'_> {
        self.record.count_file_operation();
        self.uncounted()
    }

    /// The same for what is part of another operation, or none.
    pub(super) fn uncounted(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView {
            ctx: self.ctx,
            table: self.table,
        }
    }

    /// Looks at what came back, and writes down a refusal.
    pub(super) fn judged<T>(
        &self,
        (operation, kind): (&str, Kind),
        fd: u32,
        path: Option<&str>,
        result: FsResult<T>,
    ) -> FsResult<T> {
        if let Err(error) = &result
            && let Some(ErrorCode::NotPermitted) = error.downcast_ref()
        {
            let (reason, hint) = self.why(kind, fd, path);
            self.refuse(operation, fd, path, (reason, hint));
        }
        if result.is_ok() && kind == Kind::Changes {
            let target = self.files.held.shown(fd, path);
            self.record.allow(INTERFACE, operation, &target);
        }
        result
    }

    /// The rule behind a refusal, and what would allow it.
    fn why(&self, kind: Kind, fd: u32, path: Option<&str>) -> (String, String) {
        let grant = self
            .files
            .held
            .get(fd)
            .and_then(|descriptor| self.files.granted.get(descriptor.grant));
        let Some(grant) = grant else {
            return (
                "nothing was granted".to_owned(),
                "grant a directory: `--dir HOST::GUEST`".to_owned(),
            );
        };
        let leaves = path
            .is_some_and(|path| path.starts_with('/') || path.split('/').any(|part| part == ".."));
        if kind == Kind::Changes && grant.rights == Rights::ReadOnly && !leaves {
            return (
                format!("`{}` is granted read-only", grant.guest),
                format!(
                    "grant it writable: `--dir {}::{}:rw`",
                    grant.host.display(),
                    grant.guest
                ),
            );
        }
        let reason = if leaves {
            format!(
                "the path leads outside the granted directory `{}`",
                grant.guest
            )
        } else {
            format!(
                "the path leads outside the granted directory `{}` through a link, or the system does not permit it",
                grant.guest
            )
        };
        (
            reason,
            "grant the directory that holds it: `--dir HOST::GUEST`".to_owned(),
        )
    }

    fn refuse(
        &self,
        operation: &str,
        fd: u32,
        path: Option<&str>,
        (reason, hint): (String, String),
    ) {
        self.record.deny(Refusal {
            code: Code::DeniedGrant,
            interface: INTERFACE,
            operation,
            target: &self.files.held.shown(fd, path),
            reason,
            hint,
        });
    }

    /// Refuses what is no file and no directory: to open a pipe could wait for ever, a device could do anything.
    pub(super) fn refuse_special(&self, fd: u32, path: &str) -> FsError {
        let reason = "it is a pipe, a socket or a device".to_owned();
        self.refuse("open-at", fd, Some(path), (reason, String::new()));
        ErrorCode::NotPermitted.into()
    }

    pub(super) fn open_of(&self, fd: u32) -> Option<Arc<held::OpenFile>> {
        self.files.held.get(fd)?.open.clone()
    }

    /// Registers a descriptor that was just opened, unless it turned out to be special.
    pub(super) fn adopt(
        &mut self,
        parent: u32,
        path: &str,
        fd: Fd,
        open: Arc<held::OpenFile>,
    ) -> FsResult<Fd> {
        if let Descriptor::File(file) = self.table.get(&fd)? {
            let kind = file.file.metadata().map_err(ErrorCode::from)?.file_type();
            if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device()
            {
                self.table.delete(fd)?;
                return Err(self.refuse_special(parent, path));
            }
        }
        let grant = self
            .files
            .held
            .get(parent)
            .map_or(usize::MAX, |descriptor| descriptor.grant);
        let path = self.files.held.shown(parent, Some(path));
        self.record.allow(INTERFACE, "open-at", &path);
        let descriptor = held::Descriptor {
            grant,
            path,
            open: Some(open),
        };
        self.files.held.insert(fd.rep(), descriptor);
        Ok(fd)
    }
}

impl preopens::Host for View<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Fd, String)>> {
        if self.files.granted.is_empty() {
            self.record.looked_for_files();
        }
        let mut directories = Vec::with_capacity(self.files.granted.len());
        for (grant, granted) in self.files.granted.iter().enumerate() {
            let fd = self.table.push(Descriptor::Dir(granted.dir.clone()))?;
            let descriptor = held::Descriptor {
                grant,
                path: granted.guest.clone(),
                open: None,
            };
            self.files.held.insert(fd.rep(), descriptor);
            directories.push((fd, granted.guest.clone()));
        }
        Ok(directories)
    }
}

impl types::Host for View<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        types::Host::filesystem_error_code(&mut self.uncounted(), error)
    }
}

impl View<'_> {
    /// Of two ends of a rename or link, the one that a refusal will be about.
    pub(super) fn blamed(&self, old: (u32, &str), new: (u32, &str)) -> (u32, String) {
        let read_only = |fd| {
            let grant = self
                .files
                .held
                .get(fd)
                .and_then(|descriptor| self.files.granted.get(descriptor.grant));
            grant.is_some_and(|grant| grant.rights == Rights::ReadOnly)
        };
        let leaves = |path: &str| path.starts_with('/') || path.split('/').any(|part| part == "..");
        let (fd, path) =
            if !leaves(old.1) && (leaves(new.1) || (!read_only(old.0) && read_only(new.0))) {
                new
            } else {
                old
            };
        (fd, path.to_owned())
    }
}
