use std::fmt::Write as _;

use engine::Descriptor;
use engine::data::line;
use serde_json::{Value, json};

/// What was built, for people.
pub(crate) fn text(file: &str, shape: &Descriptor) -> String {
    let mut text = String::new();
    let mut put = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    put(format_args!(
        "{file}  {} bytes  {}",
        shape.size().get(),
        shape.digest()
    ));
    put(format_args!("exports:"));
    for (position, function) in shape.functions().iter().enumerate() {
        put(format_args!("  {function}"));
        if let Some(about) = shape.about(position) {
            let declared = about.declared();
            let pure = if declared.pure { ", pure" } else { "" };
            put(format_args!(
                "    {}, effects: {}{pure}",
                about
                    .capability
                    .as_deref()
                    .unwrap_or("no capability's name"),
                declared.in_words()
            ));
        }
    }
    let asked = asked(shape);
    let asked = if asked.is_empty() {
        "nothing".to_owned()
    } else {
        asked.join(", ")
    };
    put(format_args!("asks for: {asked}"));
    text.truncate(text.trim_end().len());
    text
}

/// The authority that a manifest asks for, in words.
fn asked(shape: &Descriptor) -> Vec<String> {
    let Some(manifest) = shape.manifest() else {
        return Vec::new();
    };
    let asks = &manifest.asks;
    let files = asks.files.map(|rights| format!("files ({rights})"));
    let env = asks
        .env
        .iter()
        .map(|name| format!("the variable {}", line(name, 100)));
    let actions = asks
        .actions
        .iter()
        .map(|name| format!("calls of {}", line(name, 128)));
    files.into_iter().chain(env).chain(actions).collect()
}

/// A call that works, as a command: the first example that there is.
pub(crate) fn example(file: &str, shape: &Descriptor) -> Option<String> {
    let (function, example) =
        shape
            .functions()
            .iter()
            .enumerate()
            .find_map(|(position, function)| {
                let example = shape.about(position)?.examples.first()?;
                Some((function, example))
            })?;
    let args = example.args.to_string();
    let args = format!("'{}'", args.replace('\'', "'\\''"));
    Some(line(
        &format!("engine exec {file} {} {args}", function.name),
        600,
    ))
}

/// What was built, for programs.
pub(crate) fn json(file: &str, language: &str, tool: (&str, &str), shape: &Descriptor) -> Value {
    json!({
        "status": "ok",
        "file": file,
        "language": language,
        "built_with": { "name": tool.0, "version": tool.1 },
        "component": super::inspect_json(shape, &[]),
    })
}
