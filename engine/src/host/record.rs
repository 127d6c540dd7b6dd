use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes as Buffer;
use tokio::sync::mpsc;

use super::Caps;
use crate::event::{Access, Emitter, EventKind, Level, Stream};
use crate::types::{Artifact, Bounded, Bytes, Clock, Code, Denial, text};

mod artifacts;
mod calls;

pub(super) use artifacts::Offered;

/// What the host functions of one call write down: refusals, output, counts.
///
/// Shared between the store and the streams a guest holds.
pub(crate) struct Record {
    emitter: Arc<Emitter>,
    clock: Arc<dyn Clock>,
    most_output: Bytes,
    forward: Option<Forward>,
    fs_operations: AtomicU64,
    /// Whether the guest asked for its directories and there were none.
    files_missed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    denials: Vec<Denial>,
    /// Where a refusal stands in `denials`, so that a flood of them stays linear.
    known: HashMap<(String, String, String), usize>,
    denied: u64,
    allowed: u64,
    latest_access: Option<Access>,
    reached: Vec<crate::types::Budget>,
    stdout: Written,
    stderr: Written,
    /// Output that is not an event yet, all of one stream.
    pending: Option<Pending>,
    /// What messages and progress counted so far.
    told: u64,
    /// When progress was last an event.
    progressed: Option<Duration>,
    /// Progress that came too fast to be an event.
    hasty: Option<Progress>,
    /// What the guest made, in order.
    artifacts: Vec<Artifact>,
    /// The names of it in small letters.
    artifact_names: BTreeSet<String>,
    /// Calls of other actions so far.
    calls: u64,
}

impl State {
    /// What counts against the limit on output.
    fn used(&self) -> u64 {
        self.stdout.bytes + self.stderr.bytes + self.told
    }
}

#[derive(Default)]
struct Written {
    bytes: u64,
    kept: Vec<u8>,
}

struct Pending {
    stream: Stream,
    bytes: Vec<u8>,
    since: Duration,
}

/// How far a guest says that it has come.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) message: String,
}

/// Some bytes that a guest wrote, on their way to whoever asked for them as they come.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Which stream.
    pub stream: Stream,
    /// The bytes. They are untrusted.
    pub bytes: Buffer,
}

/// Where the output of a guest goes as it comes.
///
/// Each stream has its own way, so that one whose reader is gone does not close the other. Both may
/// lead to the same receiver.
#[derive(Clone, Debug)]
pub struct Forward {
    /// For standard output.
    pub stdout: mpsc::Sender<Chunk>,
    /// For standard error.
    pub stderr: mpsc::Sender<Chunk>,
}

/// What a call wrote and was refused, in the end.
#[derive(Debug, Default)]
pub(crate) struct Captured {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) stdout_bytes: Bytes,
    pub(crate) stderr_bytes: Bytes,
    pub(crate) denials: Vec<Denial>,
    pub(crate) denied: u64,
    pub(crate) fs_operations: u64,
    pub(crate) files_missed: bool,
    pub(crate) artifacts: Vec<Artifact>,
    /// What counted against the limit on output, besides a result.
    pub(crate) handed: Bytes,
}

