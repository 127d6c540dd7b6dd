use std::path::PathBuf;

use clap::Args;

use super::Output;

/// Compile a component ahead of time
///
/// The file that is made holds the component and its code, and goes wherever a component does. It is for this engine alone:
/// it carries a seal of the key in the engine's home, and is refused by an engine with another home, of another version
/// or on another kind of processor. Then `engine compile` takes the file itself and compiles it anew.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  engine compile text.wasm -o text.cwasm\n  engine exec text.cwasm count-words '{\"text\": \"to be or not to be\"}'"
)]
pub(crate) struct Compile {
    /// The component: a `.wasm` file, WebAssembly text, or a file that was made by this command
    pub(crate) component: PathBuf,
    /// Where it goes [default: the component's name with `.cwasm`, in the current directory]
    #[arg(long = "out", short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Compile for runs with `--deterministic`, whose code is another one
    #[arg(long)]
    pub(crate) deterministic: bool,
    /// The operator's configuration, which can want components to be signed
    #[arg(long, value_name = "FILE", env = "ENGINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// What was made for people, or as one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}
