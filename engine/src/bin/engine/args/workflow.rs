//! What was typed about plans and workflows.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::{EventsFormat, Grants, Guarding, InJournal, Limits, Output};

/// What a plan may use, and within which bounds.
#[derive(Debug, Args)]
pub(crate) struct Crew {
    /// A component that the plan may use by its name, besides the configured capabilities; may be repeated
    ///
    /// A plan never names files: `text.wasm` is `text` in a plan.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Vec<PathBuf>,
    #[command(flatten, next_help_heading = "Limits of each call")]
    pub(crate) limits: Limits,
    #[command(flatten, next_help_heading = "Grants")]
    pub(crate) grants: Grants,
    #[command(flatten, next_help_heading = "Policy")]
    pub(crate) guarding: Guarding,
}

/// What is written while a workflow is driven.
#[derive(Debug, Args)]
pub(crate) struct Telling {
    /// What standard output holds at the end: a summary for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
    /// Write events to a file, which is replaced, or to standard error with `-`
    ///
    /// With `-`, no other progress is told.
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
}

/// Run a plan to its end
///
/// The whole plan is checked before anything runs. What happens is kept in the journal, so a run that was killed
/// goes on with `engine workflow resume`. The first interrupt stops the workflow and takes effects back where the
/// plan says how; the second ends the process, and leaves the workflow to be resumed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  engine run plan.toml --component text.wasm
  engine run plan.json --component fs.wasm --dir docs --input topic='\"wasm\"'
  engine run plan.toml --output json --journal runs.db

Exit codes: 0 completed, 6 the plan was rejected, 7 the workflow failed or was stopped.")]
pub(crate) struct Run {
    /// The plan: a file, TOML if its name ends in `.toml` and JSON otherwise; `-` reads JSON from standard input
    pub(crate) plan: String,
    /// A value for an input of the plan, as JSON; what is not JSON is taken as a text; may be repeated
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) input: Vec<String>,
    #[command(flatten)]
    pub(crate) telling: Telling,
    #[command(flatten)]
    pub(crate) place: InJournal,
    #[command(flatten)]
    pub(crate) crew: Crew,
}

/// Look at plans
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    Check(Box<PlanCheck>),
    /// Print the JSON Schema of plans
    Schema,
}

/// Check a whole plan: types, policies, budgets, data flow
///
/// Nothing runs. Exit code 6 if the plan would be rejected.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  engine plan check plan.toml --component fs.wasm --dir docs")]
pub(crate) struct PlanCheck {
    /// The plan, as for `engine run`
    pub(crate) plan: String,
    /// A value for an input of the plan, as for `engine run`; may be repeated
    #[arg(long, value_name = "NAME=JSON")]
    pub(crate) input: Vec<String>,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) crew: Crew,
}

/// Look at workflows and steer them, also those that another process drives
#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowCommand {
    Ls(WorkflowLs),
    Show(WorkflowShow),
    Pause(WorkflowPause),
    Resume(Box<WorkflowResume>),
    Stop(Box<WorkflowStop>),
    Answer(WorkflowAnswer),
}

/// List workflows, newest first
#[derive(Debug, Args)]
pub(crate) struct WorkflowLs {
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) place: InJournal,
}

/// Show one workflow: its steps, what they used, and what waits for an answer
#[derive(Debug, Args)]
pub(crate) struct WorkflowShow {
    /// The workflow, or the start of its id: at least 6 characters
    pub(crate) id: String,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) place: InJournal,
}

/// Pause a workflow: nothing new starts
#[derive(Debug, Args)]
pub(crate) struct WorkflowPause {
    /// The workflow, or the start of its id: at least 6 characters
    pub(crate) id: String,
    /// Interrupt what runs, too; otherwise it finishes
    #[arg(long)]
    pub(crate) interrupt: bool,
    #[command(flatten)]
    pub(crate) place: InJournal,
}

/// Go on with a workflow that is paused, or that nobody drives any more
///
/// A workflow that another process drives goes on there. One that nobody drives is taken up here: then this does
/// what `engine run` does, and takes the same options.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  engine workflow resume 019ab8c1-5f0e --component fs.wasm --dir docs"
)]
pub(crate) struct WorkflowResume {
    /// The workflow, or the start of its id: at least 6 characters
    pub(crate) id: String,
    /// Go on although the component of a step is another one than the plan was checked against
    #[arg(long)]
    pub(crate) accept_changes: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
    #[command(flatten)]
    pub(crate) place: InJournal,
    #[command(flatten)]
    pub(crate) crew: Crew,
}

/// Stop a workflow; effects are taken back where the plan says how
///
/// One that nobody drives is taken up here for that, with the options of `engine run`.
#[derive(Debug, Args)]
pub(crate) struct WorkflowStop {
    /// The workflow, or the start of its id: at least 6 characters
    pub(crate) id: String,
    /// End it at once, and take nothing back
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
    #[command(flatten)]
    pub(crate) place: InJournal,
    #[command(flatten)]
    pub(crate) crew: Crew,
}

/// Answer what a workflow waits for
///
/// `engine workflow show` prints what waits, with its token and the actions that answer it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  engine workflow answer 019ab8c1-5f0e 3f9a0c '{\"action\": \"continue\"}'
  engine workflow answer 019ab8c1-5f0e 77b01d '{\"action\": \"mark_done\", \"value\": 12}'")]
pub(crate) struct WorkflowAnswer {
    /// The workflow, or the start of its id: at least 6 characters
    pub(crate) id: String,
    /// The question, or the start of its token: at least 6 characters
    pub(crate) token: String,
    /// The answer: a JSON object with an `action`
    pub(crate) answer: String,
    /// Who answers
    #[arg(long = "as", value_name = "NAME", default_value = "operator", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) place: InJournal,
}
