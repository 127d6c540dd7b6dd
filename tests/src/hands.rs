use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::Clock;
use engine::data::{SystemClock, Timestamp};

/// A clock that tests set: the calendar and the time since boot, each on its own.
#[derive(Debug)]
pub struct Hands {
    /// The calendar, in seconds.
    pub seconds: AtomicU64,
    /// Seconds since boot.
    pub since_boot: AtomicU64,
    /// How often the machine was started.
    pub boots: AtomicU64,
    /// Seconds that were let pass.
    passed: AtomicU64,
}

impl Hands {
    /// Starts somewhere.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            seconds: AtomicU64::new(1_000_000),
            since_boot: AtomicU64::new(50),
            boots: AtomicU64::new(1),
            passed: AtomicU64::new(0),
        })
    }

    /// Lets time pass on all of them.
    pub fn pass(&self, seconds: u64) {
        self.passed.fetch_add(seconds, Ordering::Relaxed);
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
        self.since_boot.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn timestamp(&self) -> Timestamp {
        let seconds = i64::try_from(self.seconds.load(Ordering::Relaxed)).unwrap();
        Timestamp::from_second(seconds).unwrap()
    }

    fn elapsed(&self) -> Duration {
        // Real beside what was let pass, so that deadlines are met.
        static REAL: std::sync::LazyLock<SystemClock> = std::sync::LazyLock::new(SystemClock::new);
        REAL.elapsed() + Duration::from_secs(self.passed.load(Ordering::Relaxed))
    }

    fn thread_cpu(&self) -> Duration {
        Duration::ZERO
    }

    fn boot(&self) -> Option<(String, Duration)> {
        let since = self.since_boot.load(Ordering::Relaxed);
        let boot = format!("boot {}", self.boots.load(Ordering::Relaxed));
        Some((boot, Duration::from_secs(since)))
    }
}
