/// A place where the tests of crashes end the process: the one that `ENGINE_TEST_CRASH_AT` names, when it is
/// passed for the time that `ENGINE_TEST_CRASH_AFTER` says.
#[cfg(test)]
pub(crate) fn named_point(name: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    if std::env::var("ENGINE_TEST_CRASH_AT").as_deref() != Ok(name) {
        return;
    }
    let after = std::env::var("ENGINE_TEST_CRASH_AFTER").map_or(0, |n| n.parse().unwrap());
    if PASSED.fetch_add(1, Ordering::Relaxed) == after {
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
    }
}

#[cfg(not(test))]
pub(crate) fn named_point(_name: &str) {}
