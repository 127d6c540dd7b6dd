use std::path::PathBuf;

use clap::Args;

use super::Output;

/// Run the cases of a capability: calls, and what has to come of them
///
/// Cases are in `tests/*.toml` of the project. Each is a fresh instance with the grants and limits of the case alone, under
/// the policies of the bundle `strict`, and deterministic unless it says otherwise. The examples of the manifest are run
/// too, where their functions need no grants.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  engine test
  engine test weather --filter forecast
  engine test --bless
  engine test capabilities/text --component text.wasm --output json

Exit codes: 0 if every case passed, 1 if one failed, 2 if there are none or a file is wrong")]
pub(crate) struct Test {
    /// Projects, or files of cases [default: the working directory]
    #[arg(value_name = "DIR|FILE")]
    pub(crate) paths: Vec<PathBuf>,
    /// The component [default: the one in the project's `target`, where `engine build` puts it]
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Run only cases with this in their name, such as `text/counts`
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Take what comes out as the snapshots, and remove snapshots of no case
    #[arg(long)]
    pub(crate) bless: bool,
    /// A line for each case, or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}
