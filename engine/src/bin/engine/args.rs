//! What was typed, and nothing else.

mod authoring;
mod compile;
mod exec;
mod guard;
mod testing;
mod workflow;

pub(crate) use authoring::{Build, Lang, New};
pub(crate) use compile::Compile;
pub(crate) use exec::{Exec, Grants, Limits};
pub(crate) use guard::{
    Add, ApprovalsAnswer, ApprovalsCommand, ApprovalsLs, ApprovalsShow, Diff, Generalise, Guarding,
    LockCommand, PolicyCheck, PolicyCommand, PolicyExplain, PolicySchema, PolicySuggest,
};

pub(crate) use testing::Test;
pub(crate) use workflow::{
    Crew, PlanCheck, PlanCommand, Run, Telling, WorkflowAnswer, WorkflowCommand, WorkflowLs,
    WorkflowPause, WorkflowResume, WorkflowShow, WorkflowStop,
};

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   the guest returned an error; a command's own exit code is passed through
  2   bad usage, bad input, or a file that is not a component
  3   denied by the guard, or a grant is missing
  4   a limit was reached: fuel, memory, time, output
  5   the guest trapped
  6   a plan was rejected before it ran
  7   cancelled, or a workflow that did not reach its goal
  70  a fault of the engine itself";

/// Runs WebAssembly components that you do not trust, with every limit on and only the authority you grant.
#[derive(Debug, Parser)]
#[command(name = "engine", version, styles = STYLES, after_help = EXIT_CODES, max_term_width = 100)]
#[command(
    arg_required_else_help = true,
    subcommand_required = true,
    propagate_version = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

impl Cli {
    /// What standard output has to hold, whatever happens.
    pub(crate) fn answer(&self) -> Answer {
        match &self.command {
            Command::Exec(typed) if typed.output() == Output::Json => Answer::Outcome,
            Command::Inspect(typed) if typed.output == Output::Json => Answer::Document,
            Command::New(typed) if typed.output == Output::Json => Answer::Document,
            Command::Build(typed) if typed.output == Output::Json => Answer::Document,
            Command::Test(typed) if typed.output == Output::Json => Answer::Document,
            Command::Compile(typed) if typed.output == Output::Json => Answer::Document,
            Command::Events(EventsCommand::Verify(typed)) if typed.output == Output::Json => {
                Answer::Document
            }
            Command::Cache(
                CacheCommand::Ls(CacheLs { output }) | CacheCommand::Clear(CacheClear { output }),
            ) if *output == Output::Json => Answer::Document,
            Command::Diff(typed) if typed.output == Output::Json => Answer::Document,
            Command::Policy(PolicyCommand::Check(PolicyCheck { output, .. }))
            | Command::Policy(PolicyCommand::Suggest(PolicySuggest { output, .. }))
                if *output == Output::Json =>
            {
                Answer::Document
            }
            Command::Policy(PolicyCommand::Explain(typed)) if typed.output == Output::Json => {
                Answer::Document
            }
            Command::Approvals(
                ApprovalsCommand::Ls(ApprovalsLs { output, .. })
                | ApprovalsCommand::Show(ApprovalsShow { output, .. }),
            ) if *output == Output::Json => Answer::Document,
            Command::Run(typed) if typed.telling.output == Output::Json => Answer::Document,
            Command::Plan(PlanCommand::Check(typed)) if typed.output == Output::Json => {
                Answer::Document
            }
            Command::Workflow(
                WorkflowCommand::Ls(WorkflowLs { output, .. })
                | WorkflowCommand::Show(WorkflowShow { output, .. }),
            ) if *output == Output::Json => Answer::Document,
            Command::Workflow(WorkflowCommand::Resume(typed))
                if typed.telling.output == Output::Json =>
            {
                Answer::Document
            }
            Command::Workflow(WorkflowCommand::Stop(typed))
                if typed.telling.output == Output::Json =>
            {
                Answer::Document
            }
            Command::Run(_)
            | Command::Plan(_)
            | Command::Workflow(_)
            | Command::Exec(_)
            | Command::Inspect(_)
            | Command::New(_)
            | Command::Build(_)
            | Command::Test(_)
            | Command::Compile(_)
            | Command::Add(_)
            | Command::Lock(_)
            | Command::Diff(_)
            | Command::Policy(_)
            | Command::Approvals(_)
            | Command::Events(_)
            | Command::Cache(_)
            | Command::Completions(_)
            | Command::Man(_) => Answer::Text,
        }
    }
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Text, which may be missing.
    Text,
    /// The outcome document.
    Outcome,
    /// A JSON document of the command's own.
    Document,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where the engine keeps its state; no grant may touch it
    ///
    /// Default: `engine` in the data directory of the user, such as `~/.local/share/engine`.
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "ENGINE_HOME",
        help_heading = "Global options"
    )]
    pub(crate) home: Option<PathBuf>,
    /// Whether messages have colours
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Global options"
    )]
    pub(crate) color: Color,
}

