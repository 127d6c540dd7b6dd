//! What a guest can reach: standard streams, files, clocks and randomness, messages and progress, and the refusals.
//!
//! Every interface of WASI 0.2 is answered here. What was not granted is answered with the
//! interface's own error code, and recorded.

mod actions;
mod aside;
mod caps;
mod chance;
mod clocks;
mod files;
mod link;
mod network;
mod record;
mod state;
mod stdio;
mod told;

pub use record::{Chunk, Forward};
pub use state::Stdin;

pub(crate) use actions::{Actions, Answer, Left};
pub(crate) use aside::Aside;
pub(crate) use caps::Caps;
pub(crate) use link::{add_to_linker, provides};
pub(crate) use record::{Captured, Record, Stop};
pub(crate) use state::{Host, HostView, Streams};
