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
}

impl Hands {
    /// Starts somewhere.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            seconds: AtomicU64::new(1_000_000),
            since_boot: AtomicU64::new(50),
        })
    }

    /// Lets time pass on both.
    pub fn pass(&self, seconds: u64) {
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
        // Real, so that guards are not late.
        static REAL: std::sync::LazyLock<SystemClock> = std::sync::LazyLock::new(SystemClock::new);
        REAL.elapsed()
    }

    fn thread_cpu(&self) -> Duration {
        Duration::ZERO
    }

    fn boot(&self) -> Option<(String, Duration)> {
        let since = self.since_boot.load(Ordering::Relaxed);
        Some(("this boot".to_owned(), Duration::from_secs(since)))
    }
}
