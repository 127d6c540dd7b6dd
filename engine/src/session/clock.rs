use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::types::{Clock, Timestamp};

/// The machine's own clocks: what an engine reads time from unless it is given something else.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// Begins to count now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where real time comes in"
    )]
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn timestamp(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn thread_cpu(&self) -> Duration {
        now(ClockId::ThreadCPUTime)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the kernel's own name of this boot"
    )]
    fn boot(&self) -> Option<(String, Duration)> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some((id.trim().to_owned(), now(ClockId::Boottime)))
    }
}

fn now(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or(0),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}
