//! Waits for standard input. (A7)
use std::io::Read;

fn main() {
    let mut byte = [0];
    while std::io::stdin().read(&mut byte).unwrap() > 0 {}
    println!("end of input");
}
