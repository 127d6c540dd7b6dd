//! The `engine` command line: what was typed, what was decided, what is done, what is shown.

mod args;
mod cases;
mod commands;
mod config;
mod desk;
mod exit;
mod lines;
mod plan_text;
mod project;
mod render;
mod settings;
mod streams;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use engine::data::Compiler;
use engine::{Fault, Status};

fn main() -> ExitCode {
    // Another process of this program waits for code, and for nothing that people see.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == Compiler::WORD)
    {
        return Compiler::serve();
    }
    let printer = render::Printer::new();
    match args::parse() {
        Ok(args) => {
            let answer = args.answer();
            // The panic has printed its own message by then.
            catch_unwind(AssertUnwindSafe(|| commands::run(args, &printer))).unwrap_or_else(|_| {
                let fault = Fault::system("the engine itself").hint("please report this");
                let told = match answer {
                    args::Answer::Text => Ok(()),
                    args::Answer::Outcome => commands::report_early("", fault, &printer),
                    args::Answer::Document => commands::report_failure(&fault, &printer),
                };
                exit::after(exit::failed(Status::Internal), told, &printer)
            })
        }
        Err(refused) => commands::refused(&refused, &printer),
    }
}
