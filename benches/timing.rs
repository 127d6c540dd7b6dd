//! Times of things that take turns.

use std::time::{Duration, Instant};

use serde::Serialize;

/// The times that one thing took, sorted.
#[derive(Clone, Debug)]
pub(crate) struct Times(Vec<Duration>);

/// What is told of them, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) median_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) count: usize,
}

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self(times)
    }

    /// In per cent of the way from the shortest to the longest.
    fn at(&self, percent: usize) -> Duration {
        let place = self.0.len().saturating_sub(1) * percent / 100;
        self.0.get(place).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        self.at(50)
    }

    pub(crate) fn spread(&self) -> Spread {
        Spread {
            median_us: self.at(50).as_secs_f64() * 1e6,
            p99_us: self.at(99).as_secs_f64() * 1e6,
            count: self.0.len(),
        }
    }

    /// How many times as long as the other, by their medians.
    pub(crate) fn over(&self, other: &Times) -> f64 {
        self.median().as_secs_f64() / other.median().as_secs_f64().max(1e-12)
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Spread {
            median_us, p99_us, ..
        } = self.spread();
        write!(f, "{} (p99 {})", micros(median_us), micros(p99_us))
    }
}

/// A time as people read it.
pub(crate) fn micros(us: f64) -> String {
    if us < 10.0 {
        format!("{us:.2} µs")
    } else if us < 1_000.0 {
        format!("{us:.1} µs")
    } else if us < 1e6 {
        format!("{:.2} ms", us / 1e3)
    } else {
        format!("{:.2} s", us / 1e6)
    }
}

/// How long it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

/// Lets some things take turns, so that a machine that gets slower does so for all of them. The first tenth warms up, and
/// does not count.
pub(crate) fn turns<const N: usize>(
    rounds: usize,
    mut contenders: [&mut dyn FnMut(); N],
) -> [Times; N] {
    let mut times = [(); N].map(|()| Vec::with_capacity(rounds));
    for round in 0..rounds + rounds.div_ceil(10) {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            let (took, ()) = timed(contender);
            if round >= rounds.div_ceil(10) {
                times.push(took);
            }
        }
    }
    times.map(Times::new)
}
