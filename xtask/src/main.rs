//! `cargo xtask demo | test | docs | ci | bench`: what is done to this project by a machine.
#![expect(
    clippy::print_stdout,
    reason = "these are programs that talk to people"
)]

mod bench;
mod ci;
mod demo;
mod docs;
mod shell;
mod shipped;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  demo   build the engine in release and the shipped capabilities, and run them on real input
  test   build what the tests need, and run them all
  docs   write the pages of the shipped capabilities; with `--check`, see whether they are up to date
  ci     test, then every check of the house style; what `.ci/run` does
  bench  measure, against bare wasmtime in the same run; `bench --help` says what

the demo and the tests add the target wasm32-wasip2 when it is missing, and the tests install nodejs, npm and
python3-venv with apt-get";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["demo"] => demo::run(),
        ["test"] => test::run(),
        ["docs"] => docs::write(),
        ["docs", "--check"] => docs::check(),
        ["ci"] => ci::run(),
        ["bench", rest @ ..] => bench::run(rest),
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
