//! What `engine exec` takes.

use std::path::PathBuf;

use clap::Args;

use super::guard::Guarding;
use super::{EventsFormat, Output};

/// Run one component once, in a fresh instance
///
/// With FUNCTION, calls an exported function with JSON and prints its result as JSON. Without it, runs the
/// component as a command: its arguments come after `--`, and its streams are passed through.
#[derive(Debug, Args)]
#[command(after_help = EXEC_EXAMPLES)]
pub(crate) struct Exec {
    /// The component: a `.wasm` file, WebAssembly text, or the full name of a configured capability such as
    /// `fs.read.v1`, which takes no FUNCTION
    pub(crate) component: PathBuf,
    /// The function: `func`, `iface.func`, `iface#func` or `ns:pkg/iface@1.2.3#func`
    pub(crate) function: Option<String>,
    /// The arguments: a JSON object by parameter name or a JSON array by position; `-` reads standard
    /// input, `@FILE` reads a file
    pub(crate) args: Option<String>,
    /// Arguments of a command
    #[arg(last = true, value_name = "GUEST-ARGS")]
    pub(crate) guest_args: Vec<String>,

    /// Read arguments from standard input, one JSON object or array a line, and call the function with each
    ///
    /// The calls come one after another, each in a fresh instance and with limits of its own. Standard output has one outcome
    /// document for each line, in the same order and as soon as it is there; with `--output text` it has the bare result, and an
    /// empty line where there is none. Blank lines are skipped; a line that is not JSON has the status `invalid`, and the next
    /// one is read. The exit code is that of the first call that did not end `ok`.
    #[arg(long)]
    pub(crate) each: bool,
    /// What standard output holds: the bare result, or the outcome document [default: text; json with --each]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Output>,
    /// Write events to a file, which is replaced, or to standard error with `-`
    ///
    /// With `-`, what the guest writes to standard error comes as events alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) events: Option<String>,
    /// How events are written
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "jsonl",
        requires = "events"
    )]
    pub(crate) events_format: EventsFormat,
    /// Append the run's events to a journal, which is made if there is none
    ///
    /// The guest starts once its call is durable, and its result is printed once its end is.
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Write the files that the guest hands over, besides its result, into a new or empty directory
    #[arg(long, value_name = "DIR")]
    pub(crate) artifacts: Option<PathBuf>,

    /// Give the same output on every machine: clocks that only the guest moves, random numbers from a fixed seed, one NaN
    ///
    /// The wall clock begins at 2026-01-01T00:00:00Z, and each look moves it by a millisecond; waiting takes no time. Files
    /// all have one time, and directories are listed by name. Never for keys: the random numbers are no secret.
    #[arg(long)]
    pub(crate) deterministic: bool,

    #[command(flatten, next_help_heading = "Limits")]
    pub(crate) limits: Limits,
    #[command(flatten, next_help_heading = "Grants")]
    pub(crate) grants: Grants,
    #[command(flatten, next_help_heading = "Policy")]
    pub(crate) guarding: Guarding,
    /// The token of an approval, which lets exactly the call that was approved run once
    #[arg(long, value_name = "TOKEN", help_heading = "Policy")]
    pub(crate) approval: Option<String>,
}

impl Exec {
    /// What standard output holds: what was said, or what is usual.
    pub(crate) fn output(&self) -> Output {
        let usual = if self.each {
            Output::Json
        } else {
            Output::Text
        };
        self.output.unwrap_or(usual)
    }
}

const EXEC_EXAMPLES: &str = "\
Examples:
  engine exec text.wasm count-words '{\"text\": \"to be or not to be\"}'
  engine exec text.wasm count-words @args.json --output json
  engine exec fs.wasm list '[\"docs\"]' --dir docs
  engine exec fs.read.v1 '{\"path\": \"docs/a.md\"}' --dir docs
  engine exec tool.wasm --dir ./work::/work:rw --env LANG -- --verbose input.txt
  jq -c '{text: .body}' posts.jsonl | engine exec text.wasm count-words --each | jq -c .value";

#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// Units of computation, or `unlimited` [default: 10000000000]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) fuel: Option<String>,
    /// Memory, summed over all memories and tables: a whole number with KiB, MiB or GiB [default: 128MiB]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(crate) memory: Option<String>,
    /// Real time from instantiation to the end of the call: a whole number with ms, s, m or h [default: 30s]
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true)]
    pub(crate) timeout: Option<String>,
    /// Output and result together, in bytes or as `--memory` [default: 1MiB; 1GiB for output that is passed straight through]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    pub(crate) max_output: Option<String>,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Grants {
    /// A directory the guest may read, or with `:rw` also write
    #[arg(long, value_name = "HOST[::GUEST][:ro|rw]")]
    pub(crate) dir: Vec<String>,
    /// An environment variable; without a value, this process's own
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(crate) env: Vec<String>,
    /// An action of another capability that the guest may call, such as `text.search.v1`; each call passes the guard
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_action: Vec<String>,
}
