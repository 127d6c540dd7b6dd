//! Messages for whoever runs the action.
//!
//! Each is an event of the call, `logged`, with at most 8 KiB of the message. Its bytes, and 16 more, count against the
//! call's limit on output; the message that passes it ends the call.
//!
//! ```no_run
//! let rows = ["a", "b"];
//! guest_sdk::log::info(format_args!("read {} rows", rows.len()));
//! ```

use std::fmt::Display;

use crate::host::log::{Level, write};

/// Writes a message about a step of a computation.
pub fn trace(message: impl Display) {
    write(Level::Trace, &message.to_string());
}

/// Writes a message that helps the author.
pub fn debug(message: impl Display) {
    write(Level::Debug, &message.to_string());
}

/// Writes a message that somebody may want to know.
pub fn info(message: impl Display) {
    write(Level::Info, &message.to_string());
}

/// Writes a message about what somebody should look at.
pub fn warn(message: impl Display) {
    write(Level::Warn, &message.to_string());
}

/// Writes a message about what went wrong.
pub fn error(message: impl Display) {
    write(Level::Error, &message.to_string());
}
