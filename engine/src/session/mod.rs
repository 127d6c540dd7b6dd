//! The whole way of one run: load, decide, start, call, and exactly one outcome.

mod ahead;
mod approve;
mod builder;
mod capability;
mod choose;
mod clock;
mod config;
mod ended;
mod engine;
mod loaded;
mod nested;
mod request;
mod run;

pub(crate) use crate::component::{Cancel, Compiled};
pub use builder::EngineBuilder;
pub use capability::Capability;
pub use clock::SystemClock;
pub use config::Config;
pub use engine::Engine;
pub(crate) use engine::LookedUp;
pub use request::Call;
