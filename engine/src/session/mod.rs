//! The whole way of one run: load, decide, start, call, and exactly one outcome.

mod approve;
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
pub use capability::Capability;
pub use clock::SystemClock;
pub use config::Config;
pub(crate) use engine::LookedUp;
pub use engine::{Engine, EngineBuilder};
pub use request::Call;
