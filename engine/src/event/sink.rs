use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, Source};
use crate::types::Fault;

/// Ends when all events that were emitted before are durable, or cannot be made so.
pub type Commit<'a> = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>>;

/// Takes events as they happen.
///
/// `emit` is called on the path of the guest's call: it returns at once, without waiting for a disk,
/// a network or a lock that others hold for long. Events of one run come in the order of their `seq`.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
///
/// #[derive(Debug)]
/// struct Names(std::sync::mpsc::Sender<String>);
///
/// impl engine::Sink for Names {
///     fn emit(&self, event: &Arc<engine::Event>) {
///         // A receiver that is gone no longer wants events.
///         self.0.send(event.kind.name().to_owned()).ok();
///     }
/// }
/// ```
pub trait Sink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: &Arc<Event>);

    /// Waits until every event of a source that was emitted before is durable.
    ///
    /// The engine waits for it twice in a run: before the guest starts, so that what is about to happen
    /// is known whatever comes, and before the outcome is handed out. A sink that keeps nothing has
    /// nothing to wait for, and that is the default.
    fn commit<'a>(&'a self, _source: &'a Source) -> Commit<'a> {
        Box::pin(ready(Ok(())))
    }

    /// Whether anybody listens now. Events that nobody hears are counted, and never made.
    fn is_heard(&self) -> bool {
        true
    }
}

/// Keeps every event in memory, for tests and short programs.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Vec<Arc<Event>>>);

impl Memory {
    /// The events so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|event| Event::clone(event))
            .collect()
    }
}

impl Sink for Memory {
    fn emit(&self, event: &Arc<Event>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(event.clone());
    }
}
