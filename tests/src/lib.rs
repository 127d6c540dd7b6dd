//! What the suites share: guests, a test engine, the six invariants of an attack, the command line.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod attack;
mod build;
mod cli;
mod flow;
mod hands;
mod npm;
mod process;
mod sample;
mod slow;
mod terminal;
mod test_engine;

pub use attack::{Attack, attack};
pub use build::{authoring, engine_binary, guest, repository, wat};
pub use cli::{Case, run_case};
pub use flow::{Flow, FlowBuilder};
pub use hands::Hands;
pub use npm::npm_modules;
pub use process::Process;
pub use sample::{sample, sample_manifest, with_section};
pub use terminal::AtTerminal;
pub use test_engine::{Run, TestEngine};
