//! Writes 1 GiB in pieces of 4 KiB. (B17)
use std::io::Write;

fn main() {
    let piece = [b'x'; 4096];
    let mut out = std::io::stdout().lock();
    for _ in 0..(1 << 30) / piece.len() {
        out.write_all(&piece).unwrap();
    }
}
