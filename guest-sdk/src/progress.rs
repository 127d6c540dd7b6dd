//! How far an action has come.

use std::fmt::Display;

use crate::host::progress;

/// Tells that `done` of `total` units of work are done, and what is being done.
///
/// It is an event of the call, `progressed`: at most one every 100 ms, of what comes faster the last one, with at most
/// 1 KiB of the message. The bytes of a message, and 16 more, count against the call's limit on output; the message that
/// passes it ends the call.
///
/// ```no_run
/// guest_sdk::progress::report(3, 10, "page 3");
/// guest_sdk::progress::report(3, None, "page 3 of who knows how many");
/// ```
pub fn report(done: u64, total: impl Into<Option<u64>>, message: impl Display) {
    progress::report(done, total.into(), &message.to_string());
}
