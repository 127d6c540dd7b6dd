use std::fmt;
use std::time::Duration;

pub use jiff::Timestamp;

/// Where the engine reads time from.
///
/// The engine has a real one; tests and replays bring their own.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The time of day, for people. Events are never ordered by it.
    fn timestamp(&self) -> Timestamp;

    /// Time since some fixed moment; it never goes back.
    fn elapsed(&self) -> Duration;

    /// Processor time that the calling thread has used.
    fn thread_cpu(&self) -> Duration;

    /// Names the machine's boot, with the time since then; sleep counts. `None` where that is not known.
    fn boot(&self) -> Option<(String, Duration)> {
        None
    }
}
