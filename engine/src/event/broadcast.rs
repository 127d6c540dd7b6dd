use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, Weak};

use tokio::sync::Notify;

use super::queue::{Lost, Queue, Taken};
use super::{Event, Sink, Source};
use crate::types::{EventId, StreamId};

/// How much may wait for one listener.
///
/// Defaults: 1,024 descriptive events of 4 MiB together, and 4,096 others.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Descriptive events, such as output. Further ones are left out, and a mark says how many.
    pub events: usize,
    /// Bytes of descriptive events.
    pub bytes: usize,
    /// Terminal and audit events. If there are more, the stream ends as [`Lagged`].
    pub reserved: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            events: 1024,
            bytes: 4 << 20,
            reserved: 4096,
        }
    }
}

/// Hands events to any number of listeners in this process, each at its own pace.
///
/// Emitting never waits for a listener. One that is slow loses descriptive events, with one
/// `stream_truncated` in their place, and gets all others.
///
/// # Example
///
/// ```
/// use engine::data::Room;
/// use engine::{Broadcast, Engine};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let events = Broadcast::new();
/// let mut subscription = events.subscribe(Room::default());
/// let engine = Engine::builder().sink(events.clone()).build()?;
/// let call = engine::Call::function("f", serde_json::json!([]));
/// engine.refuse("missing", &call, engine::Fault::config("no such component"));
/// let first = subscription.next().await?.ok_or("an event")?;
/// assert_eq!(first.kind.name(), "run_started");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Broadcast {
    listeners: Arc<Listeners>,
    /// Held by broadcasts alone: gone when the last of them is.
    alive: Arc<()>,
}

#[derive(Debug, Default)]
struct Listeners {
    /// Kept beside the list, so that nobody waits for it when nobody listens.
    count: AtomicUsize,
    list: RwLock<Vec<Arc<Listener>>>,
}

#[derive(Debug)]
struct Listener {
    queue: Queue,
    notify: Notify,
}

impl Listeners {
    fn write(&self) -> RwLockWriteGuard<'_, Vec<Arc<Listener>>> {
        // Nobody panics while the list is held.
        self.list.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Broadcast {
    /// Makes one that nobody listens to.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Listens from here on, until the subscription is dropped.
    #[must_use]
    pub fn subscribe(&self, room: Room) -> Subscription {
        let listener = Arc::new(Listener {
            queue: Queue::new(room),
            notify: Notify::new(),
        });
        self.listeners.write().push(listener.clone());
        self.listeners.count.fetch_add(1, Ordering::AcqRel);
        Subscription {
            listener,
            listeners: self.listeners.clone(),
            alive: Arc::downgrade(&self.alive),
            stream: StreamId::fresh(),
            marks: 0,
        }
    }
}

impl Sink for Broadcast {
    fn emit(&self, event: &Arc<Event>) {
        let list = self
            .listeners
            .list
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for listener in list.iter() {
            listener.queue.push(event);
            listener.notify.notify_one();
        }
    }

    fn is_heard(&self) -> bool {
        self.listeners.count.load(Ordering::Acquire) > 0
    }
}

/// One listener's stream of events.
#[derive(Debug)]
pub struct Subscription {
    listener: Arc<Listener>,
    listeners: Arc<Listeners>,
    alive: Weak<()>,
    stream: StreamId,
    marks: u64,
}

/// A listener was so slow that even events which are never left out had no more room.
#[derive(Debug, thiserror::Error)]
#[error("this listener is too slow: over {waiting} events that are never left out waited for it")]
pub struct Lagged {
    waiting: usize,
}

impl Subscription {
    /// The next event; `None` without one that waits once every [`Broadcast`] is gone.
    ///
    /// # Errors
    ///
    /// [`Lagged`], after all that was kept. Nothing comes after it.
    ///
    /// # Cancellation
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Option<Arc<Event>>, Lagged> {
        loop {
            let listener = self.listener.clone();
            // Made before the queue is looked at, so that no event falls between the two.
            let notified = listener.notify.notified();
            if let Some(event) = self.waiting()? {
                return Ok(Some(event));
            }
            if self.alive.strong_count() == 0 {
                // Nothing can have come since the look before this one but what is there now.
                return self.waiting();
            }
            let patience = std::time::Duration::from_millis(100);
            // The last broadcast may go without a word.
            tokio::time::timeout(patience, notified).await.ok();
        }
    }

    /// The next event that waits; `None` if there is none now.
    ///
    /// # Errors
    ///
    /// As for [`next`](Subscription::next).
    pub fn waiting(&mut self) -> Result<Option<Arc<Event>>, Lagged> {
        match self.listener.queue.pop() {
            Some(Taken::Event(event)) => Ok(Some(event)),
            // Marks of events that must not be lost are no consolation.
            Some(Taken::Lost(_)) if self.listener.queue.is_overflowed() => self.waiting(),
            Some(Taken::Lost(lost)) => Ok(Some(self.mark(lost))),
            None if self.listener.queue.is_overflowed() => Err(Lagged {
                waiting: self.listener.queue.reserved(),
            }),
            None => Ok(None),
        }
    }

    fn mark(&mut self, lost: Lost) -> Arc<Event> {
        let seq = self.marks;
        self.marks += 1;
        Arc::new(lost.into_event(
            EventId::fresh(),
            seq,
            Source::Stream {
                stream_id: self.stream,
            },
        ))
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.listener.queue.close();
        self.listeners
            .write()
            .retain(|listener| !Arc::ptr_eq(listener, &self.listener));
        self.listeners.count.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests;
