//! Asks for the time over and over. (A9)
fn main() {
    let mut sum = 0u64;
    for _ in 0..100_000_000 {
        sum = sum.wrapping_add(wasip2::clocks::monotonic_clock::now());
    }
    println!("{sum}");
}
