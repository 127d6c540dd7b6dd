//! Workflows: plans that are checked, driven, steered and taken up again, on real guests.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the first surprise"
)]

mod bounds;
mod checked;
mod driven;
mod kept;
mod steered;

use engine::workflow::{StepStatus, Summary};
use serde_json::{Value, json};

fn none() -> Value {
    json!({})
}

fn status(summary: &Summary, step: &str) -> StepStatus {
    summary
        .steps
        .iter()
        .find(|found| found.id == step)
        .unwrap()
        .status
}

fn error(summary: &Summary, step: &str) -> &'static str {
    let found = summary.steps.iter().find(|found| found.id == step).unwrap();
    found.error.as_ref().unwrap().code.as_str()
}

fn state(summary: &Summary) -> String {
    serde_json::to_value(summary.state)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}
