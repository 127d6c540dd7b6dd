use std::path::Path;

use engine::{Fault, Source};

/// Reads a component; WebAssembly text is converted here, because the library takes components only.
pub(super) fn source(path: &Path) -> Result<Source, Fault> {
    let source = Source::file(path)?;
    if !is_text(source.as_bytes()) {
        return Ok(source);
    }
    let name = source.name().to_owned();
    let bytes = wat::parse_bytes(source.as_bytes()).map_err(|error| {
        Fault::malformed(&name, engine::data::line(&placed(&error.to_string()), 600))
            .hint("it was read as WebAssembly text")
    })?;
    Source::bytes(&name, bytes.into_owned())
}

/// The parser's message on one line: what is wrong, and where.
fn placed(message: &str) -> String {
    let what = message.lines().next().unwrap_or_default();
    let place = message
        .lines()
        .find_map(|line| line.trim().strip_prefix("--> <anon>:")?.split_once(':'));
    match place {
        Some((line, column)) => format!("{what} at line {line}, column {column}"),
        None => what.to_owned(),
    }
}

/// Whether bytes begin like WebAssembly text: with a parenthesis or a comment.
fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    start.starts_with(b"(") || start.starts_with(b";;")
}
