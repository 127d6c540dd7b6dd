//! How cases are shown that were run.

use std::fmt::Write as _;
use std::time::Duration;

use engine::Status;
use engine::data::{Denial, RunId, block, line};
use serde::Serialize;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

/// The most lines of a difference that are shown.
const MOST_LINES: usize = 200;
/// The most bytes of a text that is compared line by line.
const MOST_COMPARED: usize = 256 << 10;
/// Lines that are the same, around those that are not.
const AROUND: usize = 3;
/// The most refusals that are shown of one case.
const MOST_DENIALS: usize = 5;

/// What came of all cases.
#[derive(Debug, Default)]
pub(crate) struct Tested {
    pub(crate) reports: Vec<Report>,
    /// Cases that the filter left out.
    pub(crate) filtered: usize,
    /// Examples of functions that need grants.
    pub(crate) examples_left: usize,
    pub(crate) snapshots: Vec<Changed>,
    pub(crate) took: Duration,
}

impl Tested {
    pub(crate) fn failed(&self) -> usize {
        self.reports
            .iter()
            .filter(|report| !report.passed())
            .count()
    }
}

/// What came of one case.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) call: String,
    pub(crate) run: RunId,
    pub(crate) status: Status,
    pub(crate) wall: Duration,
    pub(crate) fuel: u64,
    pub(crate) mismatches: Vec<Mismatch>,
    pub(crate) denials: Vec<Denial>,
}

impl Report {
    fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }
}

/// Something that is not as it has to be.
#[derive(Debug, Serialize)]
pub(crate) struct Mismatch {
    pub(crate) what: &'static str,
    pub(crate) expected: String,
    pub(crate) found: String,
    pub(crate) hint: String,
}

impl Mismatch {
    pub(crate) fn told(what: &'static str, expected: String, found: String) -> Self {
        Self {
            what,
            expected,
            found,
            hint: String::new(),
        }
    }

    pub(crate) fn hint(mut self, hint: String) -> Self {
        self.hint = hint;
        self
    }
}

/// A snapshot that is not as it was, or that nobody uses.
#[derive(Debug, Serialize)]
pub(crate) struct Changed {
    pub(crate) file: String,
    pub(crate) change: Change,
}

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    New,
    Changed,
    Removed,
    /// It belongs to no case, and is still there.
    Unused,
}

/// One case: a line, and where it failed, why.
pub(crate) fn report(report: &Report) -> String {
    let verdict = if report.passed() { "ok    " } else { "FAILED" };
    let name = line(&report.name, 300);
    let mut text = format!("{verdict}  {name}  {}", millis(report.wall));
    if report.passed() {
        return text;
    }
    let call = line(&report.call, 200);
    // Writing to a string cannot fail.
    let _ = match report.line {
        0 => write!(text, "\n    an example of the manifest, `{call}`"),
        number => write!(text, "\n    {}:{number}, `{call}`", report.file),
    };
    for mismatch in &report.mismatches {
        text.push_str(&self::mismatch(mismatch));
    }
    for denial in report.denials.iter().take(MOST_DENIALS) {
        let _ = write!(
            text,
            "\n    refused: {} `{}`: {}",
            line(&denial.operation, 100),
            line(&denial.target, 256),
            line(&denial.reason, 256)
        );
    }
    text
}

fn mismatch(mismatch: &Mismatch) -> String {
    let Mismatch {
        what,
        expected,
        found,
        hint,
    } = mismatch;
    let lines = [expected, found].map(|text| text.lines().count());
    let short = lines.iter().all(|lines| *lines <= 1);
    let long = expected.len().max(found.len()) > MOST_COMPARED;
    let mut text = if short || long {
        format!(
            "\n    {what}\n      expected  {}\n      found     {}",
            line(expected, 2000),
            line(found, 2000)
        )
    } else {
        format!(
            "\n    {what}: `-` is expected, `+` was found{}",
            indented(&difference(expected, found))
        )
    };
    if !hint.is_empty() {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n    hint: {}", line(hint, 1000));
    }
    text
}

fn difference(expected: &str, found: &str) -> String {
    let diff = TextDiff::from_lines(expected, found);
    let mut text = String::new();
    for (number, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if number > 0 {
            text.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let mark = match change.tag() {
                ChangeTag::Delete => "- ",
                ChangeTag::Insert => "+ ",
                ChangeTag::Equal => "  ",
            };
            let _ = writeln!(text, "{mark}{}", change.value().trim_end_matches('\n'));
        }
    }
    text
}

/// Each line further to the right, and no more than can be read.
fn indented(text: &str) -> String {
    let shown = block(text.trim_end_matches('\n'));
    let mut lines = shown.lines();
    let mut indented = String::new();
    for one in lines.by_ref().take(MOST_LINES) {
        let _ = write!(indented, "\n      {}", line(one, 2000));
    }
    match lines.count() {
        0 => {}
        more => {
            let _ = write!(indented, "\n      … and {more} lines more");
        }
    }
    indented
}

/// What came of all of them.
pub(crate) fn tested(all: &Tested) -> String {
    let Tested {
        reports,
        filtered,
        examples_left,
        snapshots,
        took,
    } = all;
    let mut text = String::new();
    for Changed { file, change } in snapshots {
        let _ = match change {
            Change::New => writeln!(text, "new snapshot: {file}"),
            Change::Changed => writeln!(text, "changed snapshot: {file}"),
            Change::Removed => writeln!(text, "removed snapshot: {file}"),
            Change::Unused => writeln!(text, "unused snapshot: {file} (`--bless` removes it)"),
        };
    }
    let failed = all.failed();
    let _ = write!(text, "{} passed, {failed} failed", reports.len() - failed);
    if *filtered > 0 {
        let _ = write!(text, ", {filtered} left out by the filter");
    }
    if *examples_left > 0 {
        let examples = if *examples_left == 1 {
            "example needs"
        } else {
            "examples need"
        };
        let _ = write!(text, ", {examples_left} {examples} grants and were not run");
    }
    let _ = write!(text, ", in {}", millis(*took));
    text
}

/// The same as one document.
pub(crate) fn tested_json(all: &Tested) -> Value {
    let Tested {
        reports,
        filtered,
        examples_left,
        snapshots,
        took,
    } = all;
    let failed = all.failed();
    let cases: Vec<Value> = reports.iter().map(case_json).collect();
    json!({
        "status": if failed == 0 { "ok" } else { "error" },
        "passed": reports.len() - failed,
        "failed": failed,
        "filtered": filtered,
        "examples_left": examples_left,
        "wall_ms": ms(*took),
        "cases": cases,
        "snapshots": snapshots,
        "error": Value::Null,
    })
}

fn case_json(report: &Report) -> Value {
    let Report {
        name,
        file,
        line,
        call,
        run,
        status,
        wall,
        fuel,
        mismatches,
        denials,
    } = report;
    json!({
        "name": name,
        "passed": report.passed(),
        "file": (*line > 0).then_some(file),
        "line": (*line > 0).then_some(line),
        "call": call,
        "run": run,
        "status": status,
        "wall_ms": ms(*wall),
        "fuel": fuel,
        "mismatches": mismatches,
        "denials": denials,
    })
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// Milliseconds to the microsecond.
fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
