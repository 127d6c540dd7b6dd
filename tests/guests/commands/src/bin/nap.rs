//! Sleeps for as many milliseconds as it is told.
fn main() {
    let millis: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(millis));
}
