//! Asks for 4 GiB of random bytes at once. (B13)
fn main() {
    println!(
        "{}",
        wasip2::random::random::get_random_bytes(1 << 32).len()
    );
}
