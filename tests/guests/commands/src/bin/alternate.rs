//! Writes single bytes to both streams in turn, half a million to each.
use std::io::Write;

fn main() {
    let (out, err) = (
        wasip2::cli::stdout::get_stdout(),
        wasip2::cli::stderr::get_stderr(),
    );
    for _ in 0..500_000 {
        out.blocking_write_and_flush(b"o").unwrap();
        err.blocking_write_and_flush(b"e").unwrap();
    }
    std::io::stdout().flush().unwrap();
}
