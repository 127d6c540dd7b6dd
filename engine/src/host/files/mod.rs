//! Granted directories: opened once by name, then reached through descriptors alone.
//!
//! `wasmtime-wasi` resolves paths and enforces read-only directories, but has no seam for events,
//! counts or kinds of files. So the engine implements the interface's traits itself and hands every
//! operation on, looking at what goes in and at what comes back.

mod descriptor;
mod held;
mod open;
mod stream;
mod veil;
mod view;

pub(super) use open::Files;
pub(super) use view::{HasFiles, View};
