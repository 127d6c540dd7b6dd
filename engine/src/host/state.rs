use std::fmt;
use std::sync::Arc;

use bytes::Bytes as Buffer;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::cli::WasiCliCtxView;
use wasmtime_wasi::clocks::WasiClocksCtxView;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::random::WasiRandomCtx;
use wasmtime_wasi::sockets::WasiSocketsCtxView;
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView};

use super::chance;
use super::clocks::{Clocks, FixedClock};
use super::files::{Files, View};
use super::network::RefuseHttp;
use super::record::Refusal;
use super::stdio::GuestOutput;
use super::{Actions, Aside, Caps, Record};
use crate::event::Stream;
use crate::guard::Grants;
use crate::types::{Bytes, Code, Fault};

/// All that the host keeps for one guest: what it was granted, and what it holds.
pub(crate) struct Host {
    wasi: WasiCtx,
    pub(super) table: ResourceTable,
    http: WasiHttpCtx,
    http_hooks: RefuseHttp,
    files: Files,
    /// The clock of a deterministic run.
    clock: Option<Arc<FixedClock>>,
    pub(super) record: Arc<Record>,
    /// Who calls other actions for the guest; `None` if it may call none.
    pub(super) actions: Option<Arc<dyn Actions>>,
    /// Where that is done.
    pub(super) aside: Arc<Aside>,
}

/// Gives the host functions access to their part of a store.
pub(crate) trait HostView: Send + 'static {
    /// That part.
    fn host(&mut self) -> &mut Host;

    /// How much more memory the guest may hold.
    fn memory_left(&self) -> Bytes;

    /// Counts memory that was held for the guest elsewhere, and is held no more, towards the most that it held at once.
    fn used_meanwhile(&mut self, peak: Bytes);
}

/// Where a command reads its standard input from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Stdin {
    /// From nothing.
    #[default]
    Empty,
    /// From memory.
    Bytes(Buffer),
    /// From the standard input of this process.
    Inherit,
}

/// Arguments and standard input of a guest.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    pub(crate) args: Vec<String>,
    pub(crate) stdin: Stdin,
}

impl Host {
    /// Opens what is granted, and nothing else. In a deterministic run nothing that a guest sees besides its inputs differs
    /// from one run to the next.
    ///
    /// # Errors
    ///
    /// A fault of the configuration if a granted directory is gone or has become another.
    pub(crate) fn new(
        grants: &Grants,
        streams: Streams,
        record: Arc<Record>,
        actions: Option<Arc<dyn Actions>>,
        deterministic: bool,
    ) -> Result<Self, Fault> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(GuestOutput::new(Stream::Stdout, record.clone()))
            .stderr(GuestOutput::new(Stream::Stderr, record.clone()))
            .args(&streams.args)
            .max_random_size(Caps::RANDOM.get())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .allow_blocking_current_thread(false);
        match streams.stdin {
            Stdin::Empty => &mut wasi,
            Stdin::Bytes(bytes) => wasi.stdin(MemoryInputPipe::new(bytes)),
            Stdin::Inherit => wasi.inherit_stdin(),
        };
        for (name, value) in grants.env() {
            wasi.env(name, value);
        }
        if deterministic {
            chance::seed(&mut wasi);
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(Caps::HOST_OBJECTS);
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(usize::try_from(Caps::FIELDS.get()).unwrap_or(usize::MAX));
        Ok(Self {
            wasi: wasi.build(),
            table,
            http,
            http_hooks: RefuseHttp::new(record.clone()),
            files: Files::open(grants.dirs(), deterministic)?,
            clock: deterministic.then(Arc::default),
            record,
            actions,
            aside: Arc::default(),
        })
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Host {
    pub(super) fn cli(&mut self) -> WasiCliCtxView<'_> {
        WasiCliCtxView {
            ctx: self.wasi.cli(),
            table: &mut self.table,
        }
    }

    pub(super) fn clocks(&mut self) -> Clocks<'_> {
        Clocks {
            machine: WasiClocksCtxView {
                ctx: self.wasi.clocks(),
                table: &mut self.table,
            },
            fixed: self.clock.as_ref(),
        }
    }

    pub(super) fn random(&mut self) -> &mut WasiRandomCtx {
        self.wasi.random()
    }

    pub(super) fn sockets(&mut self) -> WasiSocketsCtxView<'_> {
        WasiSocketsCtxView {
            ctx: self.wasi.sockets(),
            table: &mut self.table,
        }
    }

    pub(super) fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http_hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }

    pub(super) fn files(&mut self) -> View<'_> {
        View::new(
            &mut self.files,
            self.wasi.filesystem(),
            &mut self.table,
            &self.record,
        )
    }
}

impl Host {
    /// What is done for the guest beside it.
    pub(crate) fn aside(&self) -> Arc<Aside> {
        self.aside.clone()
    }

    /// Writes down that the guest called an import nobody granted.
    pub(crate) fn deny_import(&self, interface: &str, function: &str) {
        self.record.deny(Refusal {
            code: Code::DeniedImport,
            interface,
            operation: function,
            target: &match interface {
                "" => function.to_owned(),
                interface => format!("{interface}#{function}"),
            },
            reason: "the import was not granted".to_owned(),
            hint: String::new(),
        });
    }
}
