//! The figures that the project aims at, measured against bare wasmtime in the same run.
//!
//! `cargo xtask bench` builds the guests and the engine, and runs this. See `benches/README.md`.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement stops at the first surprise"
)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it prints a table, and how far it has come"
)]

mod bare;
mod children;
mod instructions;
mod live;
mod report;
mod rows;
mod subject;
mod table;
mod timing;
mod whole;

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["table", groups @ ..] => print!("{}", table::text(&rows::measure(groups))),
        ["report", page, numbers] => report::write(page.as_ref(), numbers.as_ref()).unwrap(),
        ["instructions"] => instructions::names(),
        ["instructions", figure, rounds, cache] => {
            instructions::work(figure, rounds, cache.as_ref());
        }
        ["child", task] => children::answer(task),
        // Also what `cargo test --all-targets` runs: there is nothing to test here.
        _ => println!("`cargo xtask bench` runs this; see benches/README.md"),
    }
}
