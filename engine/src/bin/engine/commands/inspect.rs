use std::path::Path;
use std::process::ExitCode;

use engine::{Compiled, Engine, Fault};

use super::{load, report_failure};
use crate::args::{self, Output};
use crate::exit;
use crate::render::{self, Printer};

/// `engine inspect`.
pub(super) fn run(typed: args::Inspect, printer: &Printer) -> ExitCode {
    let args::Inspect { component, output } = typed;
    match (compile(&component), output) {
        (Ok(compiled), output) => {
            let shape = compiled.describe();
            let told = printer.data(&match output {
                Output::Text => render::inspect_text(shape),
                Output::Json => render::inspect_json(shape).to_string(),
            });
            exit::after(ExitCode::SUCCESS, told, printer)
        }
        (Err(fault), output) => {
            printer.fault(&fault);
            let told = match output {
                Output::Json => report_failure(&fault, printer),
                Output::Text => Ok(()),
            };
            exit::after(exit::failed(fault.status()), told, printer)
        }
    }
}

fn compile(path: &Path) -> Result<Compiled, Fault> {
    let source = load::source(path)?;
    Engine::builder().build()?.load_blocking(&source)
}
