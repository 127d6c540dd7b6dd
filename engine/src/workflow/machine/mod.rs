//! The workflow as a function: a state and an input give a state and effects.
//!
//! No clock, no files, no guests: time is an input, and effects are done by whoever drives. Every input is made
//! durable before its effects are done, so that replaying the inputs gives the state back.

mod act;
mod budget;
mod change;
mod effect;
mod ends;
mod input;
mod phase;
mod question;
mod recover;
mod state;
mod step;
mod wind;

pub use effect::{Effect, Most};
pub use input::{
    Act, Approval, CallEnd, Evidence, Input, Known, Other, Output, Proposal, Remedy, Stalled, What,
};
pub use phase::{has_ended, may_go};
pub use question::{About, Question};
pub(crate) use state::Tallied;
pub use state::{State, StepState, StepStatus, Transition};
pub use step::step;

#[cfg(test)]
pub(in crate::workflow) mod tests;
