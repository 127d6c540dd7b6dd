//! Sleeps for as long as there is time. (A6)
fn main() {
    wasip2::clocks::monotonic_clock::subscribe_duration(u64::MAX).block();
}
