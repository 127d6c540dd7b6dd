//! Sleeps for a nanosecond, over and over. (A9)
fn main() {
    loop {
        wasip2::clocks::monotonic_clock::subscribe_duration(1).block();
    }
}
