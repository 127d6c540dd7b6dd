//! Streams over files: every read and write is counted, and the file stays counted as open.

use std::mem;
use std::sync::Arc;

use bytes::Bytes as Buffer;
use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::pipe::{ClosedInputStream, ClosedOutputStream};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamResult,
};

use super::held::OpenFile;
use crate::host::Record;

/// A stream of the host with its file's place in the counts.
struct Counted<S> {
    inner: S,
    record: Arc<Record>,
    _open: Option<Arc<OpenFile>>,
}

/// Puts the counts around an input stream that the guest was just given.
pub(super) fn count_input(
    table: &mut ResourceTable,
    stream: &Resource<DynInputStream>,
    record: &Arc<Record>,
    open: Option<Arc<OpenFile>>,
) -> Result<(), ResourceTableError> {
    let slot = table.get_mut(stream)?;
    let inner = mem::replace(slot, Box::new(ClosedInputStream));
    *slot = Box::new(Counted {
        inner,
        record: record.clone(),
        _open: open,
    });
    Ok(())
}

/// Puts the counts around an output stream that the guest was just given.
pub(super) fn count_output(
    table: &mut ResourceTable,
    stream: &Resource<DynOutputStream>,
    record: &Arc<Record>,
    open: Option<Arc<OpenFile>>,
) -> Result<(), ResourceTableError> {
    let slot = table.get_mut(stream)?;
    let inner = mem::replace(slot, Box::new(ClosedOutputStream));
    *slot = Box::new(Counted {
        inner,
        record: record.clone(),
        _open: open,
    });
    Ok(())
}

#[async_trait]
impl InputStream for Counted<DynInputStream> {
    fn read(&mut self, size: usize) -> StreamResult<Buffer> {
        self.record.count_file_operation();
        self.inner.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Buffer> {
        self.record.count_file_operation();
        self.inner.blocking_read(size).await
    }

    fn skip(&mut self, count: usize) -> StreamResult<usize> {
        self.record.count_file_operation();
        self.inner.skip(count)
    }

    async fn blocking_skip(&mut self, count: usize) -> StreamResult<usize> {
        self.record.count_file_operation();
        self.inner.blocking_skip(count).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[async_trait]
impl Pollable for Counted<DynInputStream> {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[async_trait]
impl OutputStream for Counted<DynOutputStream> {
    fn write(&mut self, bytes: Buffer) -> StreamResult<()> {
        self.record.count_file_operation();
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.inner.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.inner.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: Buffer) -> StreamResult<()> {
        self.record.count_file_operation();
        self.inner.blocking_write_and_flush(bytes).await
    }

    fn write_zeroes(&mut self, count: usize) -> StreamResult<()> {
        self.record.count_file_operation();
        self.inner.write_zeroes(count)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[async_trait]
impl Pollable for Counted<DynOutputStream> {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}
