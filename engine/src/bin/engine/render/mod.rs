//! How things are shown. Standard output is data; all else goes to standard error.

mod answers;
mod approval;
mod authority;
mod built;
mod cases;
mod events;
mod fault;
mod inspect;
mod lines;
mod live;
mod notes;
mod paged;
mod plan;
mod progress;
mod spans;
mod summary;
mod timeline;
mod working;

pub(crate) use answers::{Answer, Answers};
pub(crate) use approval::{approval, granted};
pub(crate) use built::{example as built_example, json as built_json, text as built_text};
pub(crate) use cases::{Change, Changed, Mismatch, Report, Tested, report, tested, tested_json};
pub(crate) use events::{EventThread, EventWriter};
pub(crate) use inspect::{json as inspect_json, text as inspect_text};
pub(crate) use lines::pretty;
pub(crate) use live::{Board, Live, Screen};
pub(crate) use notes::{Notes, unguarded};
pub(crate) use paged::Paged;
pub(crate) use plan::{checked, placed};
pub(crate) use progress::Progress;
pub(crate) use spans::Spans;
pub(crate) use summary::{Listed, listed, listed_head, shown, summary, took, waiting};
pub(crate) use timeline::timeline;
pub(crate) use working::Working;

use std::io::{self, Write};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use engine::{Fault, FaultKind, Outcome};

use crate::args::Color;
use crate::streams::is_reader_gone;

/// What came of writing data: `false` if nobody reads any more, which is no failure of ours.
fn told(written: io::Result<()>) -> Result<bool, Fault> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if is_reader_gone(&error) => Ok(false),
        Err(error) => Err(Fault::system("writing standard output").caused_by(error)),
    }
}

/// What people are told of one call of many that did not end well, or was refused something.
pub(crate) fn not_ok(line: u64, outcome: &Outcome) -> String {
    let mut text = String::new();
    // A run that was refused as a whole tells its denials with its fault.
    if !matches!(outcome.fault().map(Fault::kind), Some(FaultKind::Denied(_))) {
        text.push_str(&fault::denials(outcome.denials()));
    }
    if let Some(fault) = outcome.fault() {
        text.push_str(&format!("line {line}: {}", fault::show(fault)));
    }
    text
}

/// The places to write to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer;

const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();

impl Printer {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Decides about colours for the rest of the process.
    pub(crate) fn color(&self, when: Color) {
        match when {
            // `NO_COLOR`, `CLICOLOR` and the terminal decide.
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
        .write_global();
    }

    /// Prints one line of data.
    ///
    /// # Errors
    ///
    /// A fault if it could not be written. A reader that has gone away wants nothing more, and that is
    /// no failure of ours.
    pub(crate) fn data(&self, line: &str) -> Result<(), Fault> {
        let mut stdout = io::stdout().lock();
        told(writeln!(stdout, "{line}").and_then(|()| stdout.flush())).map(drop)
    }

    /// Prints help, with colours where they are wanted.
    ///
    /// # Errors
    ///
    /// As for [`data`](Printer::data).
    pub(crate) fn data_styled(&self, help: clap::builder::StyledStr) -> Result<(), Fault> {
        let mut stdout = anstream::stdout().lock();
        told(write!(stdout, "{}", help.ansi()).and_then(|()| stdout.flush())).map(drop)
    }

    /// Prints for people.
    pub(crate) fn note(&self, text: &str) {
        write!(anstream::stderr().lock(), "{text}").ok();
    }

    /// Prints what went wrong, and what to try.
    pub(crate) fn fault(&self, fault: &Fault) {
        self.note(&fault::show(fault));
    }

    /// Prints what the guest was refused.
    pub(crate) fn denials(&self, outcome: &Outcome) {
        self.note(&fault::denials(outcome.denials()));
    }
}
