use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::shell::{build_guests, build_release, ensure_guest_target, root, shown, target};
use crate::shipped::shipped;

/// `cargo xtask demo`: builds the engine and the shipped capabilities, and shows them.
pub(crate) fn run() -> anyhow::Result<()> {
    ensure_guest_target()?;
    show(&build_release()?)?;
    println!(
        "\nNext: `target/release/engine --help`, `engine inspect target/capabilities/text.wasm`, and the README."
    );
    Ok(())
}

/// Builds the shipped capabilities, and puts them where the demo and the README have them.
fn place() -> anyhow::Result<()> {
    let built = build_guests("capabilities")?;
    let place = target().join("capabilities");
    std::fs::create_dir_all(&place)?;
    for capability in shipped()? {
        let file = &capability.file;
        std::fs::copy(capability.component(&built), place.join(file))
            .with_context(|| format!("cannot place {file}"))?;
    }
    Ok(())
}

/// Shows what an engine does on real input; fails if it does something else.
pub(crate) fn show(engine: &Path) -> anyhow::Result<()> {
    place()?;
    let show = Show { engine };

    println!("\nA component is called with JSON, on a fresh instance, with every limit on:");
    show.exec(
        &[
            "text.wasm",
            "count-words",
            r#"{"text":"to be or not to be"}"#,
        ],
        None,
        0,
    )?;

    println!("\nThe same on real text, from standard input, with what it cost:");
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    let arguments = format!(
        "{{\"text\": {}, \"pattern\": \"[Ll]imits?\"}}",
        json_string(&readme)
    );
    show.exec(
        &["text.wasm", "search", "-", "--output", "json"],
        Some(&arguments),
        0,
    )?;

    println!("\nIt reaches no file until a directory is granted; then it reads there:");
    show.exec(
        &[
            "fs.wasm",
            "search",
            r#"["docs","[Dd]eterministic"]"#,
            "--dir",
            "docs",
        ],
        None,
        0,
    )?;

    println!("\nA way out of the granted directory is refused before the guest starts:");
    show.exec(
        &[
            "fs.wasm",
            "read",
            r#"{"path":"docs/../Cargo.toml"}"#,
            "--dir",
            "docs",
        ],
        None,
        3,
    )?;

    println!("\nA guest that never ends is stopped on time; this is what a listener hears:");
    show.exec(
        &[
            "tests/wat/loop.wat",
            "spin",
            "--fuel",
            "unlimited",
            "--timeout",
            "200ms",
            "--events",
            "-",
            "--events-format",
            "pretty",
        ],
        None,
        4,
    )
}

/// Runs `engine exec` in front of everybody.
struct Show<'a> {
    engine: &'a Path,
}

impl Show<'_> {
    fn exec(&self, words: &[&str], stdin: Option<&str>, exit: i32) -> anyhow::Result<()> {
        let mut command = Command::new(self.engine);
        command.arg("exec").current_dir(root());
        for word in words {
            match Path::new(word).extension() {
                Some(extension) if extension == "wasm" => {
                    let component = target().join("capabilities").join(word);
                    command.arg(component.strip_prefix(root()).unwrap_or(&component))
                }
                _ => command.arg(word),
            };
        }
        let source = if stdin.is_some() { "… | " } else { "" };
        println!("$ {source}{}", shown(&command));
        let mut child = command
            .stdin(if stdin.is_some() {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .spawn()
            .with_context(|| format!("cannot start {}", self.engine.display()))?;
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), stdin) {
            pipe.write_all(text.as_bytes())?;
        }
        let status = child.wait()?;
        println!("(exit code {})", status.code().unwrap_or(-1));
        ensure!(
            status.code() == Some(exit),
            "expected the exit code {exit}, found {status}"
        );
        Ok(())
    }
}

/// Text as a JSON string. This crate has no JSON library for one string.
fn json_string(text: &str) -> String {
    let mut json = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if c.is_control() => json.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => json.push(c),
        }
    }
    json.push('"');
    json
}
