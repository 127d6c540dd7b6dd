use std::time::Duration;

use super::*;
use crate::event::{Emitter, EventKind, Stream};
use crate::types::{Clock, RunId, Status, Timestamp};

/// A clock that somebody sets back now and then.
#[derive(Debug, Default)]
struct Jumping(AtomicUsize);

impl Clock for Jumping {
    fn timestamp(&self) -> Timestamp {
        let tick = self.0.fetch_add(1, Ordering::Relaxed);
        let second = i64::try_from(tick).unwrap() - if tick.is_multiple_of(3) { 1000 } else { 0 };
        Timestamp::from_second(second).unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn thread_cpu(&self) -> Duration {
        Duration::ZERO
    }
}

fn emitter(events: &Broadcast) -> Emitter {
    let sink: Arc<dyn Sink> = Arc::new(events.clone());
    Emitter::new(RunId::fresh(), Arc::new(Jumping::default()), [sink].into())
}

fn chunk() -> EventKind {
    EventKind::Output {
        stream: Stream::Stdout.into(),
        text: "x".to_owned(),
        base64: None,
        bytes: 1,
        digest: None,
    }
}

fn end() -> EventKind {
    EventKind::RunCompleted {
        status: Status::Ok,
        error: None,
    }
}

fn all(subscription: &mut Subscription) -> Vec<Arc<Event>> {
    std::iter::from_fn(|| subscription.waiting().unwrap()).collect()
}

/// A million events into a reader that does not read: the room is kept, one mark says how many are missing,
/// and the last event is there.
#[test]
fn a_slow_listener_loses_a_counted_part_and_never_the_end() {
    let events = Broadcast::new();
    let room = Room {
        events: 100,
        ..Room::default()
    };
    let (mut slow, mut quick) = (events.subscribe(room), events.subscribe(room));
    let emitter = emitter(&events);
    let mut heard = 0;
    for round in 0..1_000_000 {
        emitter.emit(chunk);
        if round % 50 == 0 {
            heard += all(&mut quick).len();
        }
    }
    emitter.emit(end);
    let (kept, mut marks) = (all(&mut slow), Vec::new());
    for event in &kept {
        if let EventKind::StreamTruncated { lost, gaps } = &event.kind {
            assert_eq!(
                (gaps.len(), gaps[0].first_seq, gaps[0].last_seq),
                (1, 100, 999_999)
            );
            marks.push(*lost);
        }
    }
    assert_eq!(kept.len(), 102, "100, the mark and the end");
    assert_eq!(marks, [999_900]);
    assert_eq!(kept.last().unwrap().kind.name(), "run_completed");
    heard += all(&mut quick).len();
    assert_eq!(heard, 1_000_001, "a listener that keeps up gets everything");
}

/// Events that are never left out have room of their own; when that is full, the listener learns it.
#[test]
fn a_listener_that_never_reads_is_told_that_it_lagged() {
    let events = Broadcast::new();
    let mut subscription = events.subscribe(Room {
        reserved: 10,
        ..Room::default()
    });
    let emitter = emitter(&events);
    for _ in 0..11 {
        emitter.emit(end);
    }
    for _ in 0..10 {
        assert!(subscription.waiting().unwrap().is_some());
    }
    let lagged = subscription.waiting().unwrap_err();
    assert_eq!(
        lagged.to_string(),
        "this listener is too slow: over 10 events that are never left out waited for it"
    );
}

/// Who comes late sees where it begins; who is gone costs nothing.
#[test]
fn numbers_go_on_while_nobody_listens() {
    let events = Broadcast::new();
    let emitter = emitter(&events);
    assert!(!events.is_heard());
    for _ in 0..5 {
        emitter.emit(|| panic!("nobody wants it"));
    }
    let mut subscription = events.subscribe(Room::default());
    emitter.emit(chunk);
    assert_eq!(all(&mut subscription)[0].seq, 5);
    drop(subscription);
    assert!(!events.is_heard());
}

/// A clock that is set back does not turn events around.
#[test]
fn the_order_of_a_run_survives_a_clock_that_jumps() {
    let events = Broadcast::new();
    let mut subscription = events.subscribe(Room::default());
    let emitter = emitter(&events);
    for _ in 0..100 {
        emitter.emit(chunk);
    }
    let kept = all(&mut subscription);
    let mut sorted = kept.clone();
    sorted.reverse();
    sorted.sort_by(|a, b| a.order(b));
    assert!(sorted.iter().map(|event| event.seq).eq(0..100));
    assert_eq!(kept.len(), 100);
}

#[tokio::test]
async fn a_subscription_ends_with_its_broadcast() {
    let events = Broadcast::new();
    let mut subscription = events.subscribe(Room::default());
    let emitting = events.clone();
    let task = tokio::spawn(async move {
        let emitter = emitter(&emitting);
        tokio::time::sleep(Duration::from_millis(20)).await;
        emitter.emit(end);
    });
    drop(events);
    let first = subscription.next().await.unwrap().unwrap();
    assert_eq!(first.kind.name(), "run_completed");
    task.await.unwrap();
    assert!(subscription.next().await.unwrap().is_none());
}
