//! Tools of others: running them, and telling what is missing.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::process::{Command, Stdio};

use engine::Fault;
use engine::data::line;

/// What a tool said, and whether it succeeded.
#[derive(Debug)]
pub(super) struct Spoke {
    pub(super) success: bool,
    pub(super) out: String,
    pub(super) err: String,
}

impl Spoke {
    /// Both of its streams, as one text.
    pub(super) fn all(&self) -> String {
        [self.out.trim_end(), self.err.trim_end()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Runs a tool to its end; `None` if there is none of this name.
///
/// `hear` gets each line of its standard error as it comes.
///
/// # Errors
///
/// A fault with the code `E-MISSING-TOOL` if it is there and cannot be started.
pub(super) fn run(
    command: &mut Command,
    mut hear: impl FnMut(&str),
) -> Result<Option<Spoke>, Fault> {
    let program = program(command);
    let failed = |error: std::io::Error| {
        Fault::missing_tool(format!("`{program}` cannot be run")).caused_by(error)
    };
    let started = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let stdout = child.stdout.take();
    let out = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.map_or(Ok(0), |mut out| out.read_to_end(&mut bytes));
        read.map(|_| String::from_utf8_lossy(&bytes).into_owned())
    });
    let mut err = String::new();
    if let Some(stderr) = child.stderr.take() {
        let mut lines = BufReader::new(stderr);
        let mut bytes = Vec::new();
        while lines.read_until(b'\n', &mut bytes).map_err(failed)? > 0 {
            let text = String::from_utf8_lossy(&bytes);
            hear(text.trim_end());
            err.push_str(&text);
            bytes.clear();
        }
    }
    let ended = child.wait().map_err(failed)?;
    let out = out
        .join()
        .map_err(|_| Fault::system("reading what a tool says"))?
        .map_err(failed)?;
    Ok(Some(Spoke {
        success: ended.success(),
        out,
        err,
    }))
}

/// The version that a program says it has, which is the last word of the first line; `None` if there is no such program.
///
/// # Errors
///
/// A fault with the code `E-MISSING-TOOL` if it is there and says none.
pub(super) fn version(command: &mut Command) -> Result<Option<String>, Fault> {
    let Some(spoke) = run(command, |_| ())? else {
        return Ok(None);
    };
    let said = spoke.all();
    let first = said.lines().next().unwrap_or_default();
    if !spoke.success {
        return Err(Fault::missing_tool(format!(
            "`{}` does not work: {}",
            program(command),
            line(first, 400)
        )));
    }
    let words = first.split_whitespace();
    let number = words
        .map(|word| word.trim_start_matches('v'))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    Ok(Some(number.unwrap_or(first).to_owned()))
}

/// Whether a version such as `3.11.7` is at least that one.
pub(super) fn at_least(version: &str, wanted: (u64, u64)) -> bool {
    let mut numbers = version.split('.').map(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        part.get(..digits).and_then(|digits| digits.parse().ok())
    });
    let mut next = || numbers.next().flatten().unwrap_or(0_u64);
    (next(), next()) >= wanted
}

fn program(command: &Command) -> String {
    let path = command.get_program();
    let name = std::path::Path::new(path).file_name();
    line(&name.unwrap_or(OsStr::new("?")).to_string_lossy(), 128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_number() {
        for (version, enough) in [
            ("3.11.7", true),
            ("3.10", true),
            ("3.9.2", false),
            ("4", true),
            ("3.10rc1", true),
            ("x", false),
        ] {
            assert_eq!(at_least(version, (3, 10)), enough, "{version}");
        }
    }

    #[test]
    fn a_tool_is_heard_and_one_that_is_not_there_is_none() {
        let mut heard = Vec::new();
        let spoke = run(
            Command::new("sh").args(["-c", "echo out; echo one >&2; echo two >&2; exit 3"]),
            |line| heard.push(line.to_owned()),
        )
        .unwrap()
        .unwrap();
        assert_eq!(heard, ["one", "two"]);
        assert_eq!(
            (spoke.success, spoke.all().as_str()),
            (false, "out\none\ntwo")
        );
        assert!(
            run(&mut Command::new("no-such-program-here"), |_| ())
                .unwrap()
                .is_none()
        );
        let said = version(Command::new("sh").args(["-c", "echo tool v1.2.3 of today"]));
        assert_eq!(said.unwrap().as_deref(), Some("1.2.3"));
        let broken = version(Command::new("sh").args(["-c", "echo no >&2; exit 1"])).unwrap_err();
        assert_eq!(broken.to_string(), "`sh` does not work: no");
    }
}
