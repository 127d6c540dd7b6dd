//! Clocks: those of the machine, or for a deterministic run one that only the guest moves.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use wasmtime::component::{HasData, Resource};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::clocks::WasiClocksCtxView;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::{self, Duration, Instant};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::{self, Datetime};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};

/// Where the wall clock of a deterministic run begins, 2026-01-01T00:00:00Z, in seconds since 1970.
const START: u64 = 1_767_225_600;
/// How far each look at the clock of a deterministic run moves it: a millisecond.
const STEP: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// The time that every file has in a deterministic run.
pub(super) const OF_FILES: Datetime = Datetime {
    seconds: START,
    nanoseconds: 0,
};

/// The clock of a deterministic run, behind both clocks that a guest has.
///
/// Each look at it moves it by a millisecond, and whoever waits for a time moves it there at once.
#[derive(Debug, Default)]
pub(super) struct FixedClock(Mutex<Moment>);

#[derive(Debug, Default)]
struct Moment {
    /// Nanoseconds since the start of the run.
    now: u64,
    /// How many times a wait moved it.
    leaps: u64,
    /// For what time how many timers are waited for right now.
    awaited: BTreeMap<u64, usize>,
}

impl FixedClock {
    /// Looks at it.
    fn read(&self) -> u64 {
        let mut moment = self.lock();
        let now = moment.now;
        moment.now = now.saturating_add(STEP);
        now
    }

    /// The time in so many nanoseconds, without a look that counts.
    fn after(&self, duration: u64) -> u64 {
        self.lock().now.saturating_add(duration)
    }

    fn lock(&self) -> MutexGuard<'_, Moment> {
        // Whoever panicked left a time, and any is as good as another.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time that a guest may wait for.
struct Timer {
    clock: Arc<FixedClock>,
    due: u64,
}

#[async_trait]
impl Pollable for Timer {
    /// Ends at once if it is time. Otherwise the earliest of all timers that are waited for moves the clock, once
    /// each of them is known; so whoever waits for several is woken by the first.
    async fn ready(&mut self) {
        // To ask is a look at the clock: a guest that does nothing else comes to its time.
        if self.clock.read() < self.due {
            let mut wait = Wait::new(&self.clock, self.due);
            poll_fn(|cx| wait.poll(cx)).await;
        }
    }
}

/// A timer while it is waited for.
struct Wait<'a> {
    clock: &'a FixedClock,
    due: u64,
    /// The leaps that there had been when it was last looked at; none before.
    leaps: Option<u64>,
}

impl<'a> Wait<'a> {
    fn new(clock: &'a FixedClock, due: u64) -> Self {
        *clock.lock().awaited.entry(due).or_default() += 1;
        Self {
            clock,
            due,
            leaps: None,
        }
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let mut moment = self.clock.lock();
        if moment.now >= self.due {
            return Poll::Ready(());
        }
        let first = moment.awaited.keys().next() == Some(&self.due);
        // The others that are waited for at the same time are all looked at before the second look at this one.
        let settled = self.leaps == Some(moment.leaps);
        if first && settled {
            moment.now = self.due;
            moment.leaps += 1;
            return Poll::Ready(());
        }
        if !settled {
            self.leaps = Some(moment.leaps);
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut moment = self.clock.lock();
        if let Some(waiting) = moment.awaited.get_mut(&self.due) {
            *waiting -= 1;
            if *waiting == 0 {
                moment.awaited.remove(&self.due);
            }
        }
    }
}

/// What the functions of `wasi:clocks` see of a store.
pub(super) struct Clocks<'a> {
    pub(super) machine: WasiClocksCtxView<'a>,
    /// The clock that is shown in the place of the machine's.
    pub(super) fixed: Option<&'a Arc<FixedClock>>,
}

pub(super) struct HasClocks;

impl HasData for HasClocks {
    type Data<'a> = Clocks<'a>;
}

impl Clocks<'_> {
    fn timer(
        &mut self,
        clock: Arc<FixedClock>,
        due: u64,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = self.machine.table.push(Timer { clock, due })?;
        subscribe(self.machine.table, timer)
    }
}

impl wall_clock::Host for Clocks<'_> {
    fn now(&mut self) -> wasmtime::Result<Datetime> {
        let Some(fixed) = self.fixed else {
            return wall_clock::Host::now(&mut self.machine);
        };
        let now = fixed.read();
        Ok(Datetime {
            seconds: START + now / SECOND,
            nanoseconds: u32::try_from(now % SECOND).unwrap_or_default(),
        })
    }

    fn resolution(&mut self) -> wasmtime::Result<Datetime> {
        match self.fixed {
            None => wall_clock::Host::resolution(&mut self.machine),
            Some(_) => Ok(Datetime {
                seconds: 0,
                nanoseconds: u32::try_from(STEP).unwrap_or_default(),
            }),
        }
    }
}

impl monotonic_clock::Host for Clocks<'_> {
    fn now(&mut self) -> wasmtime::Result<Instant> {
        match self.fixed {
            None => monotonic_clock::Host::now(&mut self.machine),
            Some(fixed) => Ok(fixed.read()),
        }
    }

    fn resolution(&mut self) -> wasmtime::Result<Duration> {
        match self.fixed {
            None => monotonic_clock::Host::resolution(&mut self.machine),
            Some(_) => Ok(STEP),
        }
    }

    fn subscribe_instant(&mut self, when: Instant) -> wasmtime::Result<Resource<DynPollable>> {
        match self.fixed.cloned() {
            None => self.machine.subscribe_instant(when),
            Some(fixed) => self.timer(fixed, when),
        }
    }

    fn subscribe_duration(
        &mut self,
        duration: Duration,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        match self.fixed.cloned() {
            None => self.machine.subscribe_duration(duration),
            Some(fixed) => {
                let due = fixed.after(duration);
                self.timer(fixed, due)
            }
        }
    }
}

#[cfg(test)]
mod tests;
