use std::fmt::Write as _;

use engine::data::Import;
use engine::{Descriptor, schema};
use serde_json::{Value, json};

/// What a component may ask for, judging by its imports, and the flag that grants it.
const AUTHORITY: [(&str, &str, Option<&str>); 4] = [
    ("wasi:filesystem/", "files", Some("--dir")),
    (
        "wasi:cli/environment",
        "environment variables",
        Some("--env"),
    ),
    ("wasi:sockets/", "sockets", None),
    ("wasi:http/", "HTTP requests", None),
];

/// A component for people.
pub(crate) fn text(shape: &Descriptor) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(format_args!(
        "{}  {}  {} bytes",
        shape.name(),
        shape.digest(),
        shape.size().get()
    ));
    line(format_args!("\nfunctions:"));
    if shape.functions().is_empty() {
        line(format_args!("  none"));
    }
    let mut interface = None;
    for function in shape.functions() {
        if interface != Some(&function.interface) {
            interface = Some(&function.interface);
            if let Some(name) = &function.interface {
                line(format_args!("  {name}"));
            }
        }
        line(format_args!("    {function}"));
        let (parameters, result) = schema(function);
        line(format_args!("      parameters  {parameters}"));
        if !result.is_null() {
            line(format_args!("      result      {result}"));
        }
        if let Some(obstacle) = function.obstacle() {
            line(format_args!("      cannot be called with JSON: {obstacle}"));
        }
    }
    if shape.is_command() {
        line(format_args!(
            "  it is a command: `engine exec` without a function runs it"
        ));
    }
    line(format_args!("\nmay ask for:"));
    let asks: Vec<_> = asks(shape).collect();
    if asks.is_empty() {
        line(format_args!("  nothing"));
    }
    for (what, flag) in asks {
        match flag {
            Some(flag) => line(format_args!("  {what} (grant with `{flag}`)")),
            None => line(format_args!("  {what} (always refused)")),
        }
    }
    line(format_args!("\nimports:"));
    if shape.imports().is_empty() {
        line(format_args!("  none"));
    }
    for Import { name, provided, .. } in shape.imports() {
        let note = if *provided {
            ""
        } else {
            "  (not granted: to use it ends the call)"
        };
        line(format_args!("  {name}{note}"));
    }
    text.truncate(text.trim_end().len());
    text
}

/// A component for programs.
pub(crate) fn json(shape: &Descriptor) -> Value {
    let functions: Vec<Value> = shape
        .functions()
        .iter()
        .map(|function| {
            let (parameters, result) = schema(function);
            json!({
                "name": function.name,
                "interface": function.interface,
                "full_name": function.full_name(),
                "signature": function.to_string(),
                "parameters": parameters,
                "result": result,
                "obstacle": function.obstacle(),
            })
        })
        .collect();
    let imports: Vec<Value> = shape
        .imports()
        .iter()
        .map(
            |Import {
                 name,
                 functions,
                 provided,
             }| json!({ "name": name, "functions": functions, "provided": provided }),
        )
        .collect();
    let authority: Vec<Value> = asks(shape)
        .map(|(what, flag)| json!({ "what": what, "flag": flag }))
        .collect();
    json!({
        "name": shape.name(),
        "digest": shape.digest(),
        "size_bytes": shape.size(),
        "command": shape.is_command(),
        "functions": functions,
        "imports": imports,
        "authority": authority,
    })
}

fn asks(shape: &Descriptor) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    AUTHORITY
        .into_iter()
        .filter(|(prefix, ..)| {
            shape
                .imports()
                .iter()
                .any(|import| import.name.starts_with(prefix))
        })
        .map(|(_, what, flag)| (what, flag))
}
