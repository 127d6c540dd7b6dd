use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;

use crate::build::{engine_binary, guests, repository};

/// One run of the real program: what is typed, and what comes out.
///
/// A case is a file in `tests/cli`. `[GUESTS]` and `[CWD]` in its words stand for the directory of the
/// built guests and for the case's own directory. What differs between machines is written as `[…]` in
/// the output. `BLESS=1` writes what came out into the file.
#[derive(Debug, Default)]
pub struct Case {
    /// What the case shows.
    pub about: String,
    /// The words after `engine`.
    pub args: Vec<String>,
    /// Standard input.
    pub stdin: Option<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Files that are there before, by their path in the case's directory.
    pub files: BTreeMap<String, String>,
    /// The exit code.
    pub exit: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Files that are there afterwards.
    pub leaves: BTreeMap<String, String>,
}

/// Runs the case in a file; the message says what differs.
///
/// # Errors
///
/// What came out, if it is not what the file says.
pub fn run_case(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).unwrap();
    let case = Case::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let came = case.run();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, came.to_toml()).unwrap();
        return Ok(());
    }
    let mut differs = String::new();
    let mut compare = |what: &str, wanted: &str, found: &str| {
        if wanted != found {
            let _ = writeln!(
                differs,
                "--- {what} wanted\n{wanted}\n--- {what} found\n{found}"
            );
        }
    };
    compare("exit code", &case.exit.to_string(), &came.exit.to_string());
    compare("standard output", &case.stdout, &came.stdout);
    compare("standard error", &case.stderr, &came.stderr);
    for (name, content) in &case.leaves {
        compare(
            name,
            content,
            came.leaves
                .get(name)
                .map_or("(no such file)", String::as_str),
        );
    }
    if differs.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} differs (BLESS=1 takes what was found)\n{differs}",
            path.display()
        ))
    }
}

impl Case {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let about = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .map(|line| line.trim_start_matches(['#', ' ']))
            .collect::<Vec<_>>()
            .join("\n");
        let mut table: toml::Table = text.parse()?;
        let mut string = |key: &str| match table.remove(key) {
            Some(toml::Value::String(text)) => Ok(Some(text)),
            None => Ok(None),
            Some(other) => anyhow::bail!("`{key}` is {}", other.type_str()),
        };
        let (stdin, stdout, stderr) = (string("stdin")?, string("stdout")?, string("stderr")?);
        let mut strings = |key: &str| -> anyhow::Result<BTreeMap<String, String>> {
            Ok(table
                .remove(key)
                .map(toml::Value::try_into)
                .transpose()?
                .unwrap_or_default())
        };
        let (env, files, leaves) = (strings("env")?, strings("files")?, strings("leaves")?);
        let args: Vec<String> = table
            .remove("args")
            .map(toml::Value::try_into)
            .transpose()?
            .unwrap_or_default();
        let exit = table
            .remove("exit")
            .map(toml::Value::try_into)
            .transpose()?
            .unwrap_or(0);
        anyhow::ensure!(
            table.is_empty(),
            "unknown keys: {}",
            table.keys().cloned().collect::<Vec<_>>().join(", ")
        );
        Ok(Self {
            about,
            args,
            stdin,
            env,
            files,
            exit,
            stdout: stdout.unwrap_or_default(),
            stderr: stderr.unwrap_or_default(),
            leaves,
        })
    }

    /// The same case with what came out.
    fn run(&self) -> Case {
        let dir = tempfile::tempdir().unwrap();
        let cwd = dir.path().canonicalize().unwrap();
        for (name, content) in &self.files {
            let path = cwd.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let place = |word: &String| {
            word.replace("[GUESTS]", &guests().to_string_lossy())
                .replace("[CWD]", &cwd.to_string_lossy())
        };
        let mut child = Command::new(engine_binary())
            .args(self.args.iter().map(place))
            .current_dir(&cwd)
            .env_clear()
            .env("ENGINE_HOME", cwd.join("engine-home"))
            .envs(self.env.iter().map(|(name, value)| (name, place(value))))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input closes the pipe; that is its right.
        child
            .stdin
            .take()
            .unwrap()
            .write_all(self.stdin.as_deref().unwrap_or_default().as_bytes())
            .ok();
        let output = child.wait_with_output().unwrap();
        let shown = |bytes: &[u8]| normal(&String::from_utf8_lossy(bytes), &cwd);
        Case {
            about: self.about.clone(),
            args: self.args.clone(),
            stdin: self.stdin.clone(),
            env: self.env.clone(),
            files: self.files.clone(),
            exit: output.status.code().unwrap_or(-1),
            stdout: shown(&output.stdout),
            stderr: shown(&output.stderr),
            leaves: self
                .leaves
                .keys()
                .filter_map(|name| {
                    Some((
                        name.clone(),
                        normal(&std::fs::read_to_string(cwd.join(name)).ok()?, &cwd),
                    ))
                })
                .collect(),
        }
    }

    fn to_toml(&self) -> String {
        let mut text: String = self
            .about
            .lines()
            .fold(String::new(), |text, line| format!("{text}# {line}\n"));
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let block = |text: &str| {
            if text.contains("'''") || text.chars().any(|c| c.is_control() && c != '\n') {
                quoted(text)
            } else {
                format!("'''\n{text}'''")
            }
        };
        let args: Vec<String> = self.args.iter().map(|arg| quoted(arg)).collect();
        let _ = writeln!(text, "args = [{}]", args.join(", "));
        if let Some(stdin) = &self.stdin {
            let _ = writeln!(text, "stdin = {}", quoted(stdin));
        }
        let _ = writeln!(text, "exit = {}", self.exit);
        let _ = writeln!(text, "stdout = {}", block(&self.stdout));
        let _ = writeln!(text, "stderr = {}", block(&self.stderr));
        for (name, table) in [
            ("env", &self.env),
            ("files", &self.files),
            ("leaves", &self.leaves),
        ] {
            if !table.is_empty() {
                let _ = writeln!(text, "\n[{name}]");
                for (key, value) in table {
                    let _ = writeln!(text, "{} = {}", quoted(key), block(value));
                }
            }
        }
        text
    }
}

