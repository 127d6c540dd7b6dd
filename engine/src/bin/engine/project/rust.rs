use std::path::{Path, PathBuf};
use std::process::Command;

use engine::Fault;
use engine::data::line;
use serde_json::Value;

use super::stamp::Tool;
use super::{Project, tool};

const TARGET: &str = "wasm32-wasip2";

/// Builds with cargo.
pub(super) fn build(project: &Project) -> Result<(Vec<u8>, Tool), Fault> {
    let version = cargo(project)?;
    target(project)?;
    let working = project.working(&format!("building with cargo {version} for {TARGET}"));
    let mut command = Command::new("cargo");
    command.current_dir(project.dir()).args([
        "build",
        "--release",
        "--target",
        TARGET,
        "--message-format",
        "json",
        "--color",
        "never",
    ]);
    if project.offline {
        command.arg("--offline");
    }
    let spoke = tool::run(&mut command, |line| working.say(line))?.ok_or_else(no_cargo)?;
    drop(working);

    let messages: Vec<Value> = spoke
        .out
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let own = project.dir().join("Cargo.toml");
    if !spoke.success {
        return Err(failed(project, &messages, &spoke.err));
    }
    // Warnings are the author's to see.
    for message in diagnostics(&messages, "warning") {
        if Path::new(text(message, "/manifest_path")) == own {
            project.show(text(message, "/message/rendered"));
        }
    }
    let file = messages
        .iter()
        .filter(|message| text(message, "/reason") == "compiler-artifact")
        .filter(|message| Path::new(text(message, "/manifest_path")) == own)
        .filter_map(|message| message.get("filenames")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .find(|file| file.ends_with(".wasm"))
        .map(PathBuf::from)
        .ok_or_else(|| {
            Fault::build("cargo made no component of this project")
                .hint("`Cargo.toml` needs `[lib]` with `crate-type = [\"cdylib\"]`")
        })?;
    let source = engine::Source::file(file)?;
    let tool = Tool {
        name: "cargo",
        version,
        language: None,
        leftover: None,
    };
    Ok((source.as_bytes().to_vec(), tool))
}

fn cargo(project: &Project) -> Result<String, Fault> {
    tool::version(
        Command::new("cargo")
            .arg("--version")
            .current_dir(project.dir()),
    )?
    .ok_or_else(no_cargo)
}

fn no_cargo() -> Fault {
    Fault::missing_tool("cargo is not there, and a capability in Rust is built with it")
        .hint("install Rust: `curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh`")
        .hint(format!("then add the target: `rustup target add {TARGET}`"))
}

/// Looks whether the toolchain of the project can build for WebAssembly.
fn target(project: &Project) -> Result<(), Fault> {
    let mut command = Command::new("rustc");
    command
        .args(["--print", "target-libdir", "--target", TARGET])
        .current_dir(project.dir());
    let spoke = tool::run(&mut command, |_| ())?.ok_or_else(no_cargo)?;
    if spoke.success && Path::new(spoke.out.trim()).is_dir() {
        return Ok(());
    }
    let fault = Fault::missing_tool(format!("the Rust toolchain has no target `{TARGET}`"));
    let rustup = tool::run(Command::new("rustup").arg("--version"), |_| ())?;
    Err(if rustup.is_some() {
        fault.hint(format!("add it: `rustup target add {TARGET}`"))
    } else {
        fault.hint(format!(
            "install the standard library for `{TARGET}` as the toolchain was installed, or get Rust from \
             https://rustup.rs and `rustup target add {TARGET}`"
        ))
    })
}

/// Shows what cargo says, and tells what matters of it.
fn failed(project: &Project, messages: &[Value], said: &str) -> Fault {
    let errors: Vec<&Value> = diagnostics(messages, "error").collect();
    if errors.is_empty() {
        project.show(said);
        return Fault::build("cargo could not build the project").hint("what it says stands above");
    }
    // What a trait lacks comes from the WIT.
    let is_lacking = |error: &Value| text(error, "/message/code/code") == "E0046";
    if let [error] = errors.as_slice()
        && is_lacking(error)
    {
        return lacking(error);
    }
    for error in &errors {
        project.show(text(error, "/message/rendered"));
    }
    let missing = errors.iter().find(|error| is_lacking(error));
    match missing {
        Some(error) => lacking(error),
        None => {
            let first = errors
                .first()
                .map_or("", |error| text(error, "/message/message"));
            let more = match errors.len() {
                1 => String::new(),
                many => format!(", and {} more errors", many.saturating_sub(1)),
            };
            let place = errors.first().and_then(|error| place(error));
            let place = place.map_or_else(String::new, |place| format!("{place}: "));
            Fault::build(format!(
                "the code does not compile: {place}{}{more}",
                line(first, 600)
            ))
            .hint("what the compiler says stands above")
        }
    }
}

/// A function that the WIT promises and the code does not have.
fn lacking(error: &Value) -> Fault {
    let place = place(error).unwrap_or_else(|| "the code".to_owned());
    let children = error.pointer("/message/children").and_then(Value::as_array);
    let write: Vec<String> = children
        .into_iter()
        .flatten()
        .filter_map(|child| text(child, "/message").strip_prefix("implement the missing item: "))
        .map(|item| line(item.trim_matches('`'), 300))
        .collect();
    let names: Vec<String> = write
        .iter()
        .filter_map(|item| item.strip_prefix("fn ")?.split_once('('))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    let fault = Fault::build(if names.is_empty() {
        format!("{place}: {}", line(text(error, "/message/message"), 300))
    } else {
        format!(
            "{place}: the implementation lacks {}, which the WIT promises",
            names.join(", ")
        )
    });
    write.iter().fold(fault, |fault, item| {
        fault.hint(format!("write in its `impl`: `{item}`"))
    })
}

/// The compiler's messages of one level.
fn diagnostics<'a>(messages: &'a [Value], level: &'a str) -> impl Iterator<Item = &'a Value> {
    messages
        .iter()
        .filter(|message| text(message, "/reason") == "compiler-message")
        .filter(move |message| text(message, "/message/level") == level)
        // "aborting due to …" is no message of its own.
        .filter(|message| {
            place(message).is_some() || !text(message, "/message/code/code").is_empty()
        })
}

/// The file and line that a message is about.
fn place(message: &Value) -> Option<String> {
    let spans = message.pointer("/message/spans")?.as_array()?;
    let span = spans
        .iter()
        .find(|span| span.get("is_primary").and_then(Value::as_bool) == Some(true))?;
    let file = span.get("file_name")?.as_str()?;
    let number = span.get("line_start")?.as_u64()?;
    Some(format!("{}:{number}", line(file, 256)))
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
