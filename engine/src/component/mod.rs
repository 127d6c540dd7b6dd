//! From bytes to a result: source, compile, describe, link, start, call.
//!
//! Each step makes the value the next one needs. A permit is given up to start an instance, an
//! instance is given up to call it, so that a guest that ran once cannot run again.

mod ahead;
mod bulk;
mod cache;
mod call;
mod compile;
mod compiler;
mod config;
mod describe;
mod expansion;
mod instance;
mod link;
mod manifest;
mod meter;
mod pool;
mod source;
mod structure;
mod supervise;
mod symbols;
mod trap;
mod value;

pub use cache::{CodeCache, CodeEntry};
pub use compile::Compiled;
pub use compiler::Compiler;
pub use pool::Pool;
pub use source::Source;
pub use supervise::Cancel;
pub use value::schema;

pub(crate) use cache::Origin;
pub(crate) use call::Returned;
pub(crate) use compile::Runtime;
pub(crate) use instance::{Context, Instance};
pub(crate) use value::Arguments;

// What a caller gives to the host and gets back from it.
pub(crate) use crate::host::{Actions, Answer, Captured, Left, Record, Streams};

/// How deep actions call each other.
pub(crate) const MOST_DEEP: u32 = crate::host::Caps::DEPTH;
pub use crate::host::{Chunk, Forward, Stdin};
