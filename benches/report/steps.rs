//! Workflows of so many steps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use engine::data::JournalOptions;
use engine::workflow::{MemoryStore, Plan, PlanSpec, Start, WorkflowStore, Workflows};
use serde_json::json;

use super::chart::Plot;
use super::{line, plain, wide};
use crate::subject::{Guarding, Latest, Subject, measured, runtime, target};
use crate::timing::{Times, timed};

pub(super) fn plots() -> anyhow::Result<Vec<Plot>> {
    let bytes = measured();
    let (mut alone, mut memory, mut journaled) = (Vec::new(), Vec::new(), Vec::new());
    for count in [1, 10, 100, 1_000] {
        let each = |times: Vec<Duration>| {
            let median = Times::new(times).spread().median_us;
            (count as f64, median / count as f64)
        };
        let rounds = (200 / count).clamp(3, 50);
        let (mut of_calls, mut of_memory, mut of_journal) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let subject = Subject::new(&bytes, Guarding::Rules(20), Latest::default());
            of_calls.push(calls(&subject, count));
            of_memory.push(run(subject, Arc::new(MemoryStore::default()), count)?);
            let dir = tempfile::tempdir_in(target())?;
            let journal = JournalOptions::new().open(dir.path().join("journal.db"))?;
            let subject = Subject::new(&bytes, Guarding::Rules(20), journal.clone());
            of_journal.push(run(subject, Arc::new(journal.clone()), count)?);
            journal.close()?;
        }
        alone.push(each(of_calls));
        memory.push(each(of_memory));
        journaled.push(each(of_journal));
    }
    Ok(vec![Plot {
        title: "Workflows of so many steps".to_owned(),
        note: "Time of the whole workflow divided by its steps, each of which adds two numbers; and of calls that are no steps."
            .to_owned(),
        across: wide("steps"),
        up: plain("µs each"),
        lines: vec![
            line("calls that are no steps", alone),
            line("kept in memory", memory),
            line("kept in the journal", journaled),
        ],
    }])
}

/// How long so many calls take.
fn calls(subject: &Subject, count: usize) -> Duration {
    let runtime = runtime();
    let (took, ()) = timed(|| {
        for _ in 0..count {
            subject.value(&runtime, "add", r#"{"a":1,"b":2}"#);
        }
    });
    took
}

/// How long a workflow of so many steps takes once it is checked.
fn run(subject: Subject, store: Arc<dyn WorkflowStore>, count: usize) -> anyhow::Result<Duration> {
    let steps: Vec<_> = (0..count)
        .map(|number| {
            json!({
                "id": format!("s{number}"), "capability": "measured", "function": "add",
                "args": {"a": 1, "b": number},
            })
        })
        .collect();
    let spec: PlanSpec = serde_json::from_value(json!({
        "version": 1, "goal": "measure", "steps": steps, "max_steps": count,
        "preferences": {"stall_detection_ms": 3_600_000},
    }))?;
    let plan = Plan::new(spec, BTreeMap::new())
        .map_err(|problems| anyhow::anyhow!("the plan has problems: {problems:?}"))?;
    let workflows = Workflows::new(subject.engine, store).component(subject.component);
    runtime().block_on(async {
        let checked = workflows.check(&plan).await;
        let started = std::time::Instant::now();
        let summary = workflows.run(checked, Start::default()).await?;
        let took = started.elapsed();
        anyhow::ensure!(
            summary.calls == count as u64,
            "{} of {count} calls were made: {:?}",
            summary.calls,
            summary.error
        );
        Ok(took)
    })
}
