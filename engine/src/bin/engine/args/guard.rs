//! What was typed about policies, approvals and capabilities.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use engine::data::Mode;

use super::{Grants, Output};

/// What judges a call.
#[derive(Debug, Default, Args)]
pub(crate) struct Guarding {
    /// The operator's configuration [default: `engine.toml` in the engine's home, if there is one]
    ///
    /// Limits and grants on the command line can only narrow those of the configuration. Where it says nothing
    /// about one of the two, the command line decides.
    #[arg(long, value_name = "FILE", env = "ENGINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// A bundle (`strict`, `permissive`, `paranoid`, `none`), or a file of Cedar policies; may be repeated
    ///
    /// A bundle takes the place of the configured one [default: strict]; files add policies to it.
    #[arg(long, value_name = "BUNDLE|FILE")]
    pub(crate) policy: Vec<String>,
    /// How policies are applied: `enforce`, `observe` or `off` [default: enforce]
    #[arg(long, value_name = "MODE", value_parser = mode)]
    pub(crate) guard: Option<Mode>,
    /// For whom the call is made
    #[arg(long, value_name = "NAME", default_value = "local", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) principal: String,
}

fn mode(text: &str) -> Result<Mode, String> {
    [Mode::Enforce, Mode::Observe, Mode::Off]
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| "expected `enforce`, `observe` or `off`".to_owned())
}

/// Check policies, explain a decision, or propose the least that recorded calls need
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    Check(PolicyCheck),
    Explain(Box<PolicyExplain>),
    Suggest(PolicySuggest),
    Schema(PolicySchema),
}

/// Check policies against the types of the functions they speak of
///
/// A policy that names a capability, a function or an argument that there is not is an error, with its place; so is a
/// rule of the configuration that names no capability there is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  engine policy check policies.cedar --component fs.wasm
  engine policy check --config engine.toml")]
pub(crate) struct PolicyCheck {
    /// Files of Cedar policies, besides those of the configuration
    pub(crate) files: Vec<PathBuf>,
    /// A component whose functions policies may speak of, besides the configured capabilities; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Vec<PathBuf>,
    /// The operator's configuration
    #[arg(long, value_name = "FILE", env = "ENGINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// Say what would be decided about a call, why, and the smallest change that would allow it
///
/// Nothing runs.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  engine policy explain fs.wasm write '{\"path\": \"out/a.txt\", \"content\": {\"tag\": \"text\", \"value\": \"\"}}'")]
pub(crate) struct PolicyExplain {
    /// The component, or the full name of a configured capability, which takes no FUNCTION
    pub(crate) component: PathBuf,
    /// The function
    pub(crate) function: Option<String>,
    /// The arguments, as for `engine exec`
    pub(crate) args: Option<String>,
    /// Arguments of a command
    #[arg(last = true, value_name = "GUEST-ARGS")]
    pub(crate) guest_args: Vec<String>,
    #[command(flatten, next_help_heading = "Grants")]
    pub(crate) grants: Grants,
    #[command(flatten, next_help_heading = "Policy")]
    pub(crate) guarding: Guarding,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// Propose the tightest policies and grants that cover recorded calls
///
/// Nothing in the proposal is broader than what was seen, unless `--generalise` says how.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  engine exec fs.wasm read '{\"path\": \"docs/a.md\"}' --dir docs --events events.jsonl
  engine policy suggest --events events.jsonl
  engine policy suggest --events events.jsonl --generalise arguments")]
pub(crate) struct PolicySuggest {
    /// Events as JSON Lines, from `engine exec --events` or `engine events export`
    #[arg(long, value_name = "FILE")]
    pub(crate) events: PathBuf,
    /// What may be broader than what was seen: `arguments` permits functions with any arguments, `principals`
    /// permits them for everybody; may be repeated
    #[arg(long, value_name = "WHAT")]
    pub(crate) generalise: Vec<Generalise>,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Generalise {
    /// Any arguments
    Arguments,
    /// Any principal
    Principals,
}

/// Print the Cedar schema that policies are checked against
#[derive(Debug, Args)]
pub(crate) struct PolicySchema {
    /// A component whose functions are in it, besides the configured capabilities; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Vec<PathBuf>,
    /// The operator's configuration
    #[arg(long, value_name = "FILE", env = "ENGINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Look at what waits for a person, and answer it
#[derive(Debug, Subcommand)]
pub(crate) enum ApprovalsCommand {
    Ls(ApprovalsLs),
    Show(ApprovalsShow),
    Approve(ApprovalsAnswer),
    Deny(ApprovalsAnswer),
}

/// List what waits for an answer
#[derive(Debug, Args)]
pub(crate) struct ApprovalsLs {
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) place: super::InJournal,
}

/// Show one question, whole: the exact call and what it would be given
#[derive(Debug, Args)]
pub(crate) struct ApprovalsShow {
    /// The question's name, or the start of it
    pub(crate) id: String,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) place: super::InJournal,
}

/// Answer one question, once
///
/// The answer lets exactly the call that was asked about run, once, before the question expires.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  engine approvals approve 3f9a0c1d22b7
  engine approvals deny 3f9a0c1d22b7 --reason 'not on a Friday' --as ann")]
pub(crate) struct ApprovalsAnswer {
    /// The question's name, or the start of it
    pub(crate) id: String,
    /// Who answers; whoever asked may not
    #[arg(long = "as", value_name = "NAME", default_value = "operator", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) by: String,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
    /// Give the same answer whenever these policies ask about this action for this principal
    ///
    /// It holds for calls that are given no more than this one: the same directories or some below them, with the
    /// same rights or fewer, and the same variables; arguments and limits may differ. It is kept in `learned.toml`
    /// beside the configuration. What a plan itself wants approved cannot be answered for always.
    #[arg(long)]
    pub(crate) always: bool,
    /// The operator's configuration
    #[arg(long, value_name = "FILE", env = "ENGINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: super::InJournal,
}

/// Configure the capabilities of a component, and pin them to its digest
///
/// The names come from the component's manifest, or one from `--name` and `--function`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  engine add fs.wasm
  engine add tool.wasm --name tool.run.v1 --function run")]
pub(crate) struct Add {
    /// The component
    pub(crate) component: PathBuf,
    /// A name for one function, such as `fs.read.v1`
    #[arg(long, value_name = "NAME", requires = "function")]
    pub(crate) name: Option<String>,
    /// The function that has this name
    #[arg(long, value_name = "FUNCTION", requires = "name")]
    pub(crate) function: Option<String>,
    /// The operator's configuration, which is made if there is none
    #[arg(long, value_name = "FILE", env = "ENGINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Pin every configured component to what it is now
///
/// A component that asks for more than before, describes itself in other words, or is older is not locked
/// until somebody accepts that.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  engine lock
  engine lock --accept fs.wasm")]
pub(crate) struct LockCommand {
    /// A component, as the configuration writes it, whose changes somebody looked at; may be repeated
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) accept: Vec<String>,
    /// The operator's configuration
    #[arg(long, value_name = "FILE", env = "ENGINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

/// Show what is different between two versions of a component: imports, functions, asked authority
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  engine diff fs-1.0.wasm fs-1.1.wasm")]
pub(crate) struct Diff {
    /// The older component
    pub(crate) old: PathBuf,
    /// The newer component
    pub(crate) new: PathBuf,
    /// Text for people, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}
