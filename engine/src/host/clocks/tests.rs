use std::future::Future;
use std::pin::pin;
use std::task::Waker;

use super::*;

const S: u64 = SECOND;

/// Polls until nothing is pending any more, as `wasi:io/poll` does: all in each round, and it ends with those that
/// are ready in one.
fn poll(timers: &mut [Timer]) -> Vec<usize> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut futures: Vec<_> = timers.iter_mut().map(|timer| timer.ready()).collect();
    for _ in 0..3 {
        let ready: Vec<usize> = futures
            .iter_mut()
            .enumerate()
            .filter_map(|(at, future)| future.as_mut().poll(&mut cx).is_ready().then_some(at))
            .collect();
        if !ready.is_empty() {
            return ready;
        }
    }
    panic!("nothing got ready in three rounds");
}

fn timers(clock: &Arc<FixedClock>, due: &[u64]) -> Vec<Timer> {
    due.iter()
        .map(|due| Timer {
            clock: clock.clone(),
            due: *due,
        })
        .collect()
}

#[test]
fn each_look_moves_the_clock_by_a_millisecond() {
    let clock = FixedClock::default();
    assert_eq!(
        [clock.read(), clock.read(), clock.read()],
        [0, STEP, 2 * STEP]
    );
    assert_eq!(clock.after(S), 3 * STEP + S, "this look does not count");
    assert_eq!(clock.read(), 3 * STEP);
}

#[test]
fn whoever_waits_moves_the_clock_to_the_end_of_the_wait() {
    let clock = Arc::new(FixedClock::default());
    assert_eq!(poll(&mut timers(&clock, &[3600 * S])), [0]);
    assert_eq!(clock.read(), 3600 * S);
    // It is over, so nothing moves.
    assert_eq!(poll(&mut timers(&clock, &[S])), [0]);
    assert_eq!(clock.read(), 3600 * S + 2 * STEP);
}

#[test]
fn of_several_timers_the_earliest_is_the_one_that_wakes() {
    let clock = Arc::new(FixedClock::default());
    let mut all = timers(&clock, &[10 * S, 5 * S, 7 * S, 5 * S]);
    assert_eq!(poll(&mut all), [1, 3]);
    assert_eq!(clock.after(0), 5 * S);
    // Nobody waits any more, so what is left is the earliest now.
    assert_eq!(poll(&mut all[2..3]), [0]);
    assert_eq!(poll(&mut all[..1]), [0]);
    assert_eq!(clock.after(0), 10 * S);
    assert!(clock.lock().awaited.is_empty());
}

#[test]
fn who_only_asks_comes_to_the_time_as_well() {
    let clock = Arc::new(FixedClock::default());
    let mut timer = timers(&clock, &[10 * STEP]).remove(0);
    let mut cx = Context::from_waker(Waker::noop());
    let asked = (1..)
        .find(|_| pin!(timer.ready()).poll(&mut cx).is_ready())
        .unwrap();
    assert_eq!(asked, 10);
}

#[test]
fn a_wait_for_ever_ends_and_the_clock_stays_there() {
    let clock = Arc::new(FixedClock::default());
    assert_eq!(poll(&mut timers(&clock, &[u64::MAX])), [0]);
    assert_eq!([clock.read(), clock.read()], [u64::MAX, u64::MAX]);
    assert_eq!(clock.after(1), u64::MAX);
}

#[test]
fn the_start_is_the_first_of_january_2026() {
    let start = jiff::Timestamp::from_second(i64::try_from(START).unwrap()).unwrap();
    assert_eq!(start.to_string(), "2026-01-01T00:00:00Z");
}