/// Output without what differs from run to run and from machine to machine.
fn normal(text: &str, cwd: &Path) -> String {
    let mut text = text.to_owned();
    let places: [(PathBuf, &str); 3] = [
        (guests().to_owned(), "[GUESTS]"),
        (cwd.to_owned(), "[CWD]"),
        (repository().to_owned(), "[REPOSITORY]"),
    ];
    for (path, name) in places {
        text = text.replace(&*path.to_string_lossy(), name);
    }
    for (pattern, name) in [
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[ID]",
        ),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
        (r#""trace_id":"[0-9a-f]{32}""#, r#""trace_id":"[TRACE]""#),
        // What rustc builds differs by a few bytes with the length of the path that it is built in.
        (r"sha256:[0-9a-f]{64} \d+B", "sha256:[DIGEST] [N]B"),
        (r#""size":\d+,"imports""#, r#""size":[N],"imports""#),
        (r"sha256:[0-9a-f]{64}", "sha256:[DIGEST]"),
        (
            r#""(fuel|memory_peak_bytes|wall_ms|cpu_ms)":[0-9.]+,"(memory_peak_bytes|wall_ms|cpu_ms|stdout_bytes)"#,
            "\"$1\":[N],\"$2",
        ),
        (
            r#""(memory_peak_bytes|wall_ms|cpu_ms)":[0-9.]+,"(memory_peak_bytes|wall_ms|cpu_ms|stdout_bytes)"#,
            "\"$1\":[N],\"$2",
        ),
        (r"\d+ bytes\n", "[N] bytes\n"),
        (r"\bin \d[\d.]* m?s, fuel \d+", "in [TIME], fuel [N]"),
        (r#""(began_ms|ended_ms|at_ms|active_ms)":\d+"#, "\"$1\":[N]"),
        (
            r"(?m)fuel \d+, memory \S+, wall \S+$",
            "fuel [N], memory [N], wall [N]",
        ),
        // Where a frame of the standard library lies is not always known, and is not ours to test.
        (r"(?m)^ *at (\S+/)?library/\S+\.rs:\d+\n", ""),
        (
            r"(?m)^( *at )(\S+/)?([^/\s]+\.rs):\d+$",
            "$1[SOURCE]/$3:[N]",
        ),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, name)
            .into_owned();
    }
    text
}