impl Record {
    pub(crate) fn new(
        emitter: Arc<Emitter>,
        clock: Arc<dyn Clock>,
        most_output: Bytes,
        forward: Option<Forward>,
    ) -> Self {
        Self {
            emitter,
            clock,
            most_output,
            forward,
            fs_operations: AtomicU64::new(0),
            files_missed: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    /// Writes down that the guest was refused something.
    pub(crate) fn deny(&self, refusal: Refusal<'_>) {
        let Refusal {
            code,
            interface,
            operation,
            target,
            reason,
            hint,
        } = refusal;
        let target = text::line(target, 256);
        let mut state = self.lock();
        self.flush_locked(&mut state);
        state.denied += 1;
        let denial = Denial {
            code,
            interface: interface.to_owned(),
            operation: operation.to_owned(),
            target,
            reason,
            hint,
            count: 1,
        };
        if state.denied <= Caps::DENIAL_EVENTS {
            self.emitter
                .emit(|| EventKind::AccessDenied(denial.clone()));
        }
        let key = (
            denial.interface.clone(),
            denial.operation.clone(),
            denial.target.clone(),
        );
        if let Some(position) = state.known.get(&key).copied() {
            if let Some(known) = state.denials.get_mut(position) {
                known.count += 1;
            }
        } else if state.denials.len() < Caps::DENIALS_KEPT {
            let position = state.denials.len();
            state.known.insert(key, position);
            state.denials.push(denial);
        }
    }

    /// Writes down that the guest reached something that it may reach: at most so many, neighbours that
    /// are equal once.
    pub(crate) fn allow(&self, interface: &str, operation: &str, target: &str) {
        if !self.emitter.is_heard() {
            return;
        }
        let access = Access {
            interface: interface.to_owned(),
            operation: operation.to_owned(),
            target: text::line(target, 256),
        };
        let mut state = self.lock();
        if state.allowed >= Caps::ACCESS_EVENTS || state.latest_access.as_ref() == Some(&access) {
            return;
        }
        state.allowed += 1;
        state.latest_access = Some(access.clone());
        self.flush_locked(&mut state);
        self.emitter.emit(|| EventKind::AccessAllowed(access));
    }

    /// Writes down that a limit was reached; only the first time for each.
    pub(crate) fn reach(&self, stop: &Stop) {
        self.reach_locked(&mut self.lock(), stop);
    }

    fn reach_locked(&self, state: &mut State, stop: &Stop) {
        if state.reached.contains(&stop.budget) {
            return;
        }
        state.reached.push(stop.budget);
        self.flush_locked(state);
        self.emitter.emit(|| EventKind::LimitReached {
            limit: stop.budget.into(),
            used: stop.used,
            maximum: stop.limit,
        });
    }

    /// Counts one operation on files.
    pub(crate) fn count_file_operation(&self) {
        self.fs_operations.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers that the guest wanted directories, and that none were granted.
    pub(super) fn looked_for_files(&self) {
        self.files_missed.store(true, Ordering::Relaxed);
    }

    /// Takes what the guest wrote; whatever passes the output limit is not taken, and then there is the
    /// stop that ends the guest.
    pub(super) fn write(&self, stream: Stream, bytes: &Buffer) -> (Buffer, Option<Stop>) {
        let mut state = self.lock();
        let used = state.used();
        let room = self.most_output.get().saturating_sub(used);
        let taken = bytes.slice(..bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
        let written = match stream {
            Stream::Stdout => &mut state.stdout,
            Stream::Stderr => &mut state.stderr,
        };
        written.bytes += taken.len() as u64;
        if self.forward.is_none() {
            written.kept.extend_from_slice(&taken);
        }
        if self.emitter.is_heard() {
            self.gather(&mut state, stream, &taken);
        }
        let stop = (taken.len() < bytes.len()).then(|| Stop {
            budget: crate::types::Budget::Output,
            used: used + bytes.len() as u64,
            limit: self.most_output.get(),
        });
        (taken, stop)
    }

    /// Takes a message of the guest.
    ///
    /// # Errors
    ///
    /// The stop that ends the guest, if the message passes the limit on output.
    pub(super) fn log(&self, level: Level, message: &str) -> Result<(), Stop> {
        let mut state = self.lock();
        self.count_told(&mut state, message.len())?;
        self.flush_locked(&mut state);
        self.emitter.emit(|| EventKind::Logged {
            level: level.into(),
            message: Bounded::new(message, Caps::MESSAGE),
        });
        Ok(())
    }

    /// Takes how far the guest says it has come.
    ///
    /// # Errors
    ///
    /// The stop that ends the guest, if the message passes the limit on output.
    pub(super) fn progress(&self, progress: Progress) -> Result<(), Stop> {
        let mut state = self.lock();
        self.count_told(&mut state, progress.message.len())?;
        let now = self.clock.elapsed();
        let apart = Duration::from_millis(Caps::PROGRESS_APART_MS);
        if state
            .progressed
            .is_some_and(|then| now.saturating_sub(then) < apart)
        {
            state.hasty = Some(progress);
            return Ok(());
        }
        state.hasty = None;
        state.progressed = Some(now);
        self.flush_locked(&mut state);
        self.emit_progress(&progress);
        Ok(())
    }

    fn emit_progress(&self, progress: &Progress) {
        self.emitter.emit(|| EventKind::Progressed {
            done: progress.done,
            total: progress.total,
            message: Bounded::new(&progress.message, Caps::DOING),
        });
    }

    /// Counts what the guest tells, and what telling it costs, against the limit on output.
    fn count_told(&self, state: &mut State, bytes: usize) -> Result<(), Stop> {
        let told = bytes as u64 + Caps::MESSAGE_COSTS;
        let used = state.used().saturating_add(told);
        let limit = self.most_output.get();
        if used > limit {
            let stop = Stop {
                budget: crate::types::Budget::Output,
                used,
                limit,
            };
            self.reach_locked(state, &stop);
            return Err(stop);
        }
        state.told += told;
        Ok(())
    }

    /// Where output goes as it comes; `None` if it is only kept.
    pub(super) fn forward(&self, stream: Stream) -> Option<&mpsc::Sender<Chunk>> {
        let forward = self.forward.as_ref()?;
        Some(match stream {
            Stream::Stdout => &forward.stdout,
            Stream::Stderr => &forward.stderr,
        })
    }

    /// How much the guest may still hand out.
    pub(crate) fn output_left(&self) -> Bytes {
        let state = self.lock();
        Bytes::new(self.most_output.get().saturating_sub(state.used()))
    }

    /// When waiting output has to become an event; `None` if none waits.
    pub(crate) fn flush_at(&self) -> Option<Duration> {
        let state = self.lock();
        let pending = state.pending.as_ref()?;
        Some(pending.since + Duration::from_millis(Caps::OUTPUT_WAIT_MS))
    }

    /// Makes an event of the output that waits.
    pub(crate) fn flush(&self) {
        self.flush_locked(&mut self.lock());
    }

    /// Hands over all that was written down.
    pub(crate) fn finish(&self) -> Captured {
        let mut state = self.lock();
        self.flush_whole(&mut state);
        if let Some(last) = state.hasty.take() {
            self.emit_progress(&last);
        }
        let handed = Bytes::new(state.used());
        let State {
            denials,
            denied,
            stdout,
            stderr,
            artifacts,
            ..
        } = std::mem::take(&mut *state);
        Captured {
            stdout: stdout.kept,
            stderr: stderr.kept,
            stdout_bytes: Bytes::new(stdout.bytes),
            stderr_bytes: Bytes::new(stderr.bytes),
            denials,
            denied,
            fs_operations: self.fs_operations.load(Ordering::Relaxed),
            files_missed: self.files_missed.load(Ordering::Relaxed),
            artifacts,
            handed,
        }
    }

    fn gather(&self, state: &mut State, stream: Stream, bytes: &[u8]) {
        if state
            .pending
            .as_ref()
            .is_some_and(|pending| pending.stream != stream)
        {
            self.flush_whole(state);
        }
        let now = self.clock.elapsed();
        let pending = state.pending.get_or_insert_with(|| Pending {
            stream,
            bytes: Vec::new(),
            since: now,
        });
        pending.bytes.extend_from_slice(bytes);
        if pending.bytes.len() >= Caps::OUTPUT_CHUNK {
            self.flush_locked(state);
        }
    }

    /// Flushes up to the last whole character; its rest may still come.
    fn flush_locked(&self, state: &mut State) {
        if let Some(mut pending) = state.pending.take() {
            let rest = pending.bytes.split_off(whole_characters(&pending.bytes));
            self.emit_output(pending.stream, &pending.bytes);
            if !rest.is_empty() {
                state.pending = Some(Pending {
                    bytes: rest,
                    since: self.clock.elapsed(),
                    ..pending
                });
            }
        }
    }

    fn flush_whole(&self, state: &mut State) {
        if let Some(pending) = state.pending.take() {
            self.emit_output(pending.stream, &pending.bytes);
        }
    }

    fn emit_output(&self, stream: Stream, bytes: &[u8]) {
        if !self.emitter.is_heard() {
            return;
        }
        for piece in pieces(bytes, text::MOST_IN_EVENT) {
            let plain = String::from_utf8_lossy(piece);
            let shown = text::block(&plain);
            let base64 = (shown.as_bytes() != piece).then(|| STANDARD.encode(piece));
            let length = text::written(&shown) + base64.as_ref().map_or(0, String::len);
            if length > text::MOST_IN_EVENT {
                // Escaped it has up to nine times its length: smaller pieces then.
                pieces(piece, piece.len().div_ceil(10).max(4))
                    .for_each(|piece| self.emit_output(stream, piece));
                continue;
            }
            self.emitter.emit(|| EventKind::Output {
                stream: stream.into(),
                digest: None,
                base64,
                text: shown.into_owned(),
                bytes: piece.len() as u64,
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked left counts that are at most one behind.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").finish_non_exhaustive()
    }
}

/// A refusal as a host function words it.
#[derive(Debug)]
pub(crate) struct Refusal<'a> {
    pub(crate) code: Code,
    pub(crate) interface: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) target: &'a str,
    pub(crate) reason: String,
    pub(crate) hint: String,
}

/// The error by which a host function ends a guest that reached a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the guest reached its limit of {limit} ({})", .budget.as_str())]
pub(crate) struct Stop {
    pub(crate) budget: crate::types::Budget,
    pub(crate) used: u64,
    pub(crate) limit: u64,
}

/// How many of these bytes are whole characters: all but an unfinished one at the end.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        // `error_len` is `None` exactly where the end came too early.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => {
            // Something invalid lies before; look at the last three bytes alone.
            (1..=3)
                .filter_map(|back| bytes.len().checked_sub(back))
                .find(|&start| {
                    bytes.get(start..).is_some_and(|tail| {
                        std::str::from_utf8(tail)
                            .is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none())
                    })
                })
                .unwrap_or(bytes.len())
        }
    }
}

/// Cuts into pieces of at most `most` bytes, between characters where there are any.
fn pieces(bytes: &[u8], most: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let cut = most.min(rest.len());
        let head = rest.get(..cut).unwrap_or_default();
        let end = match whole_characters(head) {
            0 => cut,
            whole if cut < rest.len() => whole,
            _ => cut,
        };
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(piece)
    })
}

#[cfg(test)]
mod tests;
