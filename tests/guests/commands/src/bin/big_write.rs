//! Hands 80 MiB to the host in one call. (B14)
fn main() {
    let bytes = vec![b'x'; 80 << 20];
    let stdout = wasip2::cli::stdout::get_stdout();
    println!("{:?}", stdout.write(&bytes));
}
