mod later;
mod loaded;
mod told;
mod values;

use serde_json::json;

use super::*;
use crate::exports::engine::script::javascript::{Exception, Level, Mistake};

fn run_all(
    source: &str,
    input: Option<&str>,
    modules: &[(&str, &str)],
) -> (Result<String, Problem>, Written) {
    let modules = modules.iter().map(|(name, source)| Module {
        name: (*name).to_owned(),
        source: (*source).to_owned(),
    });
    let (modules, source) = (modules.collect(), source.to_owned());
    let input = input.map(str::to_owned);
    // Without optimisation the parser and the machine need much more stack than the component has.
    let thread = std::thread::Builder::new().stack_size(256 << 20);
    let running = thread.spawn(move || run(&source, input.as_deref(), modules));
    running.unwrap().join().unwrap()
}

/// The result of a script that has one.
fn value(source: &str) -> Value {
    with(source, &[])
}

fn with(source: &str, modules: &[(&str, &str)]) -> Value {
    match run_all(source, None, modules).0 {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(problem) => panic!("{source}: {problem:?}"),
    }
}

fn problem(source: &str) -> Problem {
    run_all(source, None, &[]).0.unwrap_err()
}

/// The message of what a script throws.
fn thrown(source: &str) -> String {
    match problem(source) {
        Problem::Thrown(Exception { message, .. }) => message,
        other => panic!("{source}: {other:?}"),
    }
}

/// What a script wrote, as `level: text`.
fn written(source: &str) -> Vec<String> {
    let messages = run_all(source, None, &[]).1.messages;
    let level = |level| match level {
        Level::Debug => "debug",
        Level::Log => "log",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    messages
        .into_iter()
        .map(|message| format!("{}: {}", level(message.level), message.text))
        .collect()
}
