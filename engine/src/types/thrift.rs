//! Patterns that are made when they are needed, and not before.

use std::sync::atomic::{AtomicU32, Ordering};

/// How often a process looks by hand.
const TIMES: u32 = 64;
/// The longest text that is looked at by hand, in bytes.
const LONGEST: usize = 4096;

/// Says where a pattern need not be made.
///
/// To make one takes as long as to start an instance, and a program that runs one call asks for a few short texts without
/// anything in them. One that asks again and again is better off with the pattern.
pub(crate) struct Thrift(AtomicU32);

impl Thrift {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether a text is known to be without a match, because `can_match` says so.
    pub(crate) fn is_without(&self, text: &str, can_match: impl FnOnce(&str) -> bool) -> bool {
        if text.len() > LONGEST || self.0.load(Ordering::Relaxed) >= TIMES {
            return false;
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        !can_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_asks_often_gets_the_pattern() {
        let thrift = Thrift::new();
        for _ in 0..TIMES {
            assert!(thrift.is_without("short", |_| false));
        }
        assert!(!thrift.is_without("short", |_| false));
    }

    #[test]
    fn what_can_match_is_looked_at_and_so_is_what_is_long() {
        let thrift = Thrift::new();
        assert!(!thrift.is_without("short", |_| true));
        assert!(!thrift.is_without(&"x".repeat(LONGEST + 1), |_| false));
    }
}
