//! References in the arguments of a plan's steps: how they are written, what type they have, and what
//! takes their place.
//!
//! | Text | Stands for |
//! | --- | --- |
//! | `${steps.ID.output.a.0.b}` | the value at that path of the output of a step |
//! | `${inputs.NAME.a.0.b}` | the value at that path of an input of the plan |
//! | `${step.idempotency_key}` | the step's own idempotency key, a string |
//! | `$${` | the text `${` |
//!
//! A string that is one reference and nothing else stands for the value, with its type. Among other text
//! a reference is rendered, and the whole is a string. What takes the place of a reference is never
//! searched for references again.
//!
//! Types are checked by the rules that the engine reads arguments with, so that arguments without
//! references fit exactly if a call would take them.

mod fit;
mod literal;
mod place;
mod problem;
mod resolve;
mod takes;
mod template;
mod walk;
mod yields;

pub(crate) use fit::fit;
pub(crate) use problem::Problem;
pub(crate) use resolve::{at, resolve};
#[cfg(test)]
pub(crate) use template::Part;
pub(crate) use template::{Reference, Template};
pub(crate) use walk::references;
pub(crate) use yields::{Yields, output, yields};

#[cfg(test)]
mod tests;
