//! A queue between whoever emits and one slow reader: bounded, and never in the way.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::parts::{Gap, Lane};
use super::{Event, EventKind, Room, Scope, Source};
use crate::types::{EventId, Timestamp, TraceId};

/// How much larger the room for events that must not be lost is than that for the others.
const RESERVE: usize = 4;
/// Sources that one mark lists.
const MOST_GAPS: usize = 64;

/// Sources that can wait to learn of a loss. With so many, everybody is told.
const MOST_FAILED: usize = 65_536;

/// Takes events without waiting. Descriptive ones are left out when there is no room, with a mark in their
/// place; the others have room of their own.
#[derive(Debug)]
pub(crate) struct Queue {
    room: Room,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Taken>,
    descriptive: usize,
    reserved: usize,
    reserved_bytes: usize,
    bytes: usize,
    /// Events taken in since the beginning.
    pushed: u64,
    /// An event that must not be lost was lost.
    overflowed: bool,
    /// Whose events were: each is to learn it, also once there is room again.
    failed: HashSet<Source>,
    /// Whose events came after the end: they are nowhere, and whoever waits for them has to learn it.
    late: HashSet<Source>,
    closed: bool,
}

/// What comes out.
#[derive(Debug)]
pub(crate) enum Taken {
    Event(Arc<Event>),
    Lost(Lost),
}

/// Events that are missing at one place.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    lost: u64,
    gaps: Vec<Gap>,
    at: Timestamp,
    trace_id: TraceId,
    /// What the missing events are about, if they are all about the same.
    scope: Vec<Scope>,
}

impl Lost {
    pub(crate) fn first(event: &Event) -> Self {
        Self {
            lost: 1,
            gaps: vec![gap(event)],
            at: event.ts,
            trace_id: event.trace_id,
            scope: event.scope.clone(),
        }
    }

    /// Counts one more; `false` if this mark can say nothing of its source.
    fn add(&mut self, event: &Event) -> bool {
        let known = self.gaps.iter_mut().find(|gap| gap.source == event.source);
        if let Some(gap) = known {
            gap.lost += 1;
            gap.first_seq = gap.first_seq.min(event.seq);
            gap.last_seq = gap.last_seq.max(event.seq);
        } else if self.gaps.len() < MOST_GAPS {
            self.gaps.push(gap(event));
        } else {
            return false;
        }
        self.lost += 1;
        self.at = self.at.max(event.ts);
        if self.scope != event.scope {
            self.scope.clear();
        }
        true
    }

    /// How many events.
    #[cfg(feature = "store-sqlite")]
    pub(crate) fn count(&self) -> u64 {
        self.lost
    }

    /// The mark that stands in their place.
    pub(crate) fn into_event(self, id: EventId, seq: u64, source: Source) -> Event {
        Event {
            id,
            seq,
            ts: self.at,
            source,
            scope: self.scope,
            trace_id: self.trace_id,
            kind: EventKind::StreamTruncated {
                lost: self.lost,
                gaps: self.gaps,
            },
        }
    }
}

fn gap(event: &Event) -> Gap {
    Gap {
        source: event.source.clone(),
        lost: 1,
        first_seq: event.seq,
        last_seq: event.seq,
    }
}

impl Queue {
    pub(crate) fn new(room: Room) -> Self {
        Self {
            room,
            state: Mutex::default(),
        }
    }

    /// Takes an event in, or counts it as lost.
    pub(crate) fn push(&self, event: &Arc<Event>) {
        let mut state = self.lock();
        if state.closed {
            if event.kind.lane() != Lane::Descriptive && state.late.len() < MOST_FAILED {
                state.late.insert(event.source.clone());
            }
            return;
        }
        if state.overflowed {
            state.fail(event);
            // Counted, for a reader that recovers; there is one mark for each 64 sources.
            if state.waiting.len() < self.room.events + 2 * self.room.reserved {
                state.lose(event);
            }
            return;
        }
        let weight = event.weight();
        match event.kind.lane() {
            Lane::Descriptive => {
                let full =
                    state.descriptive >= self.room.events || state.bytes + weight > self.room.bytes;
                if full {
                    state.lose(event);
                    return;
                }
                state.descriptive += 1;
                state.bytes += weight;
            }
            Lane::Audit | Lane::Terminal => {
                if state.reserved >= self.room.reserved
                    || state.reserved_bytes + weight > RESERVE * self.room.bytes
                {
                    state.overflowed = true;
                    state.fail(event);
                    state.lose(event);
                    return;
                }
                state.reserved += 1;
                state.reserved_bytes += weight;
            }
        }
        state.pushed += 1;
        state.waiting.push_back(Taken::Event(event.clone()));
    }

