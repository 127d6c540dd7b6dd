//! Standard output and standard error: bounded, recorded, and passed on as they come if asked for.

use std::sync::Arc;

use bytes::Bytes as Buffer;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::Record;
use super::record::Chunk;
use crate::event::Stream;

/// How much a guest may write at once, as other streams of WASI.
const AT_ONCE: usize = 64 << 10;

/// One of the two streams of a guest.
#[derive(Debug)]
pub(super) struct GuestOutput {
    stream: Stream,
    record: Arc<Record>,
}

impl GuestOutput {
    pub(super) fn new(stream: Stream, record: Arc<Record>) -> Self {
        Self { stream, record }
    }
}

impl GuestOutput {
    /// Hands bytes on to whoever wants them as they come.
    fn pass(&self, bytes: Buffer) -> StreamResult<()> {
        let Some(forward) = self.record.forward(self.stream) else {
            return Ok(());
        };
        let chunk = Chunk {
            stream: self.stream,
            bytes,
        };
        forward.try_send(chunk).map_err(|error| match error {
            TrySendError::Closed(_) => StreamError::Closed,
            TrySendError::Full(_) => {
                StreamError::trap("write without a permit: `check-write` was not called")
            }
        })
    }
}

impl IsTerminal for GuestOutput {
    /// Never: what a guest writes is escaped before it reaches a terminal.
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // WASI 0.2 asks for `p2_stream` alone, and nothing else is linked.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(GuestOutput {
            stream: self.stream,
            record: self.record.clone(),
        })
    }
}

/// How many places have to be free for a permit to write: one for this stream, and one for the other,
/// whose permit may be older.
fn places(forward: &Sender<Chunk>) -> usize {
    forward.max_capacity().min(2)
}

#[async_trait]
impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Buffer) -> StreamResult<()> {
        if bytes.len() > AT_ONCE {
            return Err(StreamError::trap(
                "a write of more than `check-write` permitted",
            ));
        }
        let (taken, stop) = self.record.write(self.stream, &bytes);
        self.pass(taken)?;
        match stop {
            None => Ok(()),
            Some(stop) => {
                self.record.reach(&stop);
                Err(StreamError::Trap(stop.into()))
            }
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match self.record.forward(self.stream) {
            Some(forward) if forward.is_closed() => Err(StreamError::Closed),
            Some(forward) if forward.capacity() < places(forward) => Ok(0),
            _ => Ok(AT_ONCE),
        }
    }
}

#[async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {
        if let Some(forward) = self.record.forward(self.stream) {
            // A closed channel is ready too: the next write says so.
            drop(forward.reserve_many(places(forward)).await);
        }
    }
}