/// When messages have colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Exec(Box<Exec>),
    Run(Box<Run>),
    #[command(subcommand)]
    Plan(PlanCommand),
    #[command(subcommand)]
    Workflow(WorkflowCommand),
    Inspect(Inspect),
    New(New),
    Build(Build),
    Test(Test),
    Compile(Compile),
    Add(Add),
    Lock(LockCommand),
    Diff(Diff),
    #[command(subcommand)]
    Policy(PolicyCommand),
    #[command(subcommand)]
    Approvals(ApprovalsCommand),
    #[command(subcommand)]
    Events(EventsCommand),
    #[command(subcommand)]
    Cache(CacheCommand),
    Completions(Completions),
    Man(Man),
}

/// Show what a component is: its functions with JSON schemas, its imports, what it asks for and is granted
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  engine inspect text.wasm\n  engine inspect fs.wasm --dir docs\n  engine inspect text.wasm --output json | jq '.functions[0].parameters'"
)]
pub(crate) struct Inspect {
    /// The component: a `.wasm` file, or WebAssembly text
    pub(crate) component: PathBuf,
    #[command(flatten)]
    pub(crate) grants: Grants,
    /// The operator's configuration, whose grants count where none are given here
    #[arg(long, value_name = "FILE", env = "ENGINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// Look after compiled code, which is kept so that a component is compiled once
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    Ls(CacheLs),
    Clear(CacheClear),
}

/// List what is kept, what was used last first
#[derive(Debug, Args)]
pub(crate) struct CacheLs {
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// Remove all that is kept
#[derive(Debug, Args)]
pub(crate) struct CacheClear {
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// Look at what happened: the journal of events
#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    Tail(EventsTail),
    Show(EventsShow),
    Verify(EventsVerify),
    Export(EventsExport),
    /// Print the JSON Schema of every kind of event
    Schema(EventsSchema),
}

/// Where a journal is.
#[derive(Debug, Args)]
pub(crate) struct InJournal {
    /// The journal [default: `journal.db` in the engine's home]
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
}

/// Which events are wanted.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Only events about this run
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
    /// Only events of this kind; may be repeated
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<String>,
    /// Only events since then: a time such as `2026-11-21T08:00:00Z`, or a duration such as `2h`
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

/// What `schema` takes.
#[derive(Debug, Args)]
pub(crate) struct EventsSchema {
    /// Taken, as by every `events` command; the schema is the same for all journals of this version
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

/// Print the newest events
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  engine events tail --follow\n  engine events tail --kind access_denied --since 1h --format jsonl"
)]
pub(crate) struct EventsTail {
    /// Go on with events as they come
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// How many of the newest events to begin with
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 20)]
    pub(crate) lines: u64,
    /// How events are printed
    #[arg(long, value_name = "FORMAT", default_value = "pretty")]
    pub(crate) format: EventsFormat,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    #[command(flatten)]
    pub(crate) place: InJournal,
}

/// Print one run as a timeline: what was decided, what it reached, what it used
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  engine events show 01a1fe84-1e56-77a5-b7a2-8809ea6f0be9")]
pub(crate) struct EventsShow {
    /// The run, or the start of its id
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) place: InJournal,
}

