//! Computes for about as many milliseconds as it is told.
fn main() {
    let millis: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let start = std::time::Instant::now();
    let mut n = 0u64;
    while start.elapsed().as_millis() < u128::from(millis) {
        for i in 0..100_000u64 {
            n = std::hint::black_box(n.wrapping_mul(31).wrapping_add(i));
        }
    }
}
