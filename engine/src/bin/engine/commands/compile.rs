use std::path::Path;
use std::process::ExitCode;

use engine::data::line;
use engine::{Bytes, Config, Fault};
use serde_json::json;

use super::build::write;
use super::{finish, load};
use crate::args::{self, Output};
use crate::config;
use crate::render::Printer;

/// `engine compile`.
pub(super) fn run(typed: args::Compile, global: &args::Global, printer: &Printer) -> ExitCode {
    let json = typed.output == Output::Json;
    finish(compiled(typed, global, printer), json, printer)
}

fn compiled(typed: args::Compile, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let args::Compile {
        component,
        out,
        deterministic,
        config,
        output,
    } = typed;
    let settled = config::load(config.as_deref(), global)?;
    let source = load::source(&component, settled.minisign_key.as_deref())?;
    // As `wasmtime compile` does it.
    let out = out.unwrap_or_else(|| {
        let name = component.file_name().unwrap_or(component.as_os_str());
        Path::new(name).with_extension("cwasm")
    });
    // What was compiled has the component in it, and is made anew in its own place.
    if !source.is_compiled() && same(&component, &out) {
        let shown = line(&out.to_string_lossy(), 256);
        return Err(Fault::usage(format!(
            "cannot write `{shown}`: it is the component itself"
        ))
        .hint("name another place with `-o FILE`"));
    }
    let mut config = Config::new();
    if deterministic {
        config = config.deterministic();
    }
    let engine = load::engine(global)?.config(config).build()?;
    let file = engine.compile_ahead(&source)?;
    write(&out, &file)?;
    let shown = line(&out.to_string_lossy(), 1000);
    let size = Bytes::of_len(file.len()).get();
    match output {
        Output::Json => printer.data(
            &json!({
                "file": shown,
                "bytes": size,
                "component": { "name": source.name(), "digest": source.digest() },
                "deterministic": deterministic,
            })
            .to_string(),
        ),
        Output::Text => {
            printer.note(&format!("compiled to {shown}, {size} bytes\n"));
            Ok(())
        }
    }
}

/// Whether two paths are of one file.
fn same(one: &Path, other: &Path) -> bool {
    let [one, other] = [one, other].map(std::fs::canonicalize);
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}
