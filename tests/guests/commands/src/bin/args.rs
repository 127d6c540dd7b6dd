//! Prints its arguments, its environment and its standard input, and exits with the code it is told.
use std::io::Read;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    println!("args {args:?}");
    let mut vars: Vec<_> = std::env::vars().collect();
    vars.sort();
    println!("env {vars:?}");
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).unwrap();
    println!("stdin {input:?}");
    eprintln!("to stderr");
    let code = args
        .iter()
        .find_map(|arg| arg.strip_prefix("exit="))
        .map_or(0, |code| code.parse().unwrap());
    if code > 0 {
        wasip2::cli::exit::exit_with_code(code);
    }
}