    /// Takes out the oldest.
    pub(crate) fn pop(&self) -> Option<Taken> {
        self.lock().pop()
    }

    /// Whether events of a source were lost that must not be; it is told once.
    #[cfg(feature = "store-sqlite")]
    pub(crate) fn take_failure(&self, source: &Source) -> bool {
        let mut state = self.lock();
        state.failed.remove(source)
            || state.late.contains(source)
            || state.failed.len().max(state.late.len()) >= MOST_FAILED
    }

    /// Whether there is a source that has not learnt yet that its events were lost.
    #[cfg(feature = "store-sqlite")]
    pub(crate) fn has_failures(&self) -> bool {
        !self.lock().failed.is_empty()
    }

    /// Takes out at most `most`, oldest first.
    #[cfg(feature = "store-sqlite")]
    pub(crate) fn drain(&self, most: usize) -> Vec<Taken> {
        let mut state = self.lock();
        let taken = std::iter::from_fn(|| state.pop()).take(most).collect();
        if state.waiting.is_empty() && state.failed.len() < MOST_FAILED {
            // There is room again, and a mark says what is missing.
            state.overflowed = false;
        }
        taken
    }

    /// How many events and marks wait.
    #[cfg(feature = "store-sqlite")]
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    /// How many events were taken in.
    #[cfg(feature = "store-sqlite")]
    pub(crate) fn pushed(&self) -> u64 {
        self.lock().pushed
    }

    /// Whether an event was lost that must not be.
    pub(crate) fn is_overflowed(&self) -> bool {
        self.lock().overflowed
    }

    /// How many events that must not be lost may wait.
    pub(crate) fn reserved(&self) -> usize {
        self.room.reserved
    }

    /// Nothing more comes in.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Whether nothing more comes in.
    #[cfg(feature = "store-sqlite")]
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Remembers whose event was lost, if it must not be.
    fn fail(&mut self, event: &Event) {
        if event.kind.lane() != Lane::Descriptive && self.failed.len() < MOST_FAILED {
            self.failed.insert(event.source.clone());
        }
    }

    /// Counts an event that has no room.
    fn lose(&mut self, event: &Event) {
        let counted = match self.waiting.back_mut() {
            Some(Taken::Lost(lost)) => lost.add(event),
            _ => false,
        };
        if !counted {
            self.waiting.push_back(Taken::Lost(Lost::first(event)));
        }
    }

    fn pop(&mut self) -> Option<Taken> {
        let taken = self.waiting.pop_front()?;
        if let Taken::Event(event) = &taken {
            match event.kind.lane() {
                Lane::Descriptive => {
                    self.descriptive -= 1;
                    self.bytes -= event.weight();
                }
                Lane::Audit | Lane::Terminal => {
                    self.reserved -= 1;
                    self.reserved_bytes -= event.weight();
                }
            }
        }
        Some(taken)
    }
}

impl Event {
    /// About how much memory the event takes.
    fn weight(&self) -> usize {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all others are small, and nothing depends on the exact size"
        )]
        let text = match &self.kind {
            EventKind::Output { text, base64, .. } => {
                text.len() + base64.as_ref().map_or(0, String::len)
            }
            EventKind::Logged { message, .. } | EventKind::Progressed { message, .. } => {
                message.text.len()
            }
            EventKind::CallStarted { arguments, .. } => arguments.text.len(),
            EventKind::CallCompleted { value, .. } => value.text.len(),
            _ => 256,
        };
        256 + text
    }
}
