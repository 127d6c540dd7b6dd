use std::fmt::Write as _;

use engine::data::{Grant, Import};
use engine::{Descriptor, schema};
use serde_json::{Value, json};

use super::authority;

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
pub(crate) fn text(shape: &Descriptor, granted: &[Grant]) -> String {
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
    if let Some(manifest) = shape.manifest() {
        line(format_args!(
            "\nmanifest, in its author's words:\n  {} {}: {}",
            manifest.name,
            manifest.version,
            engine::data::line(&manifest.description, 400)
        ));
        for (position, function) in shape.functions().iter().enumerate() {
            let Some(about) = shape.about(position) else {
                continue;
            };
            let declared = about.declared();
            let mut marks = format!("effects: {}", declared.in_words());
            if declared.pure {
                marks.push_str(", pure");
            }
            if declared.idempotent {
                marks.push_str(", idempotent");
            }
            line(format_args!(
                "  {}  {}  {marks}",
                function.name,
                about.capability.as_deref().unwrap_or("-")
            ));
        }
        line(format_args!(
            "\n  {:<20} {:<6} {:<8} missing",
            "authority", "asked", "granted"
        ));
        let rows = authority::rows(shape, granted);
        if rows.is_empty() {
            line(format_args!("  none"));
        }
        for row in rows {
            let (what, asked, granted) = (row.what, row.asked, row.granted);
            let row = format!("  {what:<20} {asked:<6} {granted:<8} {}", row.missing);
            line(format_args!("{}", row.trim_end()));
        }
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
pub(crate) fn json(shape: &Descriptor, granted: &[Grant]) -> Value {
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
    let asked: Vec<Value> = authority::rows(shape, granted)
        .into_iter()
        .map(|row| {
            json!({
                "what": row.what,
                "asked": row.asked,
                "granted": row.granted,
                "missing": row.missing,
            })
        })
        .collect();
    json!({
        "name": shape.name(),
        "digest": shape.digest(),
        "size_bytes": shape.size(),
        "command": shape.is_command(),
        "functions": functions,
        "imports": imports,
        "authority": authority,
        "manifest": shape.manifest(),
        "asked": asked,
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
