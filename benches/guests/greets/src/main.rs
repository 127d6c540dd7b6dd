//! The smallest program that somebody would run.

fn main() {
    println!("hello");
}