/// Check that nobody changed a journal, and name the first row that somebody did
///
/// Checks every row against its hash and the row before it, the numbers of every source, the signed
/// checkpoints, and the file itself. A tail that was cut off after the last checkpoint shows only against a
/// hash that was kept elsewhere: see `--head`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  engine events verify\n  engine events verify --from copy.db --head sha256:0123…"
)]
pub(crate) struct EventsVerify {
    /// A journal from elsewhere, such as a copy
    #[arg(long, value_name = "FILE", conflicts_with = "journal")]
    pub(crate) from: Option<PathBuf>,
    /// The hash that the newest event must have
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
    /// The public key whose signatures count [default: that of the engine's home, if it has one]
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) place: InJournal,
}

/// Print events in the form of another tool
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  engine events export --format csv > events.csv\n  engine events export --format cloudevents --since 24h"
)]
pub(crate) struct EventsExport {
    /// The form
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) format: ExportFormat,
    #[command(flatten)]
    pub(crate) wanted: Wanted,
    #[command(flatten)]
    pub(crate) place: InJournal,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The events as they are, one JSON object a line
    Jsonl,
    /// CloudEvents 1.0, one JSON object a line
    Cloudevents,
    /// Spans of OTLP, one JSON object a line for each run
    Otlp,
    /// Sums over the events, in the exposition format of Prometheus
    Prometheus,
    /// Comma-separated values, with a header
    Csv,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  engine completions bash > ~/.local/share/bash-completion/completions/engine"
)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Print the manual page of the program, or of one command
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  engine man exec | man -l -")]
pub(crate) struct Man {
    /// The command
    pub(crate) command: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum EventsFormat {
    /// One JSON object a line
    Jsonl,
    /// One readable line for each
    Pretty,
}

/// A command line that could not be understood, and whether it asked for JSON all the same.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: clap::Error,
    pub(crate) json: bool,
    /// The command that was meant.
    pub(crate) command: Option<String>,
    /// What was said about colours.
    pub(crate) color: Color,
}

/// `engine exec` and nothing else: to describe all commands takes a good part of what a short call does.
#[derive(Debug, Parser)]
#[command(name = "engine", disable_help_subcommand = true)]
struct Short {
    #[command(subcommand)]
    command: ShortCommand,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
enum ShortCommand {
    Exec(Box<Exec>),
}

pub(crate) fn parse() -> Result<Cli, Refused> {
    let typed: Vec<_> = std::env::args_os().collect();
    // Whatever it does not take, the whole one answers.
    if typed.get(1).is_some_and(|word| word == "exec")
        && let Ok(Short { command, global }) = Short::try_parse_from(&typed)
    {
        let ShortCommand::Exec(exec) = command;
        let command = Command::Exec(exec);
        return Ok(Cli { command, global });
    }
    Cli::try_parse_from(&typed).map_err(|error| Refused {
        json: match said(&typed, "--output") {
            Some(form) => form == "json",
            None => words(&typed).any(|word| word == "--each"),
        },
        command: command_of(&typed),
        color: match said(&typed, "--color") {
            Some("never") => Color::Never,
            Some("always") => Color::Always,
            _ => Color::Auto,
        },
        error,
    })
}

/// The command's own description, for completions and the manual.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// The value of an option in words that could not be understood as a whole.
fn said<'a>(typed: &'a [OsString], option: &str) -> Option<&'a str> {
    let joined = words(typed).find_map(|word| word.strip_prefix(option)?.strip_prefix('='));
    joined.or_else(|| {
        words(typed)
            .zip(words(typed).skip(1))
            .find_map(|(word, value)| (word == option).then_some(value))
    })
}

/// The words that are for the engine itself.
fn words(typed: &[OsString]) -> impl Iterator<Item = &str> {
    let words = typed.iter();
    let words = words.map(|word| word.to_str().unwrap_or_default());
    words.take_while(|word| *word != "--")
}

/// The first word that is a command.
fn command_of(typed: &[OsString]) -> Option<String> {
    let known = Cli::command();
    typed
        .iter()
        .skip(1)
        .filter_map(|word| word.to_str())
        .find(|word| known.find_subcommand(word).is_some())
        .map(str::to_owned)
}
