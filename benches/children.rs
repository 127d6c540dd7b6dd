//! Measurements in processes of their own, so that none sees what another one left behind.

use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{live, report, whole};

/// What a child measures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Programs that take turns, from start to end.
    Programs(whole::Programs),
    /// Instances that live at the same time.
    Live(live::Live),
    /// Components in one process.
    Components(report::Components),
}

/// Measures in a child, and reads what it found.
pub(crate) fn ask<T: DeserializeOwned>(task: &Task) -> anyhow::Result<T> {
    let output = Command::new(std::env::current_exe()?)
        .args(["child", &serde_json::to_string(task)?])
        .stderr(Stdio::inherit())
        .output()?;
    anyhow::ensure!(output.status.success(), "it ended with {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What a child does: measures, and writes what it found to standard output.
pub(crate) fn answer(task: &str) {
    let found = match serde_json::from_str(task).unwrap() {
        Task::Programs(programs) => serde_json::to_string(&programs.measure()),
        Task::Live(live) => serde_json::to_string(&live.measure()),
        Task::Components(components) => serde_json::to_string(&components.measure()),
    };
    println!("{}", found.unwrap());
}
