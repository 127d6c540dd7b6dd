//! Policies in Cedar.
//!
//! An author of policies has these words; there is no namespace.
//!
//! | Cedar | is |
//! | --- | --- |
//! | `Principal::"local"` | for whom it is done |
//! | `Action::"fs.read.v1"` | one function |
//! | `Action::"read"`, `"write"`, `"network"`, `"destructive"`, `"spend"` | all functions that declare the effect |
//! | `Action::"pure"`, `"computing"`, `"unknown"` | those that are declared pure, declare no effect, or have no manifest |
//! | `Action::"component:fs"` | all functions of one component |
//! | `Component::"fs"` | the component, with `digest`, `version?` and `manifest` |
//! | `context.args` | the arguments by name, in the types of the function's WIT |
//! | `context.facts` | what was found in the arguments |
//! | `context.calls` | what the same caller did before |
//! | `context.via`, `context.workflow?`, `context.step?` | on which way it was asked for |
//!
//! | Annotation | on | means |
//! | --- | --- | --- |
//! | `@id("…")` | both | the policy's name; `FILE:LINE` without it |
//! | `@reason("…")` | both | why, in words |
//! | `@approval("who")` | `forbid` | unless somebody approves |
//! | `@kill` | `forbid` | the whole workflow ends |
//! | `@warn` | `permit` | somebody should look at it all the same |
//!
//! What nobody permits is denied, a `forbid` wins over every `permit`, and so does an error.

mod annotations;
mod check;
mod context;
mod decide;
mod names;
mod parse;
mod patterns;
mod problem;
mod scan;
mod schema;
mod set;
mod slice;
mod values;

pub use check::Named;
pub use problem::Problem;
pub use schema::{Known, schema};
pub use set::CedarPolicies;
