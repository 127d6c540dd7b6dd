use std::process::ExitCode;

use engine::Fault;
use serde_json::json;

use super::finish;
use crate::args::{self, Output};
use crate::project::{Name, Scaffold, make};
use crate::render::Printer;

/// `engine new`.
pub(super) fn run(typed: args::New, printer: &Printer) -> ExitCode {
    let json = typed.output == Output::Json;
    finish(made(typed, printer), json, printer)
}

fn made(typed: args::New, printer: &Printer) -> Result<(), Fault> {
    let args::New { name, lang, output } = typed;
    let name = Name::parse(&name)?;
    let Scaffold { directory, files } = make(&name, lang)?;
    let directory = directory.to_string_lossy();
    let next = [
        format!("cd {directory}"),
        "engine build".to_owned(),
        format!(
            "engine exec target/{}.wasm greet '{{\"name\": \"Ada\"}}'",
            name.as_str()
        ),
        "engine test".to_owned(),
    ];
    match output {
        Output::Json => {
            let document = json!({
                "status": "ok",
                "name": name.as_str(),
                "language": lang.as_str(),
                "directory": directory,
                "files": files,
                "next": next,
            });
            printer.data(&document.to_string())
        }
        Output::Text => {
            let own = files.iter().filter(|file| !file.starts_with("vendor/"));
            let mut lines: Vec<String> = own.map(|file| format!("{directory}/{file}")).collect();
            if files.len() > lines.len() {
                lines.push(format!("{directory}/vendor/"));
            }
            printer.data(&lines.join("\n"))?;
            printer.note(&format!("\nnext:\n  {}\n", next.join("\n  ")));
            Ok(())
        }
    }
}
