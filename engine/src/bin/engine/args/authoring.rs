use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Output;

/// Make a project of a capability that builds and runs at once
///
/// The project has its types, its documentation and its manifest in WIT, a first function, a test case and a README.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  engine new weather\n  engine new weather --lang python\n  engine new weather --lang js && cd weather && engine build"
)]
pub(crate) struct New {
    /// The capability's name, and the directory that is made: lower-case words with `-` between them
    pub(crate) name: String,
    /// The language that it is written in
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    pub(crate) lang: Lang,
    /// What was made as paths, or as one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// Build the capability of a project, with its manifest inside
///
/// `Cargo.toml` says that the project is in Rust, `pyproject.toml` in Python, `package.json` in JavaScript. Of the last two,
/// the tool that makes the component is installed into the engine's home when it is first needed, and this is said.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  engine build\n  engine build weather -o weather.wasm\n  engine build --output json | jq .component.digest"
)]
pub(crate) struct Build {
    /// The directory of the project
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Where the component goes [default: `target/NAME.wasm` in the project]
    #[arg(long = "out", short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The language, where the project has files of several
    #[arg(long, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Lang>,
    /// The world, where the WIT has several
    #[arg(long, value_name = "NAME")]
    pub(crate) world: Option<String>,
    /// Fetch nothing from a registry
    #[arg(long)]
    pub(crate) offline: bool,
    /// What was built for people, or as one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Output,
}

/// The language that a capability is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    Rust,
    Python,
    Js,
}

impl Lang {
    /// As it is typed.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Python => "python",
            Self::Js => "js",
        }
    }
}
