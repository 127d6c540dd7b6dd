//! Runs JavaScript that nobody has to trust, with the engine Boa.
//!
//! What a script can change is inside its own realm: its result and its console are taken and kept on the side of Rust, so
//! that nothing it overwrites (`JSON.stringify`, `Array.prototype`) makes a result that is not JSON or a message that it
//! did not write.

mod console;
mod failure;
mod jobs;
mod json;
mod modules;
mod nesting;
mod realm;
mod require;
mod session;
mod show;

use exports::engine::script::javascript::{Failure, Guest, Module, Outcome};

guest_sdk::capability!(Script in "../../wit/script");

struct Script;

impl Guest for Script {
    fn run(
        source: String,
        input: Option<String>,
        modules: Option<Vec<Module>>,
    ) -> Result<Outcome, Failure> {
        let (ended, written) = session::run(&source, input.as_deref(), modules.unwrap_or_default());
        let console::Written { messages, dropped } = written;
        match ended {
            Ok(value) => Ok(Outcome {
                value,
                console: messages,
                dropped,
            }),
            Err(problem) => Err(Failure {
                problem,
                console: messages,
                dropped,
            }),
        }
    }
}
