//! Holds a million pollables. (B9)
fn main() {
    let held: Vec<_> = (0..1_000_000)
        .map(|_| wasip2::clocks::monotonic_clock::subscribe_duration(1 << 40))
        .collect();
    println!("{}", held.len());
}
